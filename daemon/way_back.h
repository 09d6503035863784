/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_WAY_BACK_H
#define EGRESSD_WAY_BACK_H

#include "enforcement.h"

/*
 * Takes back a change that the kernel took, or may have taken, and that was not verified, before
 * any flow is cut by it: in one batch the table is again that of `before`, the policy that is
 * enforced until then, or without one (NULL) the closed table, if that was there, or `inherited`,
 * the table of an earlier run (NULL: there was none). Flows that began meanwhile are judged by
 * `before`. `wanted` is what the change was to make (NULL: not known). The outcome and
 * enforcement->unverified say what the kernel enforces in the end, as far as its answers tell.
 */
void way_back_go(struct enforcement *enforcement, const struct policy *before,
                 struct ruleset *wanted, struct ruleset *inherited, struct outcome *outcome);

/* There is no other table to go back to: only what is enforced now is noted. */
void way_back_none(struct enforcement *enforcement, struct outcome *outcome);

#endif
