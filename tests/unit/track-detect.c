/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/detect.h"

#include "random.h"
#include "base/array.h"
#include "scene.h"
#include "track/danger.h"

#include <errno.h>

static struct scene scene;

static void begin(void)
{
	scene_begin(&scene);
}

static void end(void)
{
	scene_end(&scene);
}

static const struct alarm *only_alarm(enum alarm_kind kind)
{
	const struct alarm *found = NULL;
	for (const struct alarm *a = alarm_book_next(scene.book, 0); a;
	     a = alarm_book_next(scene.book, a->id)) {
		if (a->cause.kind != kind)
			continue;
		ck_assert_ptr_null(found);
		found = a;
	}
	ck_assert_ptr_nonnull(found);
	return found;
}

START_TEST(niovadoor_is_named_after_its_4th_attempt)
{
	struct detect_facts pc7 = scene_desk;
	pc7.host = "pc7";
	struct address source = scene_address("192.168.0.77");
	struct address drop = scene_address("203.0.113.9");
	for (unsigned i = 0; i < 40; i++)
		scene_try(&scene, &pc7, &source, &drop, TCP, 25, 131 + 30 * i);

	ck_assert_uint_eq(scene.told_count, 1);
	const struct told_alarm *told = scene_told(&scene, 0, ALARM_BEACON, SEVERITY_NOTICE);
	ck_assert_uint_eq(told->attempt, 4);
	ck_assert_str_eq(told->text, "pc7 (192.168.0.77, desk) tries tcp/25 at 203.0.113.9 every "
	                             "30 s: 4 attempts since 14:02:11 UTC.");

	const struct alarm *a = only_alarm(ALARM_BEACON);
	ck_assert_int_eq(a->severity, SEVERITY_WARNING);
	ck_assert_uint_eq(a->attempts, 40);
	ck_assert_uint_eq(a->period, 30 * USEC_PER_SEC);
	ck_assert_uint_eq(a->first, SCENE_START + 131 * USEC_PER_SEC);
	ck_assert_uint_eq(a->last, SCENE_START + (131 + 30 * 39) * USEC_PER_SEC);
	ck_assert_uint_eq(a->expected[0], a->last + 30 * USEC_PER_SEC);
	ck_assert_uint_eq(a->expected[2], a->last + 90 * USEC_PER_SEC);
	ck_assert(a->has_score);
	ck_assert_uint_eq(a->score.window, RITA_WINDOW_SHORT);
	ck_assert_double_eq_tol(a->score.timestamps.score, 1, 1e-9);
	ck_assert_double_eq_tol(a->score.sizes.score, 1, 1e-9);
	ck_assert_uint_eq(a->evidence.attempt_count, EVIDENCE_ATTEMPTS);
	ck_assert_uint_ne(a->evidence.attempts[0].source_port, 0);
	ck_assert_str_eq(a->interface, "lan0");
	ck_assert_uint_eq(a->danger, 2);
}
END_TEST

START_TEST(code_red_breaks_the_tripwire_with_its_first_packet_and_is_a_scan_soon_after)
{
	printf("seed 31\n");
	struct random random = {31};
	struct address source = scene_address("192.0.2.80");
	double now = 0;
	for (unsigned i = 0; i < 2000; i++) {
		struct address victim = scene_outside(random_below(&random, 1 << 24));
		scene_try(&scene, &scene_web, &source, &victim, TCP, 80, now);
		now += i % 100 == 99 ? 1 : 0.001;
	}
	ck_assert_uint_eq(scene.told_count, 2);
	ck_assert_uint_eq(scene_told(&scene, 0, ALARM_TRIPWIRE, SEVERITY_CRITICAL)->attempt, 1);
	ck_assert_uint_eq(scene_told(&scene, 1, ALARM_SCAN, SEVERITY_CRITICAL)->attempt, 25);
	ck_assert_uint_eq(only_alarm(ALARM_TRIPWIRE)->attempts, 2000);
	ck_assert_uint_eq(only_alarm(ALARM_SCAN)->attempts, 2000);
	ck_assert_uint_eq(only_alarm(ALARM_SCAN)->danger, DANGER_LEVEL_MAX);
}
END_TEST

