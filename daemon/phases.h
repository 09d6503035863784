/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PHASES_H
#define EGRESSD_PHASES_H

#include "enforcement.h"

/*
 * Makes the kernel's table what is wanted, by that policy (NULL: the closed table), in one commit
 * or, if it can deny something, in two phases with the flows judged between them; and notes in the
 * outcome what came of it: all but `problems`, `over`, `fallback` and `milliseconds`. A change that
 * cannot be verified is taken back before any flow is cut: the table is again that of `before`, the
 * policy that is enforced until then. Without one (NULL) it is the closed table, if that was there,
 * or the table of an earlier run; a policy that is its own `before` has none to go back to.
 */
void phases_commit(struct enforcement *enforcement, const struct policy *policy,
                   const struct policy *before, struct ruleset *wanted, struct outcome *outcome);

/* revoke_flows() over the enforcement's own socket. */
int phases_judge_flows(struct enforcement *enforcement, const struct policy *policy,
                       const struct scope *scope, struct revocation *ret_revocation);

#endif
