/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_COMPILE_H
#define EGRESSD_RULESET_COMPILE_H

#include "policy/policy.h"
#include "ruleset/ruleset.h"

/*
 * The table that enforces a checked policy (design section 5); 0 or -ENOMEM. Locations in it borrow
 * the names of files from the policy, which must outlive it.
 */
int ruleset_compile(const struct policy *policy, struct ruleset **ret_ruleset);

/*
 * The table for a gateway without any policy that could be read: nothing is forwarded but what was
 * already established; 0 or -ENOMEM.
 */
int ruleset_closed(struct ruleset **ret_ruleset);

/* True for that table, also when it was read back. */
bool ruleset_is_closed(const struct ruleset *ruleset);

#endif
