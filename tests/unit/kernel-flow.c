/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "kernel/flow.h"

#include "base/array.h"
#include "kernel/attribute.h"
#include "kernel/wire.h"

#include <check.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct address address(const char *text)
{
	struct address result;

	ck_assert_int_eq(address_parse(text, &result), 0);
	return result;
}

static void begin(struct wire *wire, uint8_t family)
{
	wire_begin(wire, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, 0, family, 0, 0);
}

static void put_addresses(struct wire *wire, const char *source, const char *destination)
{
	struct address from = address(source), to = address(destination);
	bool ipv4 = from.family == FAMILY_IPV4;
	size_t nest = wire_nest(wire, CTA_TUPLE_IP);

	wire_put(wire, ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, from.bytes,
	         family_length(from.family));
	wire_put(wire, ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, to.bytes, family_length(to.family));
	wire_nest_end(wire, nest);
}

static void put_ports(struct wire *wire, unsigned type, uint8_t protocol, const char *source,
                      uint16_t source_port, const char *destination, uint16_t port)
{
	size_t tuple = wire_nest(wire, type), nest;

	put_addresses(wire, source, destination);
	nest = wire_nest(wire, CTA_TUPLE_PROTO);
	wire_u8(wire, CTA_PROTO_NUM, protocol);
	wire_u16(wire, CTA_PROTO_SRC_PORT, source_port);
	wire_u16(wire, CTA_PROTO_DST_PORT, port);
	wire_nest_end(wire, nest);
	wire_nest_end(wire, tuple);
}

