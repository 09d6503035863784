/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_COUNTS_H
#define EGRESSCTL_COUNTS_H

#include "egressctl.h"

#include <jansson.h>

/* What was counted, as tables out of a reply of GetStatus: by role, by reason and by source. */

/*
 * Asks what the sources tried that the tables show; of no others, for after a flood the list of all
 * is long. The entries are a ListBlocked's, to be released with json_decref(); anything but
 * OUTCOME_DONE was complained about, and leaves *ret_blocked as it was.
 */
enum outcome counts_ask_tried(const struct command *command, const json_t *status,
                              json_t **ret_blocked);

/*
 * Prints the tables, each after an empty line and none without rows: all roles, the reasons that
 * blocked something, the sources that were blocked most, and below them where to and how often, of
 * the entries that counts_ask_tried() got.
 */
void counts_print(const struct command *command, const json_t *status, const json_t *blocked);

#endif