START_TEST(alarms_know_how_many_of_their_attempts_audit_let_pass)
{
	struct address source = scene_address("192.0.2.80"), target = scene_outside(7);
	struct detect_facts web = scene_web, desk = scene_desk;
	for (unsigned i = 0; i < 60; i++) {
		struct address victim = scene_outside(1000 + i);
		web.passed = i < 10 || i >= 40;
		scene_try(&scene, &web, &source, &victim, TCP, 80, i);
	}
	ck_assert_uint_eq(only_alarm(ALARM_TRIPWIRE)->attempts, 60);
	ck_assert_uint_eq(only_alarm(ALARM_TRIPWIRE)->passed, 30);
	ck_assert_uint_eq(only_alarm(ALARM_SCAN)->attempts, 60);
	ck_assert_uint_eq(only_alarm(ALARM_SCAN)->passed, 30);
	ck_assert_uint_eq(only_alarm(ALARM_SCAN)->evidence.services[0].passed, 30);

	source = scene_pc(3);
	for (unsigned i = 0; i < 10; i++) {
		desk.passed = i == 1 || i > 6;
		scene_try(&scene, &desk, &source, &target, TCP, 25, 100 + i * 30.0);
	}
	ck_assert_uint_eq(only_alarm(ALARM_BEACON)->attempts, 10);
	ck_assert_uint_eq(only_alarm(ALARM_BEACON)->passed, 4);

	source = scene_pc(4);
	desk.passed = true;
	for (unsigned i = 0; i < 40; i++)
		scene_try(&scene, &desk, &source, &target, TCP, (uint16_t)(100 + i), 500 + i * 0.1);
	ck_assert_uint_eq(only_alarm(ALARM_PORTSCAN)->attempts, 40);
	ck_assert_uint_eq(only_alarm(ALARM_PORTSCAN)->passed, 40);
}
END_TEST

