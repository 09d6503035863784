/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_JUDGE_H
#define EGRESSD_POLICY_JUDGE_H

#include "base/reason.h"
#include "policy/policy.h"

enum origin {
	ORIGIN_INSIDE,  /* forwarded, came in on an inside interface */
	ORIGIN_OUTSIDE, /* forwarded, came in on any other interface */
	ORIGIN_SELF,    /* the gateway's own, leaving through the output hook */
};

/* The first packet of a connection, as much of it as judgement needs. */
struct connection {
	enum origin origin;
	struct address source;
	struct address destination; /* of the same family */
	uint8_t protocol;
	bool has_port; /* false: a protocol without, or a port that cannot be seen (a fragment) */
	uint16_t port; /* destination port, or ICMP type */
	bool has_mac;
	struct mac mac; /* the source's, where the link has one */
	bool spoofed;   /* the caller asked the routing table: design section 4 */
};

/* One finding against a connection. */
struct offence {
	enum reason reason;
	const struct role *role; /* whose counter it counts in; NULL for spoofed and unassigned */
	enum mode mode;          /* MODE_AUDIT: counted, but let pass */
	struct location at;      /* the line of the configuration that decided */
};

struct judgement {
	bool permitted; /* by the policy; modes play no part in it */
	bool passes;    /* what happens to the packet: permitted, or every offence was in audit */
	struct offence offences[2]; /* an outbound one, or inbound, or (outbound in audit) both */
	size_t offence_count;
	const struct host *source;      /* NULL: not judged (outside), unknown or spoofed */
	const struct host *destination; /* NULL: no host of the policy */
	/* Permitted: the line that permits it, if there is one; line 0: who permitted it at run
	 * time. */
	struct location at;
	const char *helper; /* conntrack helper that it gets, or NULL */
};

/*
 * Judges a connection by the policy alone, with the requests bound to it, as the table does in the
 * kernel (design section 4, "Rulings"). Without clock or kernel, so throttle never comes out of it:
 * what a role with a throttle permits, the kernel may block for a while.
 */
void judge(const struct policy *policy, const struct connection *connection,
           struct judgement *ret_judgement);

/*
 * The mode that decided about a packet which the table counted for that reason and role (NULL: for
 * none), of which only that and its ends are known. `host` is the one whose mode decides: at the
 * source, and for `inbound` at the destination; NULL: none, or not known any more. A host that has
 * another role by now says nothing of it, so that the role's own mode decides then, and the
 * gateway's where that role is gone. MODE_ENFORCE or MODE_AUDIT.
 */
enum mode judged_mode(const struct policy *policy, enum reason reason, const char *role,
                      const struct host *host);

/*
 * What the table does with a segment of TCP, by judge()'s verdict: judges it with its ends swapped
 * before that verdict counts, never, or only when the connection was picked up. A source that is
 * forged, an impostor or in quarantine is never judged like that. What the role of an inside source
 * permits is the source's own connection, unless it was picked up.
 */
enum swap {
	SWAP_NEVER,
	SWAP_PICKED_UP, /* if it was picked up */
	SWAP_ALWAYS,    /* and also while the pickup window is open */
};
enum swap judgement_swap(const struct connection *connection, const struct judgement *judgement);

/*
 * Judges a connection of TCP as if its other end had initiated it. `source_port` is the source's;
 * `other` says where the destination lies. Nothing shows which machine gets a segment, so that a
 * host with MACs initiated nothing.
 */
void judge_swapped(const struct policy *policy, const struct connection *connection,
                   uint16_t source_port, enum origin other, struct judgement *ret_judgement);

#endif