static void put_icmp(struct wire *wire, unsigned type, const char *source, const char *destination,
                     bool ipv6, uint8_t icmp_type)
{
	size_t tuple = wire_nest(wire, type), nest;

	put_addresses(wire, source, destination);
	nest = wire_nest(wire, CTA_TUPLE_PROTO);
	wire_u8(wire, CTA_PROTO_NUM, ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	wire_u16(wire, ipv6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, 77);
	wire_u8(wire, ipv6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, icmp_type);
	wire_u8(wire, ipv6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, 5);
	wire_nest_end(wire, nest);
	wire_nest_end(wire, tuple);
}

static int finish(struct wire *wire, struct flow *flow)
{
	wire_end(wire);
	ck_assert_int_eq(wire->error, 0);
	memset(flow, 0, sizeof(*flow));
	return flow_read((const struct nlmsghdr *)(void *)wire->bytes, flow);
}

static void check_address(const struct address *found, const char *text)
{
	struct address expected = address(text);

	ck_assert_int_eq(address_compare(found, &expected), 0);
}

/* A message with everything that a flow is read from, and with things it is not. */
static void put_whole(struct wire *wire)
{
	begin(wire, AF_INET);
	put_ports(wire, CTA_TUPLE_ORIG, IPPROTO_TCP, "192.0.2.1", 40000, "198.51.100.1", 8021);
	put_ports(wire, CTA_TUPLE_REPLY, IPPROTO_TCP, "10.0.0.9", 21, "203.0.113.5", 1024);
	wire_u32(wire, CTA_STATUS,
	         IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_EXPECTED | IPS_DST_NAT);
	wire_u32(wire, CTA_TIMEOUT, 432000);
	wire_u32(wire, 39, 1);
	wire_u32(wire, 1000, 1);
	wire_u32(wire, CTA_ID, UINT32_C(0xfedcba98));
	wire_u16(wire, CTA_ZONE, 7);
	put_ports(wire, CTA_TUPLE_MASTER, IPPROTO_UDP, "192.0.2.2", 50000, "198.51.100.3", 5060);
}

START_TEST(a_whole_entry_is_read)
{
	struct wire wire = {};
	struct flow flow;

	put_whole(&wire);
	ck_assert_int_eq(finish(&wire, &flow), 0);
	check_address(&flow.source, "192.0.2.1");
	check_address(&flow.destination, "198.51.100.1");
	check_address(&flow.reached, "10.0.0.9");
	ck_assert_uint_eq(flow.protocol, IPPROTO_TCP);
	ck_assert(flow.has_ports);
	ck_assert_uint_eq(flow.source_port, 40000);
	ck_assert_uint_eq(flow.destination_port, 8021);
	ck_assert_uint_eq(flow.reached_port, 21);
	ck_assert(flow.confirmed && flow.seen_reply && flow.assured && flow.expected);
	ck_assert_uint_eq(flow.id, UINT32_C(0xfedcba98));
	ck_assert_uint_eq(flow.zone, 7);
	ck_assert(flow.has_master);
	check_address(&flow.master.source, "192.0.2.2");
	check_address(&flow.master.destination, "198.51.100.3");
	ck_assert_uint_eq(flow.master.protocol, IPPROTO_UDP);
	ck_assert(flow.master.has_ports);
	ck_assert_uint_eq(flow.master.source_port, 50000);
	ck_assert_uint_eq(flow.master.destination_port, 5060);
	wire_done(&wire);
}
END_TEST

START_TEST(an_ipv6_entry_without_the_rest_is_read)
{
	struct wire wire = {};
	struct flow flow;

	begin(&wire, AF_INET6);
	put_ports(&wire, CTA_TUPLE_ORIG, IPPROTO_UDP, "2001:db8::1", 1, "2001:db8::2", 2);
	put_ports(&wire, CTA_TUPLE_REPLY, IPPROTO_UDP, "2001:db8::3", 3, "2001:db8::1", 1);
	wire_u32(&wire, CTA_ID, 1);
	ck_assert_int_eq(finish(&wire, &flow), 0);
	check_address(&flow.source, "2001:db8::1");
	check_address(&flow.destination, "2001:db8::2");
	check_address(&flow.reached, "2001:db8::3");
	ck_assert_uint_eq(flow.reached_port, 3);
	ck_assert(!flow.confirmed && !flow.seen_reply && !flow.assured && !flow.expected);
	ck_assert(!flow.has_master);
	ck_assert_uint_eq(flow.zone, 0);
	ck_assert_uint_eq(flow_message_family(&flow), AF_INET6);
	wire_done(&wire);
}
END_TEST

static const struct {
	const char *source;
	const char *destination;
	bool ipv6;
	uint8_t request;
	uint8_t answer;
} echoes[] = {
        {"192.0.2.1", "192.0.2.2", false, 8, 0},
        {"2001:db8::1", "2001:db8::2", true, 128, 129},
};

START_TEST(an_echo_is_read_with_the_type_that_was_asked_on_both_sides)
{
	struct wire wire = {};
	struct flow flow;

	begin(&wire, echoes[_i].ipv6 ? AF_INET6 : AF_INET);
	put_icmp(&wire, CTA_TUPLE_ORIG, echoes[_i].source, echoes[_i].destination, echoes[_i].ipv6,
	         echoes[_i].request);
	put_icmp(&wire, CTA_TUPLE_REPLY, echoes[_i].destination, echoes[_i].source, echoes[_i].ipv6,
	         echoes[_i].answer);
	wire_u32(&wire, CTA_ID, 1);
	ck_assert_int_eq(finish(&wire, &flow), 0);
	ck_assert(!flow.has_ports);
	ck_assert_uint_eq(flow.source_port, 77);
	ck_assert_uint_eq(flow.destination_port, echoes[_i].request);
	ck_assert_uint_eq(flow.reached_port, echoes[_i].request);
	ck_assert_uint_eq(flow.code, 5);
	wire_done(&wire);
}
END_TEST

static void put_bare(struct wire *wire, unsigned type, uint8_t protocol)
{
	size_t tuple = wire_nest(wire, type), nest;

	put_addresses(wire, "192.0.2.1", "192.0.2.2");
	nest = wire_nest(wire, CTA_TUPLE_PROTO);
	wire_u8(wire, CTA_PROTO_NUM, protocol);
	wire_nest_end(wire, nest);
	wire_nest_end(wire, tuple);
}

START_TEST(ports_may_be_untold_but_types_may_not)
{
	static const uint8_t without[] = {253, IPPROTO_ESP, 0, 255, IPPROTO_DCCP, IPPROTO_SCTP};
	static const uint8_t with[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};

	for (size_t i = 0; i < ELEMENTS_OF(without) + ELEMENTS_OF(with); i++) {
		bool needs = i >= ELEMENTS_OF(without);
		uint8_t protocol = needs ? with[i - ELEMENTS_OF(without)] : without[i];
		struct wire wire = {};
		struct flow flow;

		begin(&wire, AF_INET);
		put_bare(&wire, CTA_TUPLE_ORIG, protocol);
		put_bare(&wire, CTA_TUPLE_REPLY, protocol);
		wire_u32(&wire, CTA_ID, 1);
		ck_assert_int_eq(finish(&wire, &flow), needs ? -EBADMSG : 0);
		ck_assert(!flow.has_ports);
		ck_assert_uint_eq(flow.source_port, 0);
		ck_assert_uint_eq(flow.destination_port, 0);
		ck_assert_uint_eq(flow.reached_port, 0);
		if (!needs)
			ck_assert_uint_eq(flow.protocol, protocol);
		wire_done(&wire);
	}
}
END_TEST

START_TEST(a_master_may_be_without_ports)
{
	struct wire wire = {};
	struct flow flow;

	begin(&wire, AF_INET);
	put_ports(&wire, CTA_TUPLE_ORIG, IPPROTO_TCP, "192.0.2.1", 1, "192.0.2.2", 2);
	put_ports(&wire, CTA_TUPLE_REPLY, IPPROTO_TCP, "192.0.2.2", 2, "192.0.2.1", 1);
	wire_u32(&wire, CTA_ID, 1);
	put_bare(&wire, CTA_TUPLE_MASTER, IPPROTO_DCCP);
	ck_assert_int_eq(finish(&wire, &flow), 0);
	ck_assert(flow.has_ports && flow.has_master && !flow.master.has_ports);
	ck_assert_uint_eq(flow.master.destination_port, 0);
	wire_done(&wire);
}
END_TEST

static void put_one_port(struct wire *wire, unsigned type, unsigned port_type)
{
	size_t tuple = wire_nest(wire, type), nest;

	put_addresses(wire, "192.0.2.1", "192.0.2.2");
	nest = wire_nest(wire, CTA_TUPLE_PROTO);
	wire_u8(wire, CTA_PROTO_NUM, IPPROTO_DCCP);
	wire_u16(wire, port_type, 5);
	wire_nest_end(wire, nest);
	wire_nest_end(wire, tuple);
}

START_TEST(an_entry_with_some_of_its_ports_is_none)
{
	for (unsigned i = 0; i < 3; i++) {
		struct wire wire = {};
		struct flow flow;

		begin(&wire, AF_INET);
		if (i == 0)
			put_ports(&wire, CTA_TUPLE_ORIG, IPPROTO_DCCP, "192.0.2.1", 5, "192.0.2.2",
			          6);
		else
			put_one_port(&wire, CTA_TUPLE_ORIG,
			             i == 1 ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT);
		put_bare(&wire, CTA_TUPLE_REPLY, IPPROTO_DCCP);
		wire_u32(&wire, CTA_ID, 1);
		ck_assert_int_eq(finish(&wire, &flow), -EBADMSG);
		wire_done(&wire);
	}
}
END_TEST

/* What is done to the message of put_whole(), one thing at a time. */
enum damage {
	NO_ORIGINAL,
	NO_REPLY,
	NO_ID,
	SHORT_ID,
	LONG_ZONE,
	EMPTY_MASTER,
	OTHER_PROTOCOL,
	OTHER_FAMILY,
	UNKNOWN_FAMILY,
	DAMAGE_COUNT,
};

START_TEST(an_entry_that_lacks_what_names_it_is_none)
{
	enum damage damage = (enum damage)_i;
	struct wire wire = {};
	struct flow flow;

	begin(&wire,
	      damage == OTHER_FAMILY ? AF_INET6 : (damage == UNKNOWN_FAMILY ? AF_UNSPEC : AF_INET));
	if (damage != NO_ORIGINAL)
		put_ports(&wire, CTA_TUPLE_ORIG, IPPROTO_TCP, "192.0.2.1", 1, "192.0.2.2", 2);
	if (damage != NO_REPLY)
		put_ports(&wire, CTA_TUPLE_REPLY,
		          damage == OTHER_PROTOCOL ? IPPROTO_UDP : IPPROTO_TCP, "192.0.2.2", 2,
		          "192.0.2.1", 1);
	if (damage == SHORT_ID)
		wire_u16(&wire, CTA_ID, 1);
	else if (damage != NO_ID)
		wire_u32(&wire, CTA_ID, 1);
	if (damage == LONG_ZONE)
		wire_u32(&wire, CTA_ZONE, 1);
	if (damage == EMPTY_MASTER)
		wire_nest_end(&wire, wire_nest(&wire, CTA_TUPLE_MASTER));
	ck_assert_int_eq(finish(&wire, &flow), damage == DAMAGE_COUNT ? 0 : -EBADMSG);
	wire_done(&wire);
}
END_TEST

START_TEST(any_other_message_is_no_entry)
{
	static const unsigned types[][2] = {{NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE},
	                                    {NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_NEW},
	                                    {NFNL_SUBSYS_NFTABLES, 0}};

	for (size_t i = 0; i < ELEMENTS_OF(types); i++) {
		struct wire wire = {};
		uint16_t type = (uint16_t)(types[i][0] << 8 | types[i][1]);
		struct flow flow;

		put_whole(&wire);
		memcpy(wire.bytes + offsetof(struct nlmsghdr, nlmsg_type), &type, sizeof(type));
		ck_assert_int_eq(finish(&wire, &flow), -EBADMSG);
		wire_done(&wire);
	}
}
END_TEST

/* Reads the first bytes of a message, in a block of just that size for the sanitizers to watch. */
static int read_cut(const struct wire *wire, uint32_t length, struct flow *flow)
{
	uint8_t *copy = malloc(length);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, wire->bytes, length);
	memcpy(copy, &length, sizeof(length));
	r = flow_read((const struct nlmsghdr *)(void *)copy, flow);
	free(copy);
	return r;
}