START_TEST(blaster_is_a_scan_that_shows_all_its_three_ports)
{
	struct address source = scene_pc(20);
	struct address attacker = scene_outside(4711);
	/* The victim fetches the worm first, and then looks for others. */
	scene_try(&scene, &scene_desk, &source, &attacker, UDP, 69, 0);
	for (unsigned i = 0; i < 120; i++) {
		struct address neighbour = scene_outside(256 + i);
		scene_try(&scene, &scene_desk, &source, &neighbour, TCP, 135, 2 + i * 0.09);
		if (i % 20 == 10)
			scene_try(&scene, &scene_desk, &source, &neighbour, TCP, 4444,
			          2.01 + i * 0.09);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	const struct told_alarm *told = scene_told(&scene, 0, ALARM_SCAN, SEVERITY_CRITICAL);
	ck_assert_uint_eq(told->attempt, 1 + 25 + 1);
	ck_assert_str_eq(told->text, "office (192.168.0.20, desk) looks for hosts: tcp/135 at 25 "
	                             "hosts or more within 5 min (also tcp/4444, udp/69). 25 "
	                             "attempts since 14:00:02 UTC.");
	const struct evidence *evidence = &only_alarm(ALARM_SCAN)->evidence;
	ck_assert_uint_eq(evidence->service_count, 3);
	uint64_t of_135 = 0;
	for (unsigned i = 0; i < 3; i++)
		if (evidence->services[i].port == 135)
			of_135 = evidence->services[i].attempts;
	ck_assert_uint_eq(of_135, 120);
}
END_TEST

START_TEST(who_fetches_a_rootkit_onto_a_web_server_breaks_the_tripwire)
{
	struct address source = scene_address("192.0.2.80");
	struct address store = scene_address("203.0.113.9");
	static const uint16_t ports[] = {21, 22, 80};
	for (unsigned i = 0; i < 3; i++)
		scene_try(&scene, &scene_web, &source, &store, TCP, ports[i], 131 + i * 40);
	ck_assert_uint_eq(scene.told_count, 1);
	const struct told_alarm *told = scene_told(&scene, 0, ALARM_TRIPWIRE, SEVERITY_CRITICAL);
	ck_assert_uint_eq(told->attempt, 1);
	ck_assert_str_eq(told->text,
	                 "www1 (192.0.2.80, web) tried tcp/21 to 203.0.113.9: role web may "
	                 "initiate nothing. 1 attempt since 14:02:11 UTC.");
	const struct alarm *a = only_alarm(ALARM_TRIPWIRE);
	ck_assert_uint_eq(a->attempts, 3);
	ck_assert_uint_eq(a->evidence.service_count, 3);
	ck_assert_uint_eq(a->evidence.attempts[0].destination.port, 80);
}
END_TEST

START_TEST(the_same_syn_is_nothing_from_a_desk_and_critical_from_a_web_server)
{
	struct address pc = scene_pc(1);
	struct address www = scene_address("192.0.2.80");
	struct address to = scene_outside(1);
	scene_try(&scene, &scene_desk, &pc, &to, TCP, 22, 0);
	ck_assert_uint_eq(scene.told_count, 0);
	scene_try(&scene, &scene_web, &www, &to, TCP, 22, 1);
	scene_told(&scene, 0, ALARM_TRIPWIRE, SEVERITY_CRITICAL);

	/* The same beacon, too. */
	for (unsigned i = 0; i < 5; i++) {
		scene_try(&scene, &scene_desk, &pc, &to, TCP, 25, 100 + 60 * i);
		scene_try(&scene, &scene_web, &www, &to, TCP, 25, 110 + 60 * i);
	}
	ck_assert_uint_eq(scene.told_count, 3);
	scene_told(&scene, 1, ALARM_BEACON, SEVERITY_NOTICE);
	scene_told(&scene, 2, ALARM_BEACON, SEVERITY_CRITICAL);
}
END_TEST

START_TEST(a_beacon_is_a_notice_until_its_ninth_attempt)
{
	struct address source = scene_pc(7);
	struct address to = scene_outside(1);
	for (unsigned attempt = 1; attempt <= 12; attempt++) {
		scene_try(&scene, &scene_desk, &source, &to, TCP, 25, 30 * attempt);
		if (attempt >= 4)
			ck_assert_int_eq(only_alarm(ALARM_BEACON)->severity,
			                 attempt < 9 ? SEVERITY_NOTICE : SEVERITY_WARNING);
	}
	/* What comes between two beats counts, and makes it neither less grave nor more. */
	scene_try(&scene, &scene_desk, &source, &to, TCP, 25, 30 * 12 + 0.5);
	ck_assert_int_eq(only_alarm(ALARM_BEACON)->severity, SEVERITY_WARNING);
	ck_assert_uint_eq(scene.told_count, 1);
}
END_TEST

/* It was regular for five attempts, and then it was not: chance, or it is over. */
START_TEST(a_beacon_that_loses_its_beat_early_stays_a_notice)
{
	static const double times[] = {0,   30,  60,  90,  120, 127, 190, 195,
	                               260, 270, 350, 352, 400, 490, 495, 600};
	struct address source = scene_pc(7);
	struct address to = scene_outside(1);
	for (unsigned i = 0; i < ELEMENTS_OF(times); i++)
		scene_try(&scene, &scene_desk, &source, &to, TCP, 25, times[i]);
	const struct alarm *a = only_alarm(ALARM_BEACON);
	ck_assert_int_eq(a->severity, SEVERITY_NOTICE);
	ck_assert_uint_eq(a->attempts, ELEMENTS_OF(times));
}
END_TEST

START_TEST(a_role_may_have_thresholds_of_its_own)
{
	struct thresholds thresholds = thresholds_standard;
	thresholds.severity[ALARM_BEACON] = SEVERITY_NOTICE;
	thresholds.beacon.attempts = 6;
	const struct detect_facts printer = {
	        .host = "printer", .role = "printer", .thresholds = &thresholds};
	struct address source = scene_pc(200);
	struct address to = scene_outside(1);
	for (unsigned i = 0; i < 10; i++)
		scene_try(&scene, &printer, &source, &to, TCP, 443, 60 * i);
	ck_assert_uint_eq(scene.told_count, 1);
	ck_assert_uint_eq(scene_told(&scene, 0, ALARM_BEACON, SEVERITY_NOTICE)->attempt, 6);
}
END_TEST

START_TEST(quic_of_who_may_use_https_counts_for_nothing)
{
	struct detect_facts other = scene_desk;
	other.may_use_https = false;
	struct address source = scene_pc(1);
	struct address stranger = scene_pc(2);
	for (unsigned i = 0; i < 100; i++) {
		struct address to = scene_outside(i);
		scene_try(&scene, &scene_desk, &source, &to, UDP, 443, i);
	}
	ck_assert_uint_eq(scene.told_count, 0);
	for (unsigned i = 0; i < 25; i++) {
		struct address to = scene_outside(i);
		scene_try(&scene, &other, &stranger, &to, UDP, 443, 200 + i);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_SCAN, SEVERITY_CRITICAL);
}
END_TEST

START_TEST(ports_of_one_host_tried_in_turn_are_one_alarm)
{
	struct address source = scene_pc(1);
	struct address to = scene_outside(1);
	for (unsigned i = 0; i < 200; i++)
		scene_try(&scene, &scene_desk, &source, &to, TCP, (uint16_t)(1 + i), i * 0.1);
	ck_assert_uint_eq(scene.told_count, 1);
	ck_assert_uint_eq(scene_told(&scene, 0, ALARM_PORTSCAN, SEVERITY_WARNING)->attempt, 15);
	ck_assert_uint_eq(only_alarm(ALARM_PORTSCAN)->attempts, 200);
}
END_TEST

START_TEST(a_worm_that_comes_back_to_its_victims_is_one_scan_and_not_a_beacon_for_each)
{
	struct address source = scene_pc(1);
	for (unsigned i = 0; i < 254 * 10; i++) {
		struct address to = scene_outside(i % 254);
		scene_try(&scene, &scene_desk, &source, &to, TCP, 445, i * 0.5);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_SCAN, SEVERITY_CRITICAL);
	ck_assert_uint_eq(only_alarm(ALARM_SCAN)->attempts, 2540);
}
END_TEST

START_TEST(a_host_has_no_more_beacons_than_somebody_reads)
{
	struct address source = scene_pc(1);
	for (unsigned i = 0; i < 10; i++)
		for (unsigned j = 0; j < 20; j++) {
			struct address to = scene_outside(j);
			scene_try(&scene, &scene_desk, &source, &to, TCP, 443, 300 * i + j);
		}
	ck_assert_uint_eq(scene.told_count, thresholds_standard.host_beacons);
	ck_assert_uint_gt(detect_counts(scene.detect).left_out, 0);
}
END_TEST

START_TEST(strangers_are_told_one_by_one_and_then_all_together)
{
	struct address to = scene_outside(1);
	for (unsigned i = 0; i < 1000; i++) {
		struct address source = scene_pc(i);
		scene_block(&scene, &scene_nobody, REASON_UNASSIGNED, &source, &to, TCP, 443, i);
		scene_block(&scene, &scene_nobody, REASON_UNASSIGNED, &source, &to, TCP, 443,
		            i + 0.5);
	}
	ck_assert_uint_eq(scene.told_count, thresholds_standard.strangers + 1);
	for (unsigned i = 0; i < scene.told_count; i++)
		scene_told(&scene, i, ALARM_UNASSIGNED, SEVERITY_WARNING);
	const struct alarm *many = alarm_book_get(scene.book, thresholds_standard.strangers + 1);
	ck_assert(many->cause.many);
	ck_assert_uint_eq(many->attempts, 2 * (1000 - thresholds_standard.strangers));
	ck_assert_uint_eq(alarm_book_get(scene.book, 1)->attempts, 2);
}
END_TEST

START_TEST(an_unassigned_machine_that_scans_is_told_as_well)
{
	struct address source = scene_pc(9);
	for (unsigned i = 0; i < 30; i++) {
		struct address to = scene_outside(i);
		scene_block(&scene, &scene_nobody, REASON_UNASSIGNED, &source, &to, TCP, 445, i);
	}
	ck_assert_uint_eq(scene.told_count, 2);
	scene_told(&scene, 0, ALARM_UNASSIGNED, SEVERITY_WARNING);
	scene_told(&scene, 1, ALARM_SCAN, SEVERITY_CRITICAL);
}
END_TEST

START_TEST(an_impostor_accuses_nobody_but_itself)
{
	struct address www = scene_address("192.0.2.80");
	for (unsigned i = 0; i < 100; i++) {
		struct address to = scene_outside(i);
		scene_block(&scene, &scene_web, REASON_IMPOSTOR, &www, &to, TCP, 445, i);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_IMPOSTOR, SEVERITY_WARNING);
	ck_assert_uint_eq(only_alarm(ALARM_IMPOSTOR)->attempts, 100);
}
END_TEST

START_TEST(what_is_forged_or_comes_from_outside_accuses_nobody)
{
	struct address www = scene_address("192.0.2.80");
	for (unsigned i = 0; i < 100; i++) {
		struct address other = scene_outside(i);
		scene_block(&scene, &scene_web, REASON_SPOOFED, &www, &other, TCP, 445, i);
		scene_block(&scene, &scene_nobody, REASON_INBOUND, &other, &www, TCP, 22, i);
	}
	struct address scanner = scene_outside(9999);
	for (unsigned i = 0; i < 100; i++) {
		struct address host = scene_pc(i);
		scene_block(&scene, &scene_nobody, REASON_INBOUND, &scanner, &host, TCP, 22, i);
	}
	ck_assert_uint_eq(scene.told_count, 0);
}
END_TEST

START_TEST(a_desk_that_looks_for_hosts_inside_is_told)
{
	struct address source = scene_pc(5);
	for (unsigned i = 0; i < 30; i++) {
		struct address to = scene_pc(256 + i);
		scene_block(&scene, &scene_desk, REASON_INBOUND, &source, &to, TCP, 445, i);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_SCAN, SEVERITY_CRITICAL);
}
END_TEST

START_TEST(what_its_role_permits_breaks_no_tripwire_when_the_other_end_refuses)
{
	struct address mail = scene_address("192.0.2.25");
	struct address to = scene_pc(1);
	scene_block(&scene, &scene_web, REASON_INBOUND, &mail, &to, TCP, 25, 0);
	ck_assert_uint_eq(scene.told_count, 0);
}
END_TEST

START_TEST(a_throttled_host_is_one_critical_alarm)
{
	struct address source = scene_pc(5);
	struct detect_facts desk = scene_desk;
	desk.throttle_destinations = 100;
	desk.throttle_per = 10 * USEC_PER_SEC;
	for (unsigned i = 0; i < 4000; i++) {
		struct address to = scene_outside(i);
		scene_block(&scene, &desk, REASON_THROTTLE, &source, &to, TCP, 80, i / 400.);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_THROTTLE, SEVERITY_CRITICAL);
	ck_assert_ptr_nonnull(strstr(scene.told[0].text, "faster than its role may (100 in 10 s)"));
	ck_assert_uint_eq(only_alarm(ALARM_THROTTLE)->attempts, 4000);
	ck_assert_uint_eq(only_alarm(ALARM_THROTTLE)->distinct, 100);
}
END_TEST

START_TEST(a_quarantined_host_only_counts_for_its_quarantine)
{
	struct address source = scene_pc(5);
	struct alarm news = {
	        .cause = alarm_host_cause(ALARM_QUARANTINE, "office", false, &source),
	        .severity = SEVERITY_NOTICE,
	        .source = source,
	        .has_source = true,
	        .first = SCENE_START,
	        .last = SCENE_START,
	};
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 100; i++) {
			struct address to = scene_outside(i);
			scene_block(&scene, &scene_desk, REASON_QUARANTINE, &source, &to, TCP, 443,
			            i);
		}
		ck_assert_uint_eq(scene.told_count, round);
		if (!round)
			alarm_book_raise(scene.book, &news);
	}
	ck_assert_uint_eq(only_alarm(ALARM_QUARANTINE)->attempts, 100);
}
END_TEST

