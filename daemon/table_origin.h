/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TABLE_ORIGIN_H
#define EGRESSD_TABLE_ORIGIN_H

#include <stdbool.h>

/*
 * Out of which policy, and by which build of egressd, the kernel's table was made last; kept in the
 * state directory. Only a table of the same origin has to be just as it is made again: another
 * build may make another one of the same policy.
 */
#define TABLE_ORIGIN_NAME "table-origin"

/* Whether the table was made last by this build, out of the policy of that digest. */
bool table_origin_is(const char *directory, const char *digest);

/* Notes that it is now; that it cannot be, is of no consequence but for what is told later. */
void table_origin_note(const char *directory, const char *digest);

#endif
