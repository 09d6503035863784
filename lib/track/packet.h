/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_PACKET_H
#define EGRESSD_TRACK_PACKET_H

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flags of a TCP header (RFC 9293, 3.1). */
#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

/* What of a packet tells one attempt from another. */
struct packet {
	struct address source;
	struct address destination; /* of the IP header; a routing header changes nothing */
	uint32_t total_length;      /* bytes, as the IP header says; 0: a jumbogram, or none said */
	/*
	 * The protocol that nftables' `meta l4proto` sees, so that events and rules speak of the
	 * same thing. Where that sees none, the number of the extension header at which the way
	 * to the protocol ended, cut off or contradicting itself.
	 */
	uint8_t protocol;
	bool fragment;        /* not the first one: its transport header was in another packet */
	bool has_ports;       /* the two fields below mean something */
	uint16_t source_port; /* ICMP: the identifier, 0 for types that have none */
	uint16_t destination_port; /* ICMP: the type */
	bool has_tcp;              /* the two fields below mean something */
	uint8_t tcp_flags;
	uint32_t tcp_sequence;
};

/*
 * Takes a packet apart, from the network header on (RFC 791, RFC 8200). It may be cut off anywhere
 * and may say anything. 0, or -EINVAL when there is no whole IP header in front; then nothing is
 * written.
 */
int packet_dissect(const uint8_t *bytes, size_t length, struct packet *ret_packet);

/* True for a packet that asks for a TCP connection: SYN without ACK, RST or FIN. */
bool packet_is_syn(const struct packet *packet);

#endif
