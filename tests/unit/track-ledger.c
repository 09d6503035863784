/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/ledger.h"

#include "base/array.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

static struct ledger *ledger;

static void setup(void)
{
	ck_assert_int_eq(ledger_new(8, &ledger), 0);
}

static void teardown(void)
{
	ledger = ledger_free(ledger);
}

static struct packet packet(const char *source, const char *destination, uint16_t port)
{
	struct packet p = {
	        .protocol = IPPROTO_TCP,
	        .has_ports = true,
	        .source_port = 1234,
	        .destination_port = port,
	};
	ck_assert_int_eq(address_parse(source, &p.source), 0);
	ck_assert_int_eq(address_parse(destination, &p.destination), 0);
	return p;
}

static const struct ledger_entry *note(struct packet p, bool new_attempt, usec_t now)
{
	return ledger_note(ledger, &p, REASON_ROLE, "pc17", "desk", NULL, new_attempt, now);
}

static unsigned matching(struct ledger_filter filter)
{
	unsigned n = 0;
	for (const struct ledger_entry *e = ledger_first(ledger, &filter); e;
	     e = ledger_next(ledger, &filter, e))
		n++;
	return n;
}

START_TEST(packets_of_one_kind_share_an_entry)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	note(p, true, 1000);
	p.source_port = 4321;
	note(p, false, 2000);
	const struct ledger_entry *e = note(p, true, 3000);
	ck_assert_uint_eq(ledger_count(ledger), 1);
	ck_assert_str_eq(ledger_host(e), "pc17");
	ck_assert_str_eq(ledger_role(e), "desk");
	ck_assert_uint_eq(ledger_noted(e)->attempts, 2);
	ck_assert_uint_eq(ledger_noted(e)->packets, 3);
	ck_assert_uint_eq(ledger_noted(e)->first, 1000);
	ck_assert_uint_eq(ledger_noted(e)->last, 3000);
	ck_assert_uint_eq(ledger_noted(e)->source_port, 4321);
	ck_assert_uint_eq(ledger_noted(e)->key.port, 25);
	ck_assert_uint_eq(ledger_noted(e)->key.reason, REASON_ROLE);
	ck_assert(ledger_noted(e)->key.has_port && !ledger_noted(e)->has_mac);
}
END_TEST

START_TEST(whatever_entries_differ_in_keeps_them_apart)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	note(p, true, 1);
	p.source.bytes[3]++;
	note(p, true, 1);
	p.destination.bytes[3]++;
	note(p, true, 1);
	p.destination_port++;
	note(p, true, 1);
	p.protocol = IPPROTO_UDP;
	note(p, true, 1);
	ledger_note(ledger, &p, REASON_BLOCKLIST, "pc17", "desk", NULL, true, 1);
	p.destination_port = 0;
	note(p, true, 1);
	p.has_ports = false;
	note(p, true, 1);
	ck_assert_uint_eq(ledger_count(ledger), 8);
	ck_assert_uint_eq(ledger_totals(ledger).other_entries, 0);
}
END_TEST

START_TEST(the_last_mac_and_port_that_were_known_stay)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	struct mac mac;
	ck_assert_int_eq(mac_parse("52:54:00:12:34:56", &mac), 0);
	ledger_note(ledger, &p, REASON_IMPOSTOR, "www1", "web", &mac, true, 1);
	const struct ledger_entry *e =
	        ledger_note(ledger, &p, REASON_IMPOSTOR, "www1", "web", NULL, false, 2);
	ck_assert(ledger_noted(e)->has_mac);
	ck_assert_mem_eq(&ledger_noted(e)->mac, &mac, sizeof(mac));
}
END_TEST