START_TEST(an_entry_cut_off_anywhere_is_read_without_harm)
{
	struct wire wire = {};
	struct flow flow, untouched;
	size_t named;

	begin(&wire, AF_INET);
	put_ports(&wire, CTA_TUPLE_ORIG, IPPROTO_TCP, "192.0.2.1", 1, "192.0.2.2", 2);
	put_ports(&wire, CTA_TUPLE_REPLY, IPPROTO_TCP, "192.0.2.2", 2, "192.0.2.1", 1);
	wire_u32(&wire, CTA_ID, 1);
	named = wire.length;
	wire_u32(&wire, CTA_STATUS, IPS_CONFIRMED);
	put_ports(&wire, CTA_TUPLE_MASTER, IPPROTO_TCP, "192.0.2.3", 3, "192.0.2.4", 4);
	ck_assert_int_eq(finish(&wire, &flow), 0);
	ck_assert(flow.has_master);

	memset(&untouched, 0xa5, sizeof(untouched));
	for (uint32_t length = sizeof(struct nlmsghdr); length < wire.length; length++) {
		memset(&flow, 0xa5, sizeof(flow));
		if (length < named) {
			ck_assert_int_eq(read_cut(&wire, length, &flow), -EBADMSG);
			ck_assert_mem_eq(&flow, &untouched, sizeof(flow));
		} else {
			ck_assert_int_eq(read_cut(&wire, length, &flow), 0);
			ck_assert(!flow.has_master);
		}
	}
	wire_done(&wire);
}
END_TEST

