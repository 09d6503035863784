/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/attempt.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <time.h>

#define START ((usec_t)1700000000 * USEC_PER_SEC)

static struct attempts *attempts;

static void setup(void)
{
	ck_assert_int_eq(attempts_new(64, &attempts), 0);
}

static void teardown(void)
{
	attempts = attempts_free(attempts);
}

static struct packet packet(uint8_t protocol, uint16_t source_port, uint16_t destination_port)
{
	struct packet p = {
	        .protocol = protocol,
	        .has_ports = true,
	        .source_port = source_port,
	        .destination_port = destination_port,
	};
	ck_assert_int_eq(address_parse("192.0.2.80", &p.source), 0);
	ck_assert_int_eq(address_parse("198.51.100.7", &p.destination), 0);
	return p;
}

static struct packet syn(uint32_t sequence)
{
	struct packet p = packet(IPPROTO_TCP, 40000, 25);
	p.has_tcp = true;
	p.tcp_flags = TCP_FLAG_SYN;
	p.tcp_sequence = sequence;
	return p;
}

/* Notes it so many milliseconds after the start. */
static enum attempt note(struct packet p, usec_t msec)
{
	return attempts_note(attempts, &p, REASON_ROLE, START + msec * USEC_PER_MSEC);
}

START_TEST(a_syn_sent_again_and_again_is_one_attempt)
{
	static const unsigned seconds[] = {1, 2, 3, 4, 5, 7, 11, 19};
	ck_assert_int_eq(note(syn(77), 0), ATTEMPT_NEW);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(note(syn(77), seconds[i] * 1000), ATTEMPT_REPEATED);
	ck_assert_uint_eq(attempts_count(attempts), 1);
}
END_TEST

START_TEST(a_syn_whose_ecn_flags_were_given_up_is_the_same_attempt)
{
	struct packet p = syn(77);
	p.tcp_flags = TCP_FLAG_SYN | 0xc0;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(77), 1000), ATTEMPT_REPEATED);
}
END_TEST

START_TEST(two_sequence_numbers_are_two_attempts)
{
	ck_assert_int_eq(note(syn(77), 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(78), 1), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(77), 1000), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(syn(78), 1001), ATTEMPT_REPEATED);
}
END_TEST

START_TEST(a_syn_is_the_same_attempt_up_to_five_minutes_after_its_last)
{
	ck_assert_int_eq(note(syn(77), 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(77), 300000), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(syn(77), 600000), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(syn(77), 900001), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(77), 900002), ATTEMPT_REPEATED);
}
END_TEST

START_TEST(every_part_of_the_tuple_tells_attempts_apart)
{
	struct packet p = syn(77);
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	p.source.bytes[3]++;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	p.destination.bytes[3]++;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	p.source_port++;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	p.destination_port++;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	p.source.family = FAMILY_IPV6;
	p.destination.family = FAMILY_IPV6;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	p.protocol = IPPROTO_UDP;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(p, 0), ATTEMPT_REPEATED);
	ck_assert_int_eq(attempts_note(attempts, &p, REASON_INBOUND, START), ATTEMPT_NEW);
	ck_assert_int_eq(attempts_note(attempts, &p, REASON_INBOUND, START), ATTEMPT_REPEATED);
}
END_TEST

START_TEST(tcp_that_is_no_syn_starts_no_attempt)
{
	static const uint8_t flags[] = {
	        TCP_FLAG_SYN | TCP_FLAG_ACK,
	        TCP_FLAG_ACK,
	        TCP_FLAG_RST,
	        TCP_FLAG_FIN | TCP_FLAG_ACK,
	        0,
	};
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct packet p = syn(77);
		p.tcp_flags = flags[i];
		ck_assert_int_eq(note(p, 0), ATTEMPT_NONE);
	}
	struct packet cut_off = packet(IPPROTO_TCP, 40000, 25);
	ck_assert_int_eq(note(cut_off, 0), ATTEMPT_NONE);
	ck_assert_uint_eq(attempts_count(attempts), 0);
	ck_assert_int_eq(note(syn(77), 1), ATTEMPT_NEW);
}
END_TEST

START_TEST(later_fragments_start_no_attempt)
{
	struct packet p = packet(IPPROTO_UDP, 0, 0);
	p.has_ports = false;
	p.fragment = true;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NONE);
}
END_TEST

START_TEST(udp_packets_ten_seconds_apart_are_one_attempt)
{
	struct packet p = packet(IPPROTO_UDP, 5000, 53);
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(p, 10000), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(p, 20001), ATTEMPT_NEW);
	ck_assert_int_eq(note(p, 30001), ATTEMPT_REPEATED);
	p.source_port++;
	ck_assert_int_eq(note(p, 30002), ATTEMPT_NEW);
}
END_TEST

