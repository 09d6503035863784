/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_REASSIGNMENT_H
#define EGRESSD_REASSIGNMENT_H

#include "enforcement.h"
#include "policy/runtime.h"

#define REASSIGN_UNDECIDED 1 /* it takes the whole table: enforcement_rebind() */

/*
 * Puts the assignments of the policy in force, as it is to be with these requests, into the kernel,
 * of which only the one of that address differs from what the kernel has: a batch of a few elements
 * instead of a table compiled and compared. Flows with that address at an end are judged at once
 * after it, if there are any; those that it denies pass until then, which is some milliseconds.
 *
 * 0: done, with what came of it in the outcome; REASSIGN_UNDECIDED, or a negative errno.
 */
int reassign(struct enforcement *enforcement, const struct policy *next,
             const struct requests *requests, const struct address *address,
             struct outcome *outcome);

/*
 * Makes some timed sets of the table what `wanted` says; 0 with what came of it in the outcome,
 * REASSIGN_UNDECIDED, or a negative errno. outcome->touched and `taken` tell whether the kernel may
 * have them all the same.
 */
int apply_timed_sets(struct enforcement *enforcement, const struct ruleset *wanted,
                     struct outcome *outcome);

#endif
