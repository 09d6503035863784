/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/packet.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/protocol.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

/* A packet in the making. */
struct bytes {
	uint8_t data[256];
	size_t length;
};

#define TCP_SYN                                                                                    \
	0x04, 0xd2, 0x00, 0x50, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0x50, 0x02, 0x04, 0, 0, 0, 0, 0
#define UDP_TO_DNS 0x04, 0xd2, 0x00, 0x35, 0x00, 0x08, 0, 0

#define ADD(to, ...)                                                                               \
	do {                                                                                       \
		const uint8_t _added[] = {__VA_ARGS__};                                            \
		memcpy((to)->data + (to)->length, _added, sizeof(_added));                         \
		(to)->length += sizeof(_added);                                                    \
	} while (0)

/* 192.0.2.80 to 198.51.100.7; total length follows by finish(). */
static struct bytes ipv4(uint8_t protocol, uint16_t fragment)
{
	struct bytes b = {};
	ADD(&b, 0x45, 0, 0, 0, 0, 1, (uint8_t)(fragment >> 8), (uint8_t)fragment, 64, protocol, 0,
	    0, 192, 0, 2, 80, 198, 51, 100, 7);
	return b;
}

/* 2001:db8::80 to 2001:db8:ffff::7 */
static struct bytes ipv6(uint8_t next_header)
{
	struct bytes b = {};
	ADD(&b, 0x60, 0, 0, 0, 0, 0, next_header, 64);
	ADD(&b, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80);
	ADD(&b, 0x20, 1, 0x0d, 0xb8, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7);
	return b;
}

static void finish(struct bytes *b)
{
	if (b->data[0] >> 4 == 4) {
		b->data[2] = (uint8_t)(b->length >> 8);
		b->data[3] = (uint8_t)b->length;
	} else {
		b->data[4] = (uint8_t)((b->length - 40) >> 8);
		b->data[5] = (uint8_t)(b->length - 40);
	}
}

/* From a buffer of exactly that size, so that the sanitizer sees a read behind the end. */
static int dissect(const uint8_t *data, size_t length, struct packet *ret_packet)
{
	_cleanup_free_ uint8_t *exact = malloc(length ? length : 1);
	ck_assert_ptr_nonnull(exact);
	memcpy(exact, data, length);
	return packet_dissect(exact, length, ret_packet);
}

static struct packet taken_apart(struct bytes *b)
{
	struct packet packet;
	finish(b);
	ck_assert_int_eq(dissect(b->data, b->length, &packet), 0);
	return packet;
}

static void expect_addresses(const struct packet *packet, const char *source,
                             const char *destination)
{
	char text[ADDRESS_TEXT_MAX];
	ck_assert_str_eq(address_print(&packet->source, text), source);
	ck_assert_str_eq(address_print(&packet->destination, text), destination);
}

START_TEST(a_syn_with_ip_options_is_taken_apart)
{
	struct bytes b = ipv4(IPPROTO_TCP, 0x4000);
	b.data[0] = 0x47;
	ADD(&b, 0x94, 4, 0, 0, 1, 1, 1, 0);
	ADD(&b, TCP_SYN);
	struct packet p = taken_apart(&b);
	expect_addresses(&p, "192.0.2.80", "198.51.100.7");
	ck_assert_uint_eq(p.protocol, IPPROTO_TCP);
	ck_assert(p.has_ports && p.has_tcp && !p.fragment);
	ck_assert_uint_eq(p.source_port, 1234);
	ck_assert_uint_eq(p.destination_port, 80);
	ck_assert_uint_eq(p.tcp_sequence, 0x11223344);
	ck_assert_uint_eq(p.tcp_flags, TCP_FLAG_SYN);
	ck_assert_uint_eq(p.total_length, 48);
	ck_assert(packet_is_syn(&p));
}
END_TEST

START_TEST(only_syn_without_ack_rst_and_fin_is_a_syn)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		struct bytes b = ipv4(IPPROTO_TCP, 0);
		ADD(&b, TCP_SYN);
		b.data[20 + 13] = (uint8_t)flags;
		struct packet p = taken_apart(&b);
		bool syn = (flags & 0x02) && !(flags & 0x01) && !(flags & 0x04) && !(flags & 0x10);
		ck_assert_int_eq(packet_is_syn(&p), syn);
	}
}
END_TEST

