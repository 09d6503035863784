/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_PROTOCOL_H
#define EGRESSD_BASE_PROTOCOL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_TEXT_MAX 16

/*
 * IP protocol numbers (IANA "Assigned Internet Protocol Numbers") under the names that nft uses,
 * with one exception: ipv6-icmp is called icmpv6. An ICMP type takes the place of a port.
 */

/* tcp, udp, udplite, dccp, sctp: a connection has a destination port. */
static inline bool protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_SCTP;
}

/* icmp, icmpv6: a connection has a type. */
static inline bool protocol_has_types(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* Writes the name, or the number when it has none; returns buffer. */
const char *protocol_print(uint8_t protocol, char buffer[static PROTOCOL_TEXT_MAX]);

/* The protocol of that name; 0, or -EINVAL when there is none. Numbers are no names here. */
int protocol_parse(const char *name, uint8_t *ret_protocol);

/*
 * An ICMP (protocol 1) or ICMPv6 (protocol 58) type by its name as in nft(8), or by number;
 * 0 or -EINVAL.
 */
int icmp_type_parse(uint8_t protocol, const char *name, uint8_t *ret_type);

/* The name of a type as in nft(8), or NULL when it has none. */
const char *icmp_type_name(uint8_t protocol, uint8_t type);

/* The names in turn, for "did you mean"; NULL after the last. */
const char *protocol_name_at(unsigned index);
const char *icmp_type_name_at(uint8_t protocol, unsigned index);

#endif