/* Lengths and types of nested attributes among them, each by every small number. */
START_TEST(any_two_bytes_may_be_wrong_without_harm)
{
	struct wire wire = {};
	struct flow flow;
	unsigned read = 0;

	put_whole(&wire);
	ck_assert_int_eq(finish(&wire, &flow), 0);
	for (size_t at = sizeof(struct nlmsghdr); at + 2 <= wire.length; at += 2) {
		for (uint16_t value = 0; value < 80; value++) {
			uint16_t kept;

			memcpy(&kept, wire.bytes + at, sizeof(kept));
			memcpy(wire.bytes + at, &value, sizeof(value));
			if (read_cut(&wire, (uint32_t)wire.length, &flow) == 0)
				read++;
			memcpy(wire.bytes + at, &kept, sizeof(kept));
		}
	}
	/* Most bytes are values, of which any is good. */
	ck_assert_uint_gt(read, 1000);
	wire_done(&wire);
}
END_TEST

static void check_name(const struct flow *flow)
{
	struct attributes message, tuple;
	struct wire wire = {}, again = {};
	size_t length;
	const uint8_t *bytes;
	struct flow copy;

	begin(&wire, flow_message_family(flow));
	flow_write_name(&wire, flow);
	wire_end(&wire);
	ck_assert_int_eq(wire.error, 0);
	attributes_of_message(&message, (const struct nlmsghdr *)(void *)wire.bytes);
	attributes_of_nested(&tuple, message.at[CTA_TUPLE_ORIG]);
	ck_assert_ptr_nonnull(tuple.at[CTA_TUPLE_IP]);
	ck_assert_ptr_nonnull(tuple.at[CTA_TUPLE_PROTO]);
	ck_assert_int_eq(message.at[CTA_ZONE] != NULL, flow->zone != 0);

	/* With the same tuple as its reply, the name reads as an entry. */
	begin(&again, flow_message_family(flow));
	flow_write_name(&again, flow);
	bytes = attribute_bytes(message.at[CTA_TUPLE_ORIG], &length);
	wire_put(&again, CTA_TUPLE_REPLY, bytes, length);
	ck_assert_int_eq(finish(&again, &copy), 0);
	ck_assert_int_eq(address_compare(&copy.source, &flow->source), 0);
	ck_assert_int_eq(address_compare(&copy.destination, &flow->destination), 0);
	ck_assert_uint_eq(copy.protocol, flow->protocol);
	ck_assert_int_eq(copy.has_ports, flow->has_ports);
	ck_assert_uint_eq(copy.source_port, flow->source_port);
	ck_assert_uint_eq(copy.destination_port, flow->destination_port);
	ck_assert_uint_eq(copy.code, flow->code);
	ck_assert_uint_eq(copy.id, flow->id);
	ck_assert_uint_eq(copy.zone, flow->zone);
	wire_done(&wire);
	wire_done(&again);
}