START_TEST(icmp_gives_its_type_and_the_identifier_of_queries)
{
	static const struct {
		uint8_t protocol, type;
		uint16_t identifier;
	} cases[] = {
	        {IPPROTO_ICMP, 8, 0x1234},     {IPPROTO_ICMP, 13, 0x1234},
	        {IPPROTO_ICMP, 3, 0},          {IPPROTO_ICMPV6, 128, 0x1234},
	        {IPPROTO_ICMPV6, 129, 0x1234}, {IPPROTO_ICMPV6, 2, 0},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		bool old = cases[i].protocol == IPPROTO_ICMP;
		struct bytes b = old ? ipv4(IPPROTO_ICMP, 0) : ipv6(IPPROTO_ICMPV6);
		ADD(&b, cases[i].type, 0, 0, 0, 0x12, 0x34, 0, 1);
		struct packet p = taken_apart(&b);
		ck_assert(p.has_ports && !p.has_tcp);
		ck_assert_uint_eq(p.destination_port, cases[i].type);
		ck_assert_uint_eq(p.source_port, cases[i].identifier);
	}
}
END_TEST

START_TEST(protocols_without_ports_have_none)
{
	struct bytes b = ipv4(IPPROTO_GRE, 0);
	ADD(&b, 0x20, 0, 8, 0, 0, 0, 0, 9);
	struct packet p = taken_apart(&b);
	ck_assert_uint_eq(p.protocol, IPPROTO_GRE);
	ck_assert(!p.has_ports && !p.has_tcp);
}
END_TEST

START_TEST(later_fragments_have_no_ports)
{
	struct bytes b = ipv4(IPPROTO_UDP, 0x2000);
	ADD(&b, UDP_TO_DNS);
	struct packet p = taken_apart(&b);
	ck_assert(!p.fragment && p.has_ports);
	ck_assert_uint_eq(p.destination_port, 53);

	b = ipv4(IPPROTO_UDP, 0x2001);
	ADD(&b, UDP_TO_DNS);
	p = taken_apart(&b);
	ck_assert(p.fragment && !p.has_ports);
	ck_assert_uint_eq(p.protocol, IPPROTO_UDP);

	b = ipv6(IPPROTO_FRAGMENT);
	ADD(&b, IPPROTO_TCP, 0, 0, 1, 0, 0, 0, 9);
	ADD(&b, TCP_SYN);
	p = taken_apart(&b);
	ck_assert(!p.fragment && packet_is_syn(&p));

	b = ipv6(IPPROTO_FRAGMENT);
	ADD(&b, IPPROTO_TCP, 0, 0, 0x40, 0, 0, 0, 9);
	ADD(&b, TCP_SYN);
	p = taken_apart(&b);
	ck_assert(p.fragment && !p.has_ports && !p.has_tcp);
	ck_assert_uint_eq(p.protocol, IPPROTO_TCP);
}
END_TEST

