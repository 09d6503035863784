/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/packet.h"

#include "base/protocol.h"

#include <errno.h>
#include <netinet/in.h>

#define IPV4_HEADER_BYTES 20 /* without options */
#define IPV6_HEADER_BYTES 40
#define PORTS_BYTES       4
#define TCP_FLAGS_BYTES   14 /* up to and with the flags */
#define ICMP_BYTES        8
#define FRAGMENT_BYTES    8

#define IPV4_OFFSET_MASK 0x1fff
#define IPV6_OFFSET_MASK 0xfff8

/* What is left of a packet; the cursor never passes the end. */
struct rest {
	const uint8_t *bytes;
	size_t length;
};

static uint16_t read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t read_u32(const uint8_t *bytes)
{
	return (uint32_t)read_u16(bytes) << 16 | read_u16(bytes + 2);
}

static void skip(struct rest *rest, size_t length)
{
	if (length > rest->length)
		length = rest->length;
	rest->bytes += length;
	rest->length -= length;
}

/* What lies behind the end that the header names is padding of the link. */
static void cut(struct rest *rest, size_t length)
{
	if (length < rest->length)
		rest->length = length;
}

/* The queries and their answers: RFC 792, RFC 950; RFC 4443. */
static bool icmp_has_identifier(uint8_t protocol, uint8_t type)
{
	if (protocol == IPPROTO_ICMP)
		return type == 0 || type == 8 || (type >= 13 && type <= 18);
	return type == 128 || type == 129;
}

static void dissect_transport(struct rest rest, struct packet *packet)
{
	const uint8_t *b = rest.bytes;

	if (packet->fragment)
		return;

	if (protocol_has_types(packet->protocol)) {
		if (rest.length < ICMP_BYTES)
			return;
		packet->has_ports = true;
		packet->destination_port = b[0];
		if (icmp_has_identifier(packet->protocol, b[0]))
			packet->source_port = read_u16(b + 4);
		return;
	}

	if (!protocol_has_ports(packet->protocol) || rest.length < PORTS_BYTES)
		return;
	packet->has_ports = true;
	packet->source_port = read_u16(b);
	packet->destination_port = read_u16(b + 2);

	if (packet->protocol != IPPROTO_TCP || rest.length < TCP_FLAGS_BYTES)
		return;
	packet->has_tcp = true;
	packet->tcp_sequence = read_u32(b + 4);
	packet->tcp_flags = b[13];
}

static int dissect_ipv4(struct rest rest, struct packet *packet)
{
	const uint8_t *b = rest.bytes;
	if (rest.length < IPV4_HEADER_BYTES)
		return -EINVAL;
	size_t header = (size_t)(b[0] & 0x0f) * 4;
	if (header < IPV4_HEADER_BYTES)
		return -EINVAL;

	*packet = (struct packet){
	        .source = address_from_bytes(FAMILY_IPV4, b + 12),
	        .destination = address_from_bytes(FAMILY_IPV4, b + 16),
	        .total_length = read_u16(b + 2),
	        .protocol = b[9],
	        .fragment = read_u16(b + 6) & IPV4_OFFSET_MASK,
	};
	if (packet->total_length)
		cut(&rest, packet->total_length);
	skip(&rest, header);
	dissect_transport(rest, packet);
	return 0;
}

/*
 * Whether the kernel looks behind a header of this number on its way to the protocol (its
 * ipv6_find_hdr() as nf_tables calls it). Mobility, HIP and shim6 headers and AH are protocols to
 * it, so a rule for tcp never matches behind one of them.
 */
static bool is_passed(uint8_t header)
{
	switch (header) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
		return true;
	default:
		return false;
	}
}

/* Whether a later fragment that names this number has a protocol; to the kernel AH is none there.
 */
static bool ends_fragment(uint8_t header)
{
	return !is_passed(header) && header != IPPROTO_AH;
}

/* Every step moves on by 8 bytes or more, so the length of the packet bounds the walk. */
static void walk_extensions(struct rest *rest, struct packet *packet)
{
	while (is_passed(packet->protocol)) {
		const uint8_t *b = rest->bytes;
		if (packet->protocol == IPPROTO_FRAGMENT) {
			if (rest->length < 4)
				return;
			packet->fragment = read_u16(b + 2) & IPV6_OFFSET_MASK;
			/* What a later fragment begins with is no header. */
			if (packet->fragment) {
				if (ends_fragment(b[0]))
					packet->protocol = b[0];
				return;
			}
			packet->protocol = b[0];
			skip(rest, FRAGMENT_BYTES);
		} else {
			size_t needed = packet->protocol == IPPROTO_ROUTING ? 4 : 2;
			if (rest->length < needed)
				return;
			packet->protocol = b[0];
			skip(rest, ((size_t)b[1] + 1) * 8);
		}
	}
}

static int dissect_ipv6(struct rest rest, struct packet *packet)
{
	const uint8_t *b = rest.bytes;
	if (rest.length < IPV6_HEADER_BYTES)
		return -EINVAL;

	*packet = (struct packet){
	        .source = address_from_bytes(FAMILY_IPV6, b + 8),
	        .destination = address_from_bytes(FAMILY_IPV6, b + 24),
	        .protocol = b[6],
	};
	/* A jumbogram (RFC 2675) says 0 here and its length in a hop-by-hop option. */
	uint16_t payload = read_u16(b + 4);
	if (payload || packet->protocol != IPPROTO_HOPOPTS) {
		packet->total_length = IPV6_HEADER_BYTES + (uint32_t)payload;
		cut(&rest, packet->total_length);
	}
	skip(&rest, IPV6_HEADER_BYTES);
	walk_extensions(&rest, packet);
	dissect_transport(rest, packet);
	return 0;
}

int packet_dissect(const uint8_t *bytes, size_t length, struct packet *ret_packet)
{
	if (!length)
		return -EINVAL;

	struct rest rest = {bytes, length};
	switch (bytes[0] >> 4) {
	case 4:
		return dissect_ipv4(rest, ret_packet);
	case 6:
		return dissect_ipv6(rest, ret_packet);
	default:
		return -EINVAL;
	}
}

bool packet_is_syn(const struct packet *packet)
{
	uint8_t deciding = TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN;
	return packet->has_tcp && (packet->tcp_flags & deciding) == TCP_FLAG_SYN;
}