START_TEST(the_quarantine_of_a_whole_range_counts_what_any_of_it_tries_and_stays_as_it_is)
{
	struct alarm news = {
	        .cause = alarm_host_cause(ALARM_QUARANTINE, "office", true, NULL),
	        .severity = SEVERITY_NOTICE,
	        .first = SCENE_START,
	        .last = SCENE_START,
	};
	alarm_name(news.detail, sizeof(news.detail), "by alice: a worm");
	alarm_book_raise(scene.book, &news);
	for (unsigned i = 0; i < 100; i++) {
		struct address source = scene_pc(i % 7), to = scene_outside(i);
		scene_block(&scene, &scene_desk, REASON_QUARANTINE, &source, &to, TCP, 443, i);
	}
	const struct alarm *alarm = only_alarm(ALARM_QUARANTINE);
	ck_assert_uint_eq(alarm->attempts, 100);
	ck_assert_str_eq(alarm->detail, "by alice: a worm");
	ck_assert_uint_eq(alarm->quiet, 0);
}
END_TEST

START_TEST(the_random_walk_speaks_only_where_good_contacts_are_known)
{
	struct thresholds known = thresholds_standard;
	known.trw.enabled = true;
	struct detect_facts facts = scene_desk;
	struct address source = scene_pc(5);
	for (unsigned i = 0; i < 10; i++) {
		struct address to = scene_outside(i);
		scene_try(&scene, &facts, &source, &to, TCP, (uint16_t)(6000 + i), 7 * i * i);
	}
	ck_assert_uint_eq(scene.told_count, 0);

	facts.thresholds = &known;
	for (unsigned i = 0; i < 10; i++) {
		struct address good = scene_outside(1000 + i);
		struct address bad = scene_outside(2000 + i);
		const struct stream stream = {
		        .source = source,
		        .destination = {.address = good, .port = 443, .protocol = TCP}};
		detect_contact(scene.detect, &stream, &facts, SCENE_START);
		scene_try(&scene, &facts, &source, &bad, TCP, (uint16_t)(7000 + i), 7 * i * i);
	}
	ck_assert_uint_eq(scene.told_count, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct address bad = scene_outside(3000 + i);
		scene_try(&scene, &facts, &source, &bad, TCP, (uint16_t)(8000 + i), 7 * i * i);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_TRW, SEVERITY_WARNING);
}
END_TEST