START_TEST(extension_headers_are_passed)
{
	struct bytes b = ipv6(IPPROTO_HOPOPTS);
	ADD(&b, IPPROTO_ROUTING, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ADD(&b, IPPROTO_DSTOPTS, 0, 4, 0, 0, 0, 0, 0);
	ADD(&b, IPPROTO_FRAGMENT, 0, 1, 4, 0, 0, 0, 0);
	ADD(&b, IPPROTO_TCP, 0, 0, 0, 0, 0, 0, 9);
	ADD(&b, TCP_SYN);
	struct packet p = taken_apart(&b);
	expect_addresses(&p, "2001:db8::80", "2001:db8:ffff::7");
	ck_assert_uint_eq(p.protocol, IPPROTO_TCP);
	ck_assert_uint_eq(p.source_port, 1234);
	ck_assert_uint_eq(p.destination_port, 80);
	ck_assert_uint_eq(p.total_length, b.length);
	ck_assert(packet_is_syn(&p));
}
END_TEST

START_TEST(the_protocol_is_the_one_that_meta_l4proto_sees)
{
	/* As counted on Linux 6.18 by one rule a number; where it saw none, the header is ours. */
	static const struct {
		uint8_t first;
		uint8_t header[8];
		uint8_t seen;
	} cases[] = {
	        {0, {6, 0, 1, 4, 0, 0, 0, 0}, 6},       {60, {6, 0, 1, 4, 0, 0, 0, 0}, 6},
	        {43, {6, 0, 4, 0, 0, 0, 0, 0}, 6},      {44, {6, 0, 0, 1, 0, 0, 0, 9}, 6},
	        {44, {6, 0, 0, 0x40, 0, 0, 0, 9}, 6},   {44, {60, 0, 0, 0x40, 0, 0, 0, 9}, 44},
	        {44, {51, 0, 0, 0x40, 0, 0, 0, 9}, 44}, {51, {6, 1, 0, 0, 0, 0, 0, 0}, 51},
	        {135, {6, 0, 0, 0, 0, 0, 0, 0}, 135},   {139, {6, 0, 0, 0, 0, 0, 0, 0}, 139},
	        {140, {6, 0, 0, 0, 0, 0, 0, 0}, 140},   {50, {6, 0, 0, 0, 0, 0, 0, 0}, 50},
	        {59, {6, 0, 0, 0, 0, 0, 0, 0}, 59},     {0, {6, 200, 0, 0, 0, 0, 0, 0}, 6},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		struct bytes b = ipv6(cases[i].first);
		memcpy(b.data + b.length, cases[i].header, 8);
		b.length += 8;
		ADD(&b, TCP_SYN);
		struct packet p = taken_apart(&b);
		ck_assert_msg(p.protocol == cases[i].seen, "case %zu: %u", i, p.protocol);
		bool whole = cases[i].seen == 6 && !p.fragment && cases[i].header[1] == 0;
		ck_assert_msg(p.has_tcp == whole, "case %zu", i);
	}

	/* IPv4 has no chain of headers: AH is the protocol. */
	struct bytes b = ipv4(IPPROTO_AH, 0);
	ADD(&b, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ck_assert_uint_eq(taken_apart(&b).protocol, IPPROTO_AH);
}
END_TEST

/* What is known of a part of a packet is what is known of the whole, or less. */
static void expect_part(const struct packet *part, const struct packet *whole)
{
	ck_assert_int_eq(address_compare(&part->source, &whole->source), 0);
	ck_assert_int_eq(address_compare(&part->destination, &whole->destination), 0);
	if (part->has_ports) {
		ck_assert(whole->has_ports);
		ck_assert_uint_eq(part->protocol, whole->protocol);
		ck_assert_uint_eq(part->source_port, whole->source_port);
		ck_assert_uint_eq(part->destination_port, whole->destination_port);
	} else {
		ck_assert_uint_eq(part->source_port, 0);
		ck_assert_uint_eq(part->destination_port, 0);
		ck_assert(!part->has_tcp);
	}
	if (part->has_tcp) {
		ck_assert(whole->has_tcp);
		ck_assert_uint_eq(part->tcp_sequence, whole->tcp_sequence);
		ck_assert_uint_eq(part->tcp_flags, whole->tcp_flags);
	}
}

/* needed: bytes behind the IP header up to which the ports are not there. */
static void expect_every_part(struct bytes b, size_t header, size_t needed)
{
	struct packet whole = taken_apart(&b);
	for (size_t length = 0; length < b.length; length++) {
		struct packet part;
		int r = dissect(b.data, length, &part);
		ck_assert_int_eq(r, length < header ? -EINVAL : 0);
		if (r < 0)
			continue;
		expect_part(&part, &whole);
		ck_assert_int_eq(part.has_ports, length >= header + needed);
	}
}

START_TEST(a_packet_cut_off_anywhere_tells_less_but_nothing_else)
{
	struct bytes b = ipv4(IPPROTO_TCP, 0);
	ADD(&b, TCP_SYN);
	expect_every_part(b, 20, 4);

	b = ipv4(IPPROTO_TCP, 0);
	b.data[0] = 0x4f;
	for (unsigned i = 0; i < 40; i++)
		ADD(&b, 1);
	ADD(&b, TCP_SYN);
	expect_every_part(b, 20, 40 + 4);

	b = ipv4(IPPROTO_ICMP, 0);
	ADD(&b, 8, 0, 0, 0, 0x12, 0x34, 0, 1, 'd', 'a', 't', 'a');
	expect_every_part(b, 20, 8);

	b = ipv6(IPPROTO_UDP);
	ADD(&b, UDP_TO_DNS);
	expect_every_part(b, 40, 4);

	b = ipv6(IPPROTO_HOPOPTS);
	ADD(&b, IPPROTO_ROUTING, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ADD(&b, IPPROTO_FRAGMENT, 0, 4, 0, 0, 0, 0, 0);
	ADD(&b, IPPROTO_TCP, 0, 0, 1, 0, 0, 0, 9);
	ADD(&b, TCP_SYN);
	expect_every_part(b, 40, 32 + 4);
}
END_TEST

START_TEST(a_chain_cut_off_reports_the_header_where_it_ends)
{
	struct bytes b = ipv6(IPPROTO_HOPOPTS);
	ADD(&b, IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0);
	ADD(&b, IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0);
	ADD(&b, TCP_SYN);
	finish(&b);
	struct packet p;
	ck_assert_int_eq(dissect(b.data, 40, &p), 0);
	ck_assert_uint_eq(p.protocol, IPPROTO_HOPOPTS);
	ck_assert_int_eq(dissect(b.data, 41, &p), 0);
	ck_assert_uint_eq(p.protocol, IPPROTO_HOPOPTS);
	ck_assert_int_eq(dissect(b.data, 42, &p), 0);
	ck_assert_uint_eq(p.protocol, IPPROTO_DSTOPTS);
	ck_assert_int_eq(dissect(b.data, 48, &p), 0);
	ck_assert_uint_eq(p.protocol, IPPROTO_DSTOPTS);
	ck_assert_int_eq(dissect(b.data, 56, &p), 0);
	ck_assert_uint_eq(p.protocol, IPPROTO_TCP);
	ck_assert(!p.has_ports);
}
END_TEST

START_TEST(bytes_behind_the_packets_own_end_are_not_read)
{
	struct bytes b = ipv4(IPPROTO_TCP, 0);
	ADD(&b, TCP_SYN);
	finish(&b);
	struct packet p;
	b.data[3] = 20;
	ck_assert_int_eq(dissect(b.data, b.length, &p), 0);
	ck_assert(!p.has_ports);
	b.data[3] = 28;
	ck_assert_int_eq(dissect(b.data, b.length, &p), 0);
	ck_assert(p.has_ports && !p.has_tcp);
	b.data[3] = 3; /* less than its own header */
	ck_assert_int_eq(dissect(b.data, b.length, &p), 0);
	ck_assert(!p.has_ports);

	b = ipv6(IPPROTO_UDP);
	ADD(&b, UDP_TO_DNS);
	ck_assert_int_eq(dissect(b.data, b.length, &p), 0);
	ck_assert(!p.has_ports);
	ck_assert_uint_eq(p.total_length, 40);
}
END_TEST

START_TEST(a_jumbogram_is_read_to_where_it_was_cut_off)
{
	struct bytes b = ipv6(IPPROTO_HOPOPTS);
	ADD(&b, IPPROTO_TCP, 0, 0xc2, 4, 0, 1, 0, 0);
	ADD(&b, TCP_SYN);
	struct packet p;
	ck_assert_int_eq(dissect(b.data, b.length, &p), 0);
	ck_assert(packet_is_syn(&p));
	ck_assert_uint_eq(p.total_length, 0);
}
END_TEST

START_TEST(what_is_no_ip_packet_is_refused)
{
	struct packet p;
	struct bytes b = ipv4(IPPROTO_TCP, 0);
	ADD(&b, TCP_SYN);
	finish(&b);
	for (unsigned version = 0; version < 16; version++) {
		b.data[0] = (uint8_t)(version << 4 | 5);
		int r = dissect(b.data, b.length, &p);
		ck_assert_int_eq(r, version == 4 || version == 6 ? 0 : -EINVAL);
	}
	for (unsigned words = 0; words < 16; words++) {
		b.data[0] = (uint8_t)(0x40 | words);
		ck_assert_int_eq(dissect(b.data, b.length, &p), words < 5 ? -EINVAL : 0);
	}
}
END_TEST

START_TEST(no_bytes_whatever_make_it_say_nonsense)
{
	unsigned seed = (unsigned)time(NULL);
	printf("track-packet: seed %u\n", seed);
	srandom(seed);
	for (unsigned round = 0; round < 50000; round++) {
		uint8_t data[128];
		size_t length = (size_t)random() % sizeof(data);
		for (size_t i = 0; i < length; i++)
			data[i] = (uint8_t)random();
		/* Most rounds get past the first checks and into the chain. */
		static const uint8_t headers[] = {0, 43, 44, 60, 6, 17, 58, 51};
		if (length > 60 && random() % 4) {
			data[0] = 0x60;
			data[4] = 0;
			for (size_t i = 40; i < length - 1; i += 8) {
				data[i] = headers[random() % 8];
				data[i + 1] = (uint8_t)(random() % 3);
			}
			data[6] = headers[random() % 8];
		}
		struct packet p;
		if (dissect(data, length, &p) < 0)
			continue;
		ck_assert(!p.has_tcp || (p.has_ports && p.protocol == IPPROTO_TCP));
		ck_assert(!p.has_ports || !p.fragment);
		ck_assert(!p.has_ports || protocol_has_ports(p.protocol) ||
		          protocol_has_types(p.protocol));
		ck_assert(p.has_ports || (!p.source_port && !p.destination_port));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-packet");
	TCase *c = tcase_create("packet");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_syn_with_ip_options_is_taken_apart);
	tcase_add_test(c, only_syn_without_ack_rst_and_fin_is_a_syn);
	tcase_add_test(c, icmp_gives_its_type_and_the_identifier_of_queries);
	tcase_add_test(c, protocols_without_ports_have_none);
	tcase_add_test(c, later_fragments_have_no_ports);
	tcase_add_test(c, extension_headers_are_passed);
	tcase_add_test(c, the_protocol_is_the_one_that_meta_l4proto_sees);
	tcase_add_test(c, a_packet_cut_off_anywhere_tells_less_but_nothing_else);
	tcase_add_test(c, a_chain_cut_off_reports_the_header_where_it_ends);
	tcase_add_test(c, bytes_behind_the_packets_own_end_are_not_read);
	tcase_add_test(c, a_jumbogram_is_read_to_where_it_was_cut_off);
	tcase_add_test(c, what_is_no_ip_packet_is_refused);
	tcase_add_test(c, no_bytes_whatever_make_it_say_nonsense);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