START_TEST(the_user_is_that_of_the_last_packet_and_to_note_him_is_no_use_of_the_entry)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	const struct ledger_entry *e = note(p, true, 1);
	ck_assert(!ledger_noted(e)->has_uid);
	ledger_note_user(ledger, e, 33, 34);
	ck_assert(ledger_noted(e)->has_uid);
	ck_assert_uint_eq(ledger_noted(e)->uid, 33);
	ck_assert_uint_eq(ledger_noted(e)->gid, 34);
	ck_assert_uint_eq(ledger_noted(e)->packets, 1);
	ck_assert(!ledger_noted(note(p, false, 2))->has_uid);
}
END_TEST

START_TEST(what_audit_let_pass_is_counted_beside_all_attempts_and_leaves_with_them)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	struct ledger_saved saved;
	ledger_note_passed(ledger, note(p, true, 1));
	ledger_note_passed(ledger, note(p, true, 2));
	const struct ledger_entry *e = note(p, true, 3);
	ck_assert_uint_eq(ledger_noted(e)->attempts, 3);
	ck_assert_uint_eq(ledger_noted(e)->passed, 2);
	ck_assert_uint_eq(ledger_totals(ledger).passed, 2);
	ledger_save(e, &saved);
	ck_assert_uint_eq(saved.noted.passed, 2);

	struct ledger *other;
	ck_assert_int_eq(ledger_new(1, &other), 0);
	ck_assert_int_eq(ledger_restore(other, &saved), 0);
	ledger_restore_others(other, 10, 4, 20, 1);
	p.destination_port++;
	ledger_note(other, &p, REASON_ROLE, "pc17", "desk", NULL, true, 4);
	struct ledger_totals totals = ledger_totals(other);
	ck_assert_uint_eq(totals.passed, 6);
	ck_assert_uint_eq(totals.other_passed, 6);
	ck_assert_uint_eq(totals.other_attempts, 13);
	ledger_free(other);
}
END_TEST

START_TEST(names_are_those_at_the_last_packet_and_are_cut_to_fit)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	char name[200];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	const struct ledger_entry *e =
	        ledger_note(ledger, &p, REASON_ROLE, name, NULL, NULL, true, 1);
	ck_assert_uint_eq(strlen(ledger_host(e)), LEDGER_NAME_BYTES - 1);
	ck_assert_str_eq(ledger_role(e), "");
	ck_assert_uint_eq(matching((struct ledger_filter){.host = name}), 1);
	ck_assert_uint_eq(matching((struct ledger_filter){.role = ""}), 1);

	e = ledger_note(ledger, &p, REASON_ROLE, name, name + 1, NULL, true, 1);
	ck_assert_uint_eq(strlen(ledger_host(e)), LEDGER_NAME_BYTES - 1);
	ck_assert_uint_eq(strlen(ledger_role(e)), LEDGER_NAME_BYTES - 1);

	e = ledger_note(ledger, &p, REASON_ROLE, "pc", "desk", NULL, true, 1);
	ck_assert_str_eq(ledger_host(e), "pc");
	ck_assert_str_eq(ledger_role(e), "desk");
	ck_assert_uint_eq(matching((struct ledger_filter){.host = name}), 0);
	ck_assert_uint_eq(matching((struct ledger_filter){.host = "p"}), 0);
	ck_assert_uint_eq(matching((struct ledger_filter){.host = "pc"}), 1);
}
END_TEST

static const struct ledger_entry *note_lent(const struct packet *packet, const char *host,
                                            const char *role)
{
	struct expected_entry expected;
	ledger_expect(ledger, packet, REASON_ROLE, &expected);
	return ledger_note_expected(ledger, &expected, packet, host, role, NULL, true, 1);
}