START_TEST(a_slow_beacon_stays_open_until_it_missed_some_periods)
{
	struct address source = scene_pc(5);
	struct address to = scene_outside(1);
	for (unsigned i = 0; i < 5; i++)
		scene_try(&scene, &scene_desk, &source, &to, TCP, 25, 86400. * i);
	ck_assert_uint_eq(scene.told_count, 1);
	usec_t last = SCENE_START + 4 * RITA_WINDOW_DAY;
	ck_assert_uint_eq(alarm_book_expire(scene.book, last + 2 * RITA_WINDOW_DAY,
	                                    last + 2 * RITA_WINDOW_DAY),
	                  0);
	ck_assert_uint_eq(alarm_book_expire(scene.book, last + 3 * RITA_WINDOW_DAY + 1,
	                                    last + 3 * RITA_WINDOW_DAY + 1),
	                  1);
}
END_TEST

START_TEST(an_alarm_that_was_cleared_while_it_goes_on_comes_up_again)
{
	struct address source = scene_pc(5);
	struct address to = scene_outside(1);
	for (unsigned i = 0; i < 5; i++)
		scene_try(&scene, &scene_desk, &source, &to, TCP, 25, 60 * i);
	const struct alarm *a = only_alarm(ALARM_BEACON);
	ck_assert_int_eq(alarm_book_clear(scene.book, a->id, NULL, SCENE_START), 0);
	scene_try(&scene, &scene_desk, &source, &to, TCP, 25, 300);
	ck_assert_uint_eq(scene.told_count, 2);
	ck_assert_ptr_eq(only_alarm(ALARM_BEACON), a);
	ck_assert_int_eq(a->state, ALARM_OPEN);
}
END_TEST

