/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PHASES_H
#define EGRESSD_PHASES_H

#include "enforcement.h"

/*
 * Makes the kernel's table what is wanted, by that policy (NULL: the closed table), in one commit
 * or, if it can deny something, in two phases with the flows judged between them; and notes in the
 * outcome what came of it: all but `problems`, `over`, `fallback` and `milliseconds`.
 */
void phases_commit(struct enforcement *enforcement, const struct policy *policy,
                   struct ruleset *wanted, struct outcome *outcome);

/* revoke_flows() over the enforcement's own socket. */
int phases_judge_flows(struct enforcement *enforcement, const struct policy *policy,
                       const struct scope *scope, struct revocation *ret_revocation);

#endif