START_TEST(names_that_were_lent_are_there_when_their_policy_is_gone)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	struct packet other = packet("192.0.2.81", "198.51.100.7", 25);
	char pc[] = "pc", printer[] = "printer";
	const struct ledger_entry *e = note_lent(&p, pc, "desk");
	ck_assert_ptr_eq(note_lent(&p, pc, "desk"), e);
	ck_assert_str_eq(ledger_host(e), "pc");
	ck_assert_str_eq(ledger_role(e), "desk");
	ck_assert_uint_eq(matching((struct ledger_filter){.host = "pc", .role = "desk"}), 1);

	const struct ledger_entry *last = note_lent(&other, printer, NULL);
	ledger_keep_names_of(ledger, last);
	printer[0] = '?';
	ck_assert_str_eq(ledger_host(last), "printer");
	ledger_keep_names(ledger);
	pc[0] = '?';
	ck_assert_str_eq(ledger_host(e), "pc");
	ck_assert_str_eq(ledger_role(e), "desk");
	ck_assert_str_eq(ledger_role(last), "");

	char again[] = "pc", renamed[] = "pc17";
	ck_assert_ptr_eq(note_lent(&p, again, "desk"), e);
	again[0] = '?';
	ck_assert_str_eq(ledger_host(e), "pc"); /* which it had, and did not borrow */
	ck_assert_ptr_eq(note_lent(&p, renamed, "admin"), e);
	ck_assert_str_eq(ledger_host(e), "pc17");
	ck_assert_str_eq(ledger_role(e), "admin");
	ck_assert_ptr_eq(note_lent(&p, NULL, "admin"), e);
	ck_assert_str_eq(ledger_host(e), "");
}
END_TEST

