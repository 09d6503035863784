/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_CHANGE_H
#define EGRESSCTL_CHANGE_H

#include "egressctl.h"

#include <jansson.h>
#include <stdbool.h>

/* What the verbs that change something at run time have in common. */

/*
 * The seconds of option --for, or null when it was not given. *ret_good is false when it is no
 * duration, which was then complained about. NULL without memory.
 */
json_t *change_seconds(const struct command *command, bool *ret_good);

/* How many flows it cut, how long it took, what may be unexpected, and what is not as it should be.
 */
void change_print(const struct command *command, const json_t *answer);

/* When the table was changed last and what that came to, out of a status; nothing if it never was.
 */
void change_print_last(const struct command *command, const json_t *status);

#define END_TEXT_MAX 160

/* "until 2026-11-22 18:00:00 CET (1 h 59 min)", or without a time "until egressctl VERB NAME", of
 * an entry that was asked for. */
const char *change_end(const struct command *command, const json_t *entry, const char *verb,
                       const char *name, char buffer[static END_TEXT_MAX]);

/* What a new entry took the place of (null: of nothing); what is its role, or "". */
void change_print_replaced(const struct command *command, const json_t *replaced, const char *verb,
                           const char *name, const char *what);

#endif
