/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_COMMITTING_H
#define EGRESSD_COMMITTING_H

#include "enforcement.h"

#include <stdbool.h>

/* The commits of which a change consists, and what the kernel enforces when one does not verify. */

/*
 * Makes the table what is wanted in that phase, by a plan or by none (NULL): true when it was read
 * back as such. Else the outcome says why not, and whether the kernel took it all the same.
 */
bool commit_table(struct enforcement *enforcement, struct ruleset *wanted, enum phase phase,
                  const struct plan *plan, struct outcome *outcome);

/*
 * Brings the fast path back to a table that was verified without it, once the flows were judged.
 * outcome->flows_error says why it is not there. The outcome is LOAD_UNVERIFIED when nobody knows
 * whether it is; leave_unverified() is then to be called.
 */
void commit_fast_path(struct enforcement *enforcement, struct ruleset *wanted,
                      struct outcome *outcome);

/* The kernel took what was wanted, and nobody has seen it: the outcome becomes LOAD_UNVERIFIED. */
void leave_unverified(struct enforcement *enforcement, struct outcome *outcome);

/* Notes why a table did not come to be, or was not verified: a result of table_apply(). */
void say_stuck(struct outcome *outcome, const char *what, int result,
               const struct refusal *refusal);

#endif