START_TEST(tables_without_room_are_refused)
{
	struct detect *detect = NULL;
	struct detect_sizes sizes = detect_sizes_standard;
	sizes.scans = 0;
	ck_assert_int_eq(detect_new(&sizes, scene.book, &detect), -EINVAL);
	ck_assert_ptr_null(detect);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-detect");
	TCase *c = tcase_create("incidents");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, niovadoor_is_named_after_its_4th_attempt);
	tcase_add_test(c,
	               code_red_breaks_the_tripwire_with_its_first_packet_and_is_a_scan_soon_after);
	tcase_add_test(c, alarms_know_how_many_of_their_attempts_audit_let_pass);
	tcase_add_test(c, blaster_is_a_scan_that_shows_all_its_three_ports);
	tcase_add_test(c, who_fetches_a_rootkit_onto_a_web_server_breaks_the_tripwire);
	suite_add_tcase(suite, c);

	c = tcase_create("detect");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, the_same_syn_is_nothing_from_a_desk_and_critical_from_a_web_server);
	tcase_add_test(c, a_beacon_is_a_notice_until_its_ninth_attempt);
	tcase_add_test(c, a_beacon_that_loses_its_beat_early_stays_a_notice);
	tcase_add_test(c, a_role_may_have_thresholds_of_its_own);
	tcase_add_test(c, quic_of_who_may_use_https_counts_for_nothing);
	tcase_add_test(c, ports_of_one_host_tried_in_turn_are_one_alarm);
	tcase_add_test(c,
	               a_worm_that_comes_back_to_its_victims_is_one_scan_and_not_a_beacon_for_each);
	tcase_add_test(c, a_host_has_no_more_beacons_than_somebody_reads);
	tcase_add_test(c, strangers_are_told_one_by_one_and_then_all_together);
	tcase_add_test(c, an_unassigned_machine_that_scans_is_told_as_well);
	tcase_add_test(c, an_impostor_accuses_nobody_but_itself);
	tcase_add_test(c, what_is_forged_or_comes_from_outside_accuses_nobody);
	tcase_add_test(c, a_desk_that_looks_for_hosts_inside_is_told);
	tcase_add_test(c, what_its_role_permits_breaks_no_tripwire_when_the_other_end_refuses);
	tcase_add_test(c, a_throttled_host_is_one_critical_alarm);
	tcase_add_test(c, a_quarantined_host_only_counts_for_its_quarantine);
	tcase_add_test(
	        c, the_quarantine_of_a_whole_range_counts_what_any_of_it_tries_and_stays_as_it_is);
	tcase_add_test(c, the_random_walk_speaks_only_where_good_contacts_are_known);
	tcase_add_test(c, a_slow_beacon_stays_open_until_it_missed_some_periods);
	tcase_add_test(c, an_alarm_that_was_cleared_while_it_goes_on_comes_up_again);
	tcase_add_test(c, tables_without_room_are_refused);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
