/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/flow.h"

#include "base/protocol.h"
#include "kernel/attribute.h"
#include "kernel/wire.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

/* What a filter compares, in CTA_FILTER_*_FLAGS: net/netfilter/nf_internals.h has the bits. */
#define FILTER_SOURCE 1u /* CTA_IP_V4_SRC or CTA_IP_V6_SRC */

/* One direction of an entry, in the fields of struct flow. */
struct tuple {
	struct address source;
	struct address destination;
	uint8_t protocol;
	bool has_ports;
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t code;
	uint16_t zone;
};

/* The attribute types that differ between the two families, and between ICMP and ICMPv6. */
struct address_types {
	unsigned source;
	unsigned destination;
};

struct icmp_types {
	unsigned id;
	unsigned type;
	unsigned code;
};

static struct address_types address_types(enum family family)
{
	switch (family) {
	case FAMILY_IPV4:
		return (struct address_types){CTA_IP_V4_SRC, CTA_IP_V4_DST};
	case FAMILY_IPV6:
		break;
	}
	return (struct address_types){CTA_IP_V6_SRC, CTA_IP_V6_DST};
}

static struct icmp_types icmp_types(uint8_t protocol)
{
	if (protocol == IPPROTO_ICMP)
		return (struct icmp_types){CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE,
		                           CTA_PROTO_ICMP_CODE};
	return (struct icmp_types){CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE,
	                           CTA_PROTO_ICMPV6_CODE};
}

static bool read_address(const struct nlattr *attribute, enum family family,
                         struct address *ret_address)
{
	size_t length;
	const uint8_t *bytes = attribute_bytes(attribute, &length);

	if (!bytes || length != family_length(family))
		return false;
	*ret_address = address_from_bytes(family, bytes);
	return true;
}

static bool read_addresses(const struct nlattr *nest, enum family family, struct tuple *tuple)
{
	struct address_types types = address_types(family);
	struct attributes fields;

	attributes_of_nested(&fields, nest);
	return read_address(fields.at[types.source], family, &tuple->source) &&
	       read_address(fields.at[types.destination], family, &tuple->destination);
}

static bool read_protocol(const struct nlattr *nest, struct tuple *tuple)
{
	struct attributes fields;
	struct icmp_types types;
	uint8_t type;

	attributes_of_nested(&fields, nest);
	if (!attribute_u8(fields.at[CTA_PROTO_NUM], &tuple->protocol))
		return false;
	if (protocol_has_types(tuple->protocol)) {
		types = icmp_types(tuple->protocol);
		if (!attribute_u16(fields.at[types.id], &tuple->source_port) ||
		    !attribute_u8(fields.at[types.type], &type) ||
		    !attribute_u8(fields.at[types.code], &tuple->code))
			return false;
		tuple->destination_port = type;
		return true;
	}

	/* What the kernel tracks without looking into it is told without ports, whatever it has. */
	if (!fields.at[CTA_PROTO_SRC_PORT] && !fields.at[CTA_PROTO_DST_PORT])
		return true;
	tuple->has_ports = true;
	return attribute_u16(fields.at[CTA_PROTO_SRC_PORT], &tuple->source_port) &&
	       attribute_u16(fields.at[CTA_PROTO_DST_PORT], &tuple->destination_port);
}

static bool read_tuple(const struct nlattr *nest, enum family family, struct tuple *ret_tuple)
{
	struct tuple tuple = {};
	struct attributes fields;

	attributes_of_nested(&fields, nest);
	if (!read_addresses(fields.at[CTA_TUPLE_IP], family, &tuple) ||
	    !read_protocol(fields.at[CTA_TUPLE_PROTO], &tuple))
		return false;
	/* A zone of one direction only stands here instead of beside the tuples. */
	if (fields.at[CTA_TUPLE_ZONE] && !attribute_u16(fields.at[CTA_TUPLE_ZONE], &tuple.zone))
		return false;
	*ret_tuple = tuple;
	return true;
}

static bool read_family(const struct nlmsghdr *message, enum family *ret_family)
{
	struct nfgenmsg header;

	memcpy(&header, mnl_nlmsg_get_payload(message), sizeof(header));
	if (header.nfgen_family != AF_INET && header.nfgen_family != AF_INET6)
		return false;
	*ret_family = header.nfgen_family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
	return true;
}

static struct flow flow_of_tuples(const struct tuple *original, const struct tuple *reply)
{
	bool has_types = protocol_has_types(original->protocol);

	return (struct flow){
	        .source = original->source,
	        .destination = original->destination,
	        .reached = reply->source,
	        .protocol = original->protocol,
	        .has_ports = original->has_ports,
	        .source_port = original->source_port,
	        .destination_port = original->destination_port,
	        /* The reply's type is the answer's, and no NAT changes a type. */
	        .reached_port = has_types ? original->destination_port : reply->source_port,
	        .code = original->code,
	        .zone = original->zone,
	};
}

static bool read_flags(const struct nlattr *attribute, struct nf_ct_tcp_flags *flags)
{
	size_t length;
	const uint8_t *bytes = attribute_bytes(attribute, &length);
	if (!bytes || length != sizeof(*flags))
		return false;
	memcpy(flags, bytes, sizeof(*flags));
	return true;
}

