/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_REVOCATION_H
#define EGRESSD_REVOCATION_H

#include "kernel/conntrack.h"
#include "kernel/socket.h"
#include "policy/policy.h"
#include "ruleset/scope.h"

#include <stdbool.h>
#include <stddef.h>

/* What became of the flows that were established when a policy came into force. */
struct revocation {
	size_t cut;       /* entries deleted from conntrack, because the policy denies them */
	size_t kept;      /* all others: permitted, or none of the policy's business */
	size_t picked_up; /* of the kept: permitted as initiated by the other end, since now */
	bool forgotten;   /* more were cut than are remembered: their packets count as attempts */
};

/*
 * Judges the entries of conntrack that are in the scope of a change by the policy, and deletes
 * those that it denies, one by one; the cut ones are remembered in the table first, so that their
 * packets are no attempts. Meant for the time between the two commits of a change, while the kernel
 * itself judges every packet.
 *
 * A flow with an end that is in quarantine is denied, whoever began it.
 *
 * A flow of the gateway itself is judged as its `self` host, one from a host of the policy as if it
 * came in where it should. Conntrack keeps no MACs: where the policy has some, a flow is judged
 * with the one that the neighbour table has now for its source, on the interface that the source
 * is reached by. When it has none there, the flow of a host with MACs, or of an address that
 * belongs to nobody, is judged without a MAC, and so denied. In the same way a flow of a protocol
 * with ports, of which conntrack does not tell them, is denied whatever would need the port.
 *
 * A flow of TCP that was picked up (kernel/picked_up.h) is judged as initiated by its other end.
 * When the pickup window opens (opening), one of which conntrack saw no beginning, and which its
 * source may not initiate, is picked up if the other end may.
 *
 * 0 or a negative errno: then denied flows may be left in conntrack (-EAGAIN: it could not be read
 * to its end). *ret_revocation is written either way.
 */
int revoke_flows(struct kernel *kernel, struct conntrack *conntrack, const struct policy *policy,
                 const struct scope *scope, bool opening, struct revocation *ret_revocation);

#endif
