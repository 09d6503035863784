/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_SUMS_H
#define EGRESSCTL_SUMS_H

#include "egressctl.h"

#include <jansson.h>

/* What was blocked, summed up by one of its fields. */

/* The fields; ended by NULL. */
extern const char *const sums_fields[];

/* What the column of passed attempts means, as a sentence. */
extern const char sums_passed_note[];

/* The field's name when entries can be summed up by it, or NULL after complaining. */
const char *sums_field(const struct command *command, const char *by);

/*
 * An array of {by, attempts, passed, packets, entries, first, last}, where `by` bears the field's
 * name; the most attempts come first. Takes []Blocked. NULL without memory.
 */
json_t *sums_of(const json_t *blocked, const char *by);

/* Prints such an array as a table. */
void sums_print(const struct command *command, const json_t *sums, const char *by);

#endif