START_TEST(the_name_that_is_written_says_what_was_read)
{
	struct flow flow = {
	        .source = address("192.0.2.1"),
	        .destination = address("192.0.2.2"),
	        .protocol = IPPROTO_TCP,
	        .has_ports = true,
	        .source_port = 40000,
	        .destination_port = 443,
	        .id = UINT32_C(0x80000001),
	};

	check_name(&flow);
	flow.zone = 65535;
	check_name(&flow);
	flow.protocol = IPPROTO_GRE;
	check_name(&flow);
	flow.protocol = 253;
	flow.has_ports = false;
	flow.source_port = flow.destination_port = 0;
	check_name(&flow);
	flow.protocol = IPPROTO_DCCP;
	check_name(&flow);
	flow.protocol = IPPROTO_ICMP;
	flow.source_port = 9999;
	flow.destination_port = 8;
	flow.code = 3;
	check_name(&flow);
	flow.source = address("2001:db8::1");
	flow.destination = address("2001:db8::2");
	flow.protocol = IPPROTO_ICMPV6;
	flow.destination_port = 128;
	check_name(&flow);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel-flow");
	TCase *tests = tcase_create("flow");

	tcase_add_test(tests, a_whole_entry_is_read);
	tcase_add_test(tests, an_ipv6_entry_without_the_rest_is_read);
	tcase_add_loop_test(tests, an_echo_is_read_with_the_type_that_was_asked_on_both_sides, 0,
	                    ELEMENTS_OF(echoes));
	tcase_add_test(tests, ports_may_be_untold_but_types_may_not);
	tcase_add_test(tests, a_master_may_be_without_ports);
	tcase_add_test(tests, an_entry_with_some_of_its_ports_is_none);
	/* The last one is the message without any damage. */
	tcase_add_loop_test(tests, an_entry_that_lacks_what_names_it_is_none, 0, DAMAGE_COUNT + 1);
	tcase_add_test(tests, any_other_message_is_no_entry);
	tcase_add_test(tests, an_entry_cut_off_anywhere_is_read_without_harm);
	tcase_add_test(tests, any_two_bytes_may_be_wrong_without_harm);
	tcase_add_test(tests, the_name_that_is_written_says_what_was_read);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
