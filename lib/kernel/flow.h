/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_FLOW_H
#define EGRESSD_KERNEL_FLOW_H

#include "base/address.h"

#include <stdbool.h>
#include <stdint.h>

struct nlmsghdr;
struct wire;

/*
 * The connection whose helper expected another one, in its original direction, with the fields as
 * in struct flow. The two share their protocol family. A child keeps its master's tuple when the
 * master's entry is gone: to be told a master is no proof that it is still there.
 */
struct flow_master {
	struct address source;
	struct address destination;
	uint8_t protocol;
	bool has_ports;
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t code;
};

/*
 * An entry of the kernel's connection tracking (linux/netfilter/nfnetlink_conntrack.h): who
 * initiated what.
 */
struct flow {
	struct address source;      /* who initiated */
	struct address destination; /* where to, as the initiator wrote it */
	struct address reached;     /* where it went: the reply's source, behind DNAT */
	uint8_t protocol;           /* IANA number */
	/*
	 * The entry tells ports; for GRE these are the keys. A kernel that does not track a
	 * protocol by itself, as many do DCCP, has one entry without ports for all there is between
	 * two addresses. For ICMP and ICMPv6, which have none, source_port is the id,
	 * destination_port and reached_port are the type. Else all are 0.
	 */
	bool has_ports;
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t reached_port;
	uint8_t code; /* of ICMP and ICMPv6 */

	bool confirmed;
	bool seen_reply;
	bool assured;
	bool expected; /* a helper expected it (IPS_EXPECTED) */
	/* TCP that conntrack picked up without having seen its beginning: the initiator may be the
	 * other end (IP_CT_TCP_FLAG_BE_LIBERAL, which tcp_new() of nf_conntrack_proto_tcp.c sets
	 * for both directions of such an entry and of no other). */
	bool midstream;
	bool has_master;
	struct flow_master master;

	uint32_t id; /* CTA_ID, which tells apart two entries that follow each other in one tuple */
	uint16_t zone; /* of the original direction; 0: the default one */
};

/*
 * Reads a message that describes an entry (IPCTNL_MSG_CT_NEW), which must be as long as its header
 * says. 0, or -EBADMSG for one that is no entry of IPv4 or IPv6, or whose tuples or id are not
 * whole; then nothing is written.
 */
int flow_read(const struct nlmsghdr *message, struct flow *ret_flow);

/* The address family (AF_*) that a message about the flow carries in its header. */
uint8_t flow_message_family(const struct flow *flow);

/*
 * Writes the attributes that make a dump tell only entries whose original direction, or else whose
 * reply, comes from the address (CTA_FILTER).
 */
void flow_write_filter(struct wire *wire, const struct address *address, bool reply);

/* Writes the attributes that name exactly this entry: original tuple, zone and id. */
void flow_write_name(struct wire *wire, const struct flow *flow);

#endif