START_TEST(entries_come_most_recently_seen_first)
{
	static const uint16_t expected[] = {25, 21, 80};
	note(packet("192.0.2.80", "198.51.100.7", 25), true, 10);
	note(packet("192.0.2.80", "198.51.100.7", 80), true, 20);
	note(packet("192.0.2.80", "198.51.100.7", 21), true, 30);
	note(packet("192.0.2.80", "198.51.100.7", 25), false, 40);
	size_t n = 0;
	for (const struct ledger_entry *e = ledger_first(ledger, NULL); e;
	     e = ledger_next(ledger, NULL, e)) {
		ck_assert_uint_lt(n, ELEMENTS_OF(expected));
		ck_assert_uint_eq(ledger_noted(e)->key.port, expected[n++]);
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(filters_look_at_source_host_role_reason_and_time)
{
	struct packet a = packet("192.0.2.80", "198.51.100.7", 25);
	struct packet b = packet("2001:db8::80", "2001:db8:ffff::7", 21);
	struct packet c = packet("203.0.113.9", "192.0.2.80", 22);
	ledger_note(ledger, &a, REASON_ROLE, "www1", "web", NULL, true, 100);
	ledger_note(ledger, &b, REASON_ROLE, "www1", "web", NULL, true, 200);
	ledger_note(ledger, &c, REASON_INBOUND, "", "web", NULL, true, 300);

	enum reason role = REASON_ROLE, spoofed = REASON_SPOOFED;
	ck_assert_uint_eq(matching((struct ledger_filter){}), 3);
	ck_assert_uint_eq(matching((struct ledger_filter){.source = &a.source}), 1);
	ck_assert_uint_eq(matching((struct ledger_filter){.source = &a.destination}), 0);
	ck_assert_uint_eq(matching((struct ledger_filter){.host = "www1"}), 2);
	ck_assert_uint_eq(matching((struct ledger_filter){.host = ""}), 1);
	ck_assert_uint_eq(matching((struct ledger_filter){.role = "web"}), 3);
	ck_assert_uint_eq(matching((struct ledger_filter){.role = "desk"}), 0);
	ck_assert_uint_eq(matching((struct ledger_filter){.reason = &role}), 2);
	ck_assert_uint_eq(matching((struct ledger_filter){.reason = &spoofed}), 0);
	ck_assert_uint_eq(matching((struct ledger_filter){.since = 200}), 2);
	ck_assert_uint_eq(matching((struct ledger_filter){.since = 301}), 0);
	ck_assert_uint_eq(matching((struct ledger_filter){.host = "www1", .since = 150}), 1);
}
END_TEST

START_TEST(a_clock_that_steps_back_leaves_a_span)
{
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	note(p, true, 5000);
	const struct ledger_entry *e = note(p, true, 3000);
	ck_assert_uint_eq(ledger_noted(e)->first, 3000);
	ck_assert_uint_eq(ledger_noted(e)->last, 5000);
}
END_TEST

START_TEST(what_makes_room_is_counted_among_the_others)
{
	for (uint16_t port = 1; port <= 8; port++) {
		note(packet("192.0.2.80", "198.51.100.7", port), true, port);
		note(packet("192.0.2.80", "198.51.100.7", port), false, port);
	}
	note(packet("192.0.2.80", "198.51.100.7", 1), true, 9);
	note(packet("192.0.2.80", "198.51.100.7", 9), true, 10);

	ck_assert_uint_eq(ledger_count(ledger), 8);
	ck_assert_uint_eq(ledger_noted(ledger_first(ledger, NULL))->key.port, 9);
	struct ledger_totals totals = ledger_totals(ledger);
	ck_assert_uint_eq(totals.attempts, 10);
	ck_assert_uint_eq(totals.packets, 18);
	ck_assert_uint_eq(totals.other_attempts, 1);
	ck_assert_uint_eq(totals.other_packets, 2);
	ck_assert_uint_eq(totals.other_entries, 1);
	/* The one that had to go was port 2, not port 1, which was seen again. */
	unsigned gone = 0;
	for (const struct ledger_entry *e = ledger_first(ledger, NULL); e;
	     e = ledger_next(ledger, NULL, e))
		gone += ledger_noted(e)->key.port == 2;
	ck_assert_uint_eq(gone, 0);
}
END_TEST

START_TEST(no_count_is_lost_however_full_it_gets)
{
	unsigned seed = (unsigned)time(NULL);
	printf("track-ledger: seed %u\n", seed);
	srandom(seed);
	for (unsigned round = 0; round < 30; round++) {
		_cleanup_(ledger_freep) struct ledger *l = NULL;
		size_t max = 1 + (size_t)random() % 64;
		ck_assert_int_eq(ledger_new(max, &l), 0);
		uint64_t attempts = 0, packets = 0;
		for (unsigned i = 0; i < 3000; i++) {
			struct packet p = packet("192.0.2.80", "198.51.100.7", 0);
			p.source.bytes[3] = (uint8_t)(random() % 16);
			p.destination_port = (uint16_t)(random() % 16);
			bool new_attempt = random() % 3 == 0;
			ledger_note(l, &p, (enum reason)(random() % REASON_COUNT), "h", "r", NULL,
			            new_attempt, i);
			packets++;
			attempts += new_attempt;
		}
		struct ledger_totals totals = ledger_totals(l);
		uint64_t attempts_held = totals.other_attempts, packets_held = totals.other_packets;
		size_t entries = 0;
		for (const struct ledger_entry *e = ledger_first(l, NULL); e;
		     e = ledger_next(l, NULL, e)) {
			attempts_held += ledger_noted(e)->attempts;
			packets_held += ledger_noted(e)->packets;
			entries++;
		}
		ck_assert_uint_eq(entries, max);
		ck_assert_uint_eq(ledger_count(l), max);
		ck_assert_uint_eq(totals.attempts, attempts);
		ck_assert_uint_eq(totals.packets, packets);
		ck_assert_uint_eq(attempts_held, attempts);
		ck_assert_uint_eq(packets_held, packets);
	}
}
END_TEST

static void assert_totals_hold(const struct ledger *l)
{
	struct ledger_totals totals = ledger_totals(l);
	uint64_t attempts = totals.other_attempts, packets = totals.other_packets;
	for (const struct ledger_entry *e = ledger_first(l, NULL); e; e = ledger_next(l, NULL, e)) {
		attempts += ledger_noted(e)->attempts;
		packets += ledger_noted(e)->packets;
	}
	ck_assert_uint_eq(attempts, totals.attempts);
	ck_assert_uint_eq(packets, totals.packets);
}

START_TEST(a_port_scan_costs_no_other_host_an_entry)
{
	_cleanup_(ledger_freep) struct ledger *l = NULL;
	ck_assert_int_eq(ledger_new(100, &l), 0);
	struct packet quiet = packet("192.0.2.81", "198.51.100.7", 25);
	struct packet scan = packet("192.0.2.80", "198.51.100.7", 0);
	ledger_note(l, &quiet, REASON_ROLE, "pc", "desk", NULL, true, 1);
	for (unsigned port = 1; port < 60000; port++) {
		scan.destination_port = (uint16_t)port;
		ledger_note(l, &scan, REASON_ROLE, "pc2", "desk", NULL, true, port);
	}
	const struct ledger_filter filter = {.source = &quiet.source};
	ck_assert_ptr_nonnull(ledger_first(l, &filter));
	ck_assert_uint_eq(ledger_count(l), 100);
	ck_assert_uint_eq(ledger_totals(l).other_entries, 59999 - 99);
	assert_totals_hold(l);
}
END_TEST

START_TEST(another_size_keeps_the_latest_and_sums_up_the_rest)
{
	_cleanup_(ledger_freep) struct ledger *l = NULL;
	ck_assert_int_eq(ledger_new(64, &l), 0);
	struct packet p = packet("192.0.2.80", "198.51.100.7", 25);
	for (uint8_t i = 0; i < 64; i++) {
		p.source.bytes[3] = i;
		ledger_note(l, &p, REASON_ROLE, "pc", "desk", NULL, true, 1000 + i);
	}
	ck_assert_int_eq(ledger_resize(&l, 16), 0);
	ck_assert_uint_eq(ledger_count(l), 16);
	ck_assert_uint_eq(ledger_totals(l).other_entries, 48);
	ck_assert_uint_eq(ledger_noted(ledger_first(l, NULL))->last, 1063);
	assert_totals_hold(l);

	ck_assert_int_eq(ledger_resize(&l, 1000), 0);
	ck_assert_uint_eq(ledger_count(l), 16);
	unsigned expected = 1063;
	for (const struct ledger_entry *e = ledger_first(l, NULL); e; e = ledger_next(l, NULL, e)) {
		ck_assert_uint_eq(ledger_noted(e)->last, expected--);
		ck_assert_str_eq(ledger_host(e), "pc");
	}
	ck_assert_int_eq(ledger_resize(&l, 0), -EINVAL);
	ck_assert_uint_eq(ledger_count(l), 16);
	assert_totals_hold(l);
}
END_TEST

START_TEST(a_ledger_for_nothing_is_refused)
{
	struct ledger *none = NULL;
	ck_assert_int_eq(ledger_new(0, &none), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-ledger");
	TCase *c = tcase_create("ledger");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, packets_of_one_kind_share_an_entry);
	tcase_add_test(c, whatever_entries_differ_in_keeps_them_apart);
	tcase_add_test(c, the_last_mac_and_port_that_were_known_stay);
	tcase_add_test(c,
	               the_user_is_that_of_the_last_packet_and_to_note_him_is_no_use_of_the_entry);
	tcase_add_test(c, what_audit_let_pass_is_counted_beside_all_attempts_and_leaves_with_them);
	tcase_add_test(c, names_are_those_at_the_last_packet_and_are_cut_to_fit);
	tcase_add_test(c, names_that_were_lent_are_there_when_their_policy_is_gone);
	tcase_add_test(c, entries_come_most_recently_seen_first);
	tcase_add_test(c, filters_look_at_source_host_role_reason_and_time);
	tcase_add_test(c, a_clock_that_steps_back_leaves_a_span);
	tcase_add_test(c, what_makes_room_is_counted_among_the_others);
	tcase_add_test(c, no_count_is_lost_however_full_it_gets);
	tcase_add_test(c, a_port_scan_costs_no_other_host_an_entry);
	tcase_add_test(c, another_size_keeps_the_latest_and_sums_up_the_rest);
	tcase_add_test(c, a_ledger_for_nothing_is_refused);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