/* True for TCP of which conntrack saw no beginning. */
static bool is_midstream(const struct nlattr *nest)
{
	struct attributes info, tcp;
	struct nf_ct_tcp_flags original, reply;

	attributes_of_nested(&info, nest);
	attributes_of_nested(&tcp, info.at[CTA_PROTOINFO_TCP]);
	return read_flags(tcp.at[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL], &original) &&
	       read_flags(tcp.at[CTA_PROTOINFO_TCP_FLAGS_REPLY], &reply) &&
	       original.flags & reply.flags & IP_CT_TCP_FLAG_BE_LIBERAL;
}

static struct flow_master master_of_tuple(const struct tuple *tuple)
{
	return (struct flow_master){
	        .source = tuple->source,
	        .destination = tuple->destination,
	        .protocol = tuple->protocol,
	        .has_ports = tuple->has_ports,
	        .source_port = tuple->source_port,
	        .destination_port = tuple->destination_port,
	        .code = tuple->code,
	};
}

int flow_read(const struct nlmsghdr *message, struct flow *ret_flow)
{
	struct tuple original, reply, master;
	struct attributes attributes;
	enum family family;
	uint32_t status = 0;
	struct flow flow;

	if (message->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    message->nlmsg_len < sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) ||
	    !read_family(message, &family))
		return -EBADMSG;
	attributes_of_message(&attributes, message);

	if (!read_tuple(attributes.at[CTA_TUPLE_ORIG], family, &original) ||
	    !read_tuple(attributes.at[CTA_TUPLE_REPLY], family, &reply) ||
	    reply.protocol != original.protocol || reply.has_ports != original.has_ports)
		return -EBADMSG;
	flow = flow_of_tuples(&original, &reply);

	if (!attribute_u32(attributes.at[CTA_ID], &flow.id))
		return -EBADMSG;
	/* Without its zone an entry cannot be named, and another one would be. */
	if (attributes.at[CTA_ZONE] && !attribute_u16(attributes.at[CTA_ZONE], &flow.zone))
		return -EBADMSG;
	if (attributes.at[CTA_TUPLE_MASTER]) {
		if (!read_tuple(attributes.at[CTA_TUPLE_MASTER], family, &master))
			return -EBADMSG;
		flow.has_master = true;
		flow.master = master_of_tuple(&master);
	}
	(void)attribute_u32(attributes.at[CTA_STATUS], &status);
	flow.confirmed = status & IPS_CONFIRMED;
	flow.seen_reply = status & IPS_SEEN_REPLY;
	flow.assured = status & IPS_ASSURED;
	flow.expected = status & IPS_EXPECTED;
	flow.midstream = is_midstream(attributes.at[CTA_PROTOINFO]);

	*ret_flow = flow;
	return 0;
}

uint8_t flow_message_family(const struct flow *flow)
{
	return flow->source.family == FAMILY_IPV4 ? AF_INET : AF_INET6;
}

static void write_addresses(struct wire *wire, const struct flow *flow)
{
	enum family family = flow->source.family;
	struct address_types types = address_types(family);
	size_t nest = wire_nest(wire, CTA_TUPLE_IP);

	wire_put(wire, types.source, flow->source.bytes, family_length(family));
	wire_put(wire, types.destination, flow->destination.bytes, family_length(family));
	wire_nest_end(wire, nest);
}

static void write_protocol(struct wire *wire, const struct flow *flow)
{
	size_t nest = wire_nest(wire, CTA_TUPLE_PROTO);

	wire_u8(wire, CTA_PROTO_NUM, flow->protocol);
	if (protocol_has_types(flow->protocol)) {
		struct icmp_types types = icmp_types(flow->protocol);

		wire_u16(wire, types.id, flow->source_port);
		wire_u8(wire, types.type, (uint8_t)flow->destination_port);
		wire_u8(wire, types.code, flow->code);
	} else if (flow->has_ports) {
		wire_u16(wire, CTA_PROTO_SRC_PORT, flow->source_port);
		wire_u16(wire, CTA_PROTO_DST_PORT, flow->destination_port);
	}
	wire_nest_end(wire, nest);
}

void flow_write_filter(struct wire *wire, const struct address *address, bool reply)
{
	size_t tuple = wire_nest(wire, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	size_t nest = wire_nest(wire, CTA_TUPLE_IP);
	uint32_t flags = FILTER_SOURCE;

	wire_put(wire, address_types(address->family).source, address->bytes,
	         family_length(address->family));
	wire_nest_end(wire, nest);
	wire_nest_end(wire, tuple);

	/* Unlike everything around them, the flags are in the byte order of the host. */
	nest = wire_nest(wire, CTA_FILTER);
	wire_put(wire, reply ? CTA_FILTER_REPLY_FLAGS : CTA_FILTER_ORIG_FLAGS, &flags,
	         sizeof(flags));
	wire_nest_end(wire, nest);
}

void flow_write_name(struct wire *wire, const struct flow *flow)
{
	size_t nest = wire_nest(wire, CTA_TUPLE_ORIG);

	write_addresses(wire, flow);
	write_protocol(wire, flow);
	wire_nest_end(wire, nest);
	/* Kernels without zones refuse the attribute, and have nothing but the default one. */
	if (flow->zone != 0)
		wire_u16(wire, CTA_ZONE, flow->zone);
	wire_u32(wire, CTA_ID, flow->id);
}
