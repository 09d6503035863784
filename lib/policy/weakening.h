/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_WEAKENING_H
#define EGRESSD_POLICY_WEAKENING_H

#include "base/problems.h"
#include "policy/policy.h"

/*
 * Finds what a change of the policy takes away that an operator hardly ever means to take away, as
 * when an installation replaces the configuration by a shipped one. Each finding is a warning with
 * the file and line in `after`; nothing keeps the change from coming into force.
 *
 *   - Hosts were enforced, and no host is enforced any more, or more than half of the hosts that
 *     were enforced are in audit mode now.
 *   - Sources that are no host, and spoofed ones, were blocked, and pass now (the gateway's mode).
 *   - More than half of the hosts are gone. A host that has another name and the same addresses is
 *     not gone.
 *   - More than half of the inside interfaces are not inside any more, so nobody judges their
 * hosts.
 *   - Roles had `inbound`, and no role has it any more.
 *   - There was a blocklist, and there is none any more.
 *
 * `revert` is the command that puts the policy before back; each warning names it. Takes time
 * proportional to the number of hosts, times its logarithm. Without memory, problems->incomplete is
 * set.
 */
struct interface_names {
	const char *const *items;
	size_t count;
};
void policy_weakening(const struct policy *before, const struct policy *after,
                      struct interface_names interfaces, const char *revert,
                      struct problems *warnings);

#endif