START_TEST(a_udp_attempt_ends_sixty_seconds_after_its_first_packet)
{
	struct packet p = packet(IPPROTO_UDP, 5000, 53);
	unsigned begun = 0;
	for (unsigned second = 0; second <= 180; second++)
		begun += note(p, second * 1000) == ATTEMPT_NEW;
	/* At 0, 61 and 122. */
	ck_assert_uint_eq(begun, 3);
}
END_TEST

START_TEST(pings_of_one_identifier_are_one_attempt_and_gre_needs_no_ports)
{
	struct packet p = packet(IPPROTO_ICMP, 0x1234, 8);
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(p, 1000), ATTEMPT_REPEATED);
	p.source_port = 0x1235;
	ck_assert_int_eq(note(p, 2000), ATTEMPT_NEW);

	p = packet(IPPROTO_GRE, 0, 0);
	p.has_ports = false;
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(p, 5000), ATTEMPT_REPEATED);
}
END_TEST

START_TEST(a_clock_that_steps_back_neither_joins_nor_hides_attempts)
{
	struct packet p = packet(IPPROTO_UDP, 5000, 53);
	ck_assert_int_eq(note(p, 3600000), ATTEMPT_NEW);
	/* Records a little out of order are one attempt, and do not make it last longer. */
	ck_assert_int_eq(note(p, 3599000), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(p, 3610000), ATTEMPT_REPEATED);
	/* A clock set back by an hour begins anew, and goes on from there. */
	ck_assert_int_eq(note(p, 0), ATTEMPT_NEW);
	ck_assert_int_eq(note(p, 5000), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(p, 20000), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(1), 3600000), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(1), 0), ATTEMPT_NEW);
	/* The ends of the scale are times like any other. */
	ck_assert_int_eq(attempts_note(attempts, &p, REASON_ROLE, 0), ATTEMPT_NEW);
	ck_assert_int_eq(attempts_note(attempts, &p, REASON_ROLE, UINT64_MAX), ATTEMPT_NEW);
}
END_TEST

START_TEST(with_no_room_left_what_was_seen_longest_ago_is_forgotten)
{
	ck_assert_int_eq(attempts_resize(attempts, 4), 0);
	for (uint32_t i = 0; i < 8; i++)
		ck_assert_int_eq(note(syn(i), i), ATTEMPT_NEW);
	ck_assert_int_eq(note(syn(0), 100), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(syn(8), 101), ATTEMPT_NEW);
	ck_assert_uint_eq(attempts_count(attempts), 8);
	ck_assert_int_eq(note(syn(0), 102), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(syn(2), 103), ATTEMPT_REPEATED);
	ck_assert_int_eq(note(syn(1), 104), ATTEMPT_NEW);
}
END_TEST

START_TEST(as_many_attempts_are_counted_as_were_made)
{
	enum { CONNECTIONS = 500, PACKETS = 20000 };
	unsigned seed = (unsigned)time(NULL);
	printf("track-attempt: seed %u\n", seed);
	srandom(seed);

	_cleanup_(attempts_freep) struct attempts *roomy = NULL;
	ck_assert_int_eq(attempts_new(16 * (size_t)CONNECTIONS, &roomy), 0);
	bool tried[CONNECTIONS] = {};
	unsigned made = 0, counted = 0;
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned which = (unsigned)random() % CONNECTIONS;
		struct packet p = syn(which * 2654435761u);
		p.source_port = (uint16_t)(which % 7);
		if (random() % 5 == 0)
			p.tcp_flags |= TCP_FLAG_ACK;
		else if (!tried[which]) {
			tried[which] = true;
			made++;
		}
		counted += attempts_note(roomy, &p, REASON_ROLE, START + i) == ATTEMPT_NEW;
	}
	ck_assert_uint_eq(counted, made);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-attempt");
	TCase *c = tcase_create("attempt");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_syn_sent_again_and_again_is_one_attempt);
	tcase_add_test(c, a_syn_whose_ecn_flags_were_given_up_is_the_same_attempt);
	tcase_add_test(c, two_sequence_numbers_are_two_attempts);
	tcase_add_test(c, a_syn_is_the_same_attempt_up_to_five_minutes_after_its_last);
	tcase_add_test(c, every_part_of_the_tuple_tells_attempts_apart);
	tcase_add_test(c, tcp_that_is_no_syn_starts_no_attempt);
	tcase_add_test(c, later_fragments_start_no_attempt);
	tcase_add_test(c, udp_packets_ten_seconds_apart_are_one_attempt);
	tcase_add_test(c, a_udp_attempt_ends_sixty_seconds_after_its_first_packet);
	tcase_add_test(c, pings_of_one_identifier_are_one_attempt_and_gre_needs_no_ports);
	tcase_add_test(c, a_clock_that_steps_back_neither_joins_nor_hides_attempts);
	tcase_add_test(c, with_no_room_left_what_was_seen_longest_ago_is_forgotten);
	tcase_add_test(c, as_many_attempts_are_counted_as_were_made);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
