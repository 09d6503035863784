/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_COMPILE_H
#define EGRESSD_RULESET_COMPILE_H

#include "base/time.h"
#include "policy/policy.h"
#include "ruleset/ruleset.h"

/*
 * The table that enforces a checked policy and the requests bound to it (design section 5); 0 or
 * -ENOMEM. Locations in it borrow the names of files from the policy, which must outlive it; the
 * runtime need not. now is the time since 1970: what the kernel is to end gets the seconds left
 * from then on, and what has ended by then is left out.
 */
int ruleset_compile(const struct policy *policy, usec_t now, struct ruleset **ret_ruleset);

/*
 * Only the sets of assigned addresses, as ruleset_compile() would make them, for a table `have`
 * that was made by it from the same policy, with perhaps other assignments. 0, -ENOMEM, or -ENOENT
 * when that takes more than elements: a role to which none was assigned in `have` needs rules of
 * its own. Rules of roles to which none is assigned any more do no harm, and go with the next
 * compilation.
 */
int ruleset_assignments(const struct policy *policy, usec_t now, const struct ruleset *have,
                        struct ruleset **ret_ruleset);

/*
 * Likewise the sets of what is in quarantine; -ENOENT when that takes more than elements: the first
 * of a role needs rules of its own, and when nobody is in it any more, the rules are to go.
 */
int ruleset_quarantine_sets(const struct policy *policy, usec_t now, const struct ruleset *have,
                            struct ruleset **ret_ruleset);

/* True when anybody is in quarantine then. */
bool ruleset_quarantines(const struct policy *policy, usec_t now);

/*
 * The table for a gateway without any policy that could be read: nothing is forwarded but what was
 * already established; 0 or -ENOMEM.
 */
int ruleset_closed(struct ruleset **ret_ruleset);

/* True for that table, also when it was read back. */
bool ruleset_is_closed(const struct ruleset *ruleset);

#endif
