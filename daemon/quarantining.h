/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_QUARANTINING_H
#define EGRESSD_QUARANTINING_H

#include "enforcement.h"

/*
 * Puts the quarantines of the policy in force, as it is to be, into the kernel, where that takes
 * elements alone: a batch of a few instead of a table compiled and compared. 0: done, with what
 * came of it in the outcome; REASSIGN_UNDECIDED: it takes the whole table; or a negative errno.
 */
int quarantine_elements(struct enforcement *enforcement, const struct policy *next,
                        struct outcome *outcome);

/*
 * Cuts the flows with that request's host or address at an end, if it is in quarantine; what came
 * of it is added to the outcome. Its packets are dropped already: should the flows not be judged
 * now, they are judged later.
 */
void quarantine_cut(struct enforcement *enforcement, const struct request_entry *request,
                    struct outcome *outcome);

#endif
