/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/detect.h"

#include "scene.h"

/* What the detectors forget, as at a restart, changes nothing about an alarm that is open. */

#define DAY 86400

static struct scene scene;
static const struct person watch = {.user = "alice", .uid = 1000};

static void begin(void)
{
	scene_begin(&scene);
}

static void end(void)
{
	scene_end(&scene);
}

/* The detectors begin anew; the book stays. */
static void restart(void)
{
	detect_free(scene.detect);
	ck_assert_int_eq(detect_new(&detect_sizes_standard, scene.book, &scene.detect), 0);
	detect_know_contacts(scene.detect, 0);
}

static const struct alarm *alarm_of(enum alarm_kind kind)
{
	for (const struct alarm *a = alarm_book_next(scene.book, 0); a;
	     a = alarm_book_next(scene.book, a->id))
		if (a->cause.kind == kind)
			return a;
	ck_abort_msg("there is no %s", alarm_kind_name(kind));
}

static struct detect_facts pc7(void)
{
	struct detect_facts facts = scene_desk;
	facts.host = "pc7";
	facts.one_machine = true;
	return facts;
}

/* What is kept of an attempt over a restart. */
static void remember(const struct detect_facts *facts, const struct address *source,
                     const struct address *destination, uint16_t port, unsigned attempts,
                     double first, double last, const usec_t *beats, unsigned beat_count)
{
	const struct ledger_noted noted = {
	        .key = {.source = *source,
	                .destination = *destination,
	                .port = port,
	                .protocol = TCP,
	                .reason = REASON_ROLE,
	                .has_port = 1},
	        .attempts = attempts,
	        .packets = attempts,
	        .first = SCENE_START + (usec_t)(first * (double)USEC_PER_SEC),
	        .last = SCENE_START + (usec_t)(last * (double)USEC_PER_SEC),
	};
	detect_remember(scene.detect, &noted, facts, beats, beat_count,
	                SCENE_START + 1000 * DAY * USEC_PER_SEC);
}

START_TEST(a_daily_beacon_is_named_though_the_gateway_restarts_every_day)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7), drop = scene_address("203.0.113.9");
	usec_t beats[BEACON_BEATS];
	begin();
	for (unsigned i = 0; i < 10; i++) {
		struct stream stream = {
		        source, {.address = drop, .port = 8443, .protocol = TCP, .has_port = 1}};
		unsigned count = detect_beats(scene.detect, &stream, beats);
		restart();
		if (i)
			remember(&facts, &source, &drop, 8443, i, 0, (i - 1) * DAY + 7, beats,
			         count);
		scene_try(&scene, &facts, &source, &drop, TCP, 8443, i * DAY);
	}
	ck_assert_uint_eq(scene.told_count, 1);
	ck_assert_uint_eq(scene_told(&scene, 0, ALARM_BEACON, SEVERITY_NOTICE)->attempt, 4);
	ck_assert_uint_eq(alarm_of(ALARM_BEACON)->attempts, 10);
	end();
}
END_TEST

START_TEST(a_scan_is_named_at_its_25th_host_whenever_the_gateway_restarts)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7);
	for (unsigned before = 1; before < 25; before++) {
		begin();
		for (unsigned i = 0; i < 30; i++) {
			struct address victim = scene_outside(i);
			if (i == before)
				restart();
			for (unsigned j = 0; i == before && j < before; j++) {
				struct address earlier = scene_outside(j);
				remember(&facts, &source, &earlier, 445, 1, j, j, NULL, 0);
			}
			scene_try(&scene, &facts, &source, &victim, TCP, 445, i);
		}
		ck_assert_uint_eq(scene.told_count, 1);
		ck_assert_uint_eq(scene_told(&scene, 0, ALARM_SCAN, SEVERITY_CRITICAL)->attempt,
		                  25);
		end();
	}
}
END_TEST

START_TEST(what_an_entry_later_than_now_tells_is_not_believed)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7), drop = scene_address("203.0.113.9");
	begin();
	for (unsigned i = 0; i < 24; i++) {
		struct address victim = scene_outside(i);
		remember(&facts, &source, &victim, 445, 1, 2000 * DAY, 2000 * DAY, NULL, 0);
	}
	scene_try(&scene, &facts, &source, &drop, TCP, 445, 0);
	ck_assert_uint_eq(scene.told_count, 0);
	end();
}
END_TEST

/* The beacon beats 16 times and is acknowledged at the 5th. */
static void beat_over_a_restart(unsigned period, unsigned restart_before)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7), drop = scene_address("203.0.113.9");
	begin();
	for (unsigned i = 0; i < 16; i++) {
		double now = (double)i * period;
		alarm_book_expire(scene.book, SCENE_START + (usec_t)now * USEC_PER_SEC,
		                  SCENE_START + (usec_t)now * USEC_PER_SEC);
		if (i == restart_before)
			restart();
		scene_try(&scene, &facts, &source, &drop, TCP, 8443, now);
		if (i == 4)
			ck_assert_int_eq(
			        alarm_book_acknowledge(scene.book, 1, &watch,
			                               SCENE_START + (usec_t)now * USEC_PER_SEC),
			        0);
	}
	const struct alarm *a = alarm_of(ALARM_BEACON);
	ck_assert_msg(a->attempts == 16, "period %u, restart %u: %u attempts", period,
	              restart_before, (unsigned)a->attempts);
	ck_assert_int_eq(a->state, ALARM_ACKNOWLEDGED);
	ck_assert_uint_eq(scene.told_count, 1);
	end();
}

START_TEST(a_beacon_of_any_period_counts_on_after_a_restart_and_stays_acknowledged)
{
	static const unsigned periods[] = {60, 3600, DAY / 3, DAY};
	for (unsigned i = 0; i < 4; i++)
		for (unsigned at = 5; at < 16; at++)
			beat_over_a_restart(periods[i], at);
}
END_TEST

START_TEST(a_scan_counts_what_else_its_source_tries_after_a_restart)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7);
	begin();
	for (unsigned i = 0; i < 30; i++) {
		struct address victim = scene_outside(i);
		scene_try(&scene, &facts, &source, &victim, TCP, 445, i);
	}
	ck_assert_uint_eq(alarm_of(ALARM_SCAN)->attempts, 30);
	for (unsigned i = 0; i < 30; i++) {
		if (i == 0 || i == 2 || i == 20)
			restart();
		struct address victim = scene_outside(100 + i);
		scene_try(&scene, &facts, &source, &victim, TCP, 445, 40 + i);
	}
	ck_assert_uint_eq(alarm_of(ALARM_SCAN)->attempts, 60);
	ck_assert_uint_eq(scene.told_count, 1);
	end();
}
END_TEST

START_TEST(a_port_scan_counts_on_after_a_restart)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7), target = scene_address("203.0.113.9");
	begin();
	for (unsigned i = 0; i < 20; i++)
		scene_try(&scene, &facts, &source, &target, TCP, (uint16_t)(1000 + i), i);
	uint64_t before = alarm_of(ALARM_PORTSCAN)->attempts;
	for (unsigned i = 0; i < 10; i++) {
		if (i == 0 || i == 1 || i == 7)
			restart();
		scene_try(&scene, &facts, &source, &target, TCP, (uint16_t)(2000 + i), 30 + i);
	}
	ck_assert_uint_eq(alarm_of(ALARM_PORTSCAN)->attempts, before + 10);
	ck_assert_uint_eq(scene.told_count, 1);
	end();
}
END_TEST

START_TEST(failing_first_contacts_count_on_after_a_restart)
{
	struct thresholds thresholds = thresholds_standard;
	struct detect_facts facts = pc7();
	struct address source = scene_pc(7);
	thresholds.trw.enabled = true;
	facts.thresholds = &thresholds;
	begin();
	for (unsigned i = 0; i < 6; i++) {
		struct address to = scene_outside(i);
		scene_try(&scene, &facts, &source, &to, TCP, 25, 10 * i);
	}
	uint64_t before = alarm_of(ALARM_TRW)->attempts;
	restart();
	for (unsigned i = 0; i < 2; i++) {
		struct address to = scene_outside(100 + i);
		scene_try(&scene, &facts, &source, &to, TCP, 25, 100 + 10 * i);
	}
	ck_assert_uint_eq(alarm_of(ALARM_TRW)->attempts, before + 2);
	ck_assert_uint_eq(scene.told_count, 1);
	end();
}
END_TEST

START_TEST(an_alarm_of_who_is_washed_out_by_a_flood_counts_on)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7), drop = scene_address("203.0.113.9");
	begin();
	scene.silent = true;
	for (unsigned i = 0; i < 5; i++)
		scene_try(&scene, &facts, &source, &drop, TCP, 8443, i * 600);
	for (unsigned i = 0; i < 100000; i++) {
		const uint8_t bytes[] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		struct address other = address_from_bytes(FAMILY_IPV4, bytes);
		scene_block(&scene, &scene_desk, REASON_ROLE, &other, &drop, TCP, 25,
		            2500 + (i / 4) * 0.001);
		if (i % 4 == 0)
			scene_block(&scene, &scene_desk, REASON_ROLE, &other, &drop, TCP, 26,
			            2500 + (i / 4) * 0.001);
	}
	for (unsigned i = 5; i < 10; i++)
		scene_try(&scene, &facts, &source, &drop, TCP, 8443, i * 600);
	ck_assert_uint_eq(alarm_of(ALARM_BEACON)->attempts, 10);
	end();
}
END_TEST

START_TEST(an_open_scan_hides_neither_a_beacon_nor_a_port_scan_of_the_same_machine)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7), drop = scene_address("203.0.113.9");
	struct address target = scene_address("198.51.100.7");
	begin();
	for (unsigned i = 0; i < 3000; i++) { /* ten a second */
		struct address victim = scene_outside(4096 + i);
		scene_try(&scene, &facts, &source, &victim, TCP, 445, 0.1 * i);
		if (i % 300 == 150)
			scene_try(&scene, &facts, &source, &drop, TCP, 8443, 0.1 * i + 0.05);
		if (i >= 2000 && i % 10 == 0)
			scene_try(&scene, &facts, &source, &target, TCP, (uint16_t)i,
			          0.1 * i + 0.07);
	}
	ck_assert_uint_eq(alarm_of(ALARM_BEACON)->attempts, 10);
	ck_assert_uint_eq(alarm_of(ALARM_BEACON)->cause.destination.port, 8443);
	ck_assert_uint_eq(alarm_of(ALARM_PORTSCAN)->attempts, 100);
	ck_assert_uint_eq(alarm_of(ALARM_SCAN)->attempts, 3000 + 10 + 100);
	ck_assert_uint_eq(scene.told_count, 3);
	end();
}
END_TEST

static void scan_ports(const struct detect_facts *facts, const struct address *target,
                       uint16_t port, unsigned ports, double since)
{
	struct address source = scene_pc(7);
	for (unsigned i = 0; i < ports; i++)
		scene_try(&scene, facts, &source, target, TCP, (uint16_t)(port + i),
		          since + 0.5 * i);
}

static void expect_text(enum alarm_kind kind, const char *expected)
{
	char text[ALARM_TEXT_MAX];
	const struct alarm_reader reader = {.now = SCENE_START + 3600 * USEC_PER_SEC};
	ck_assert_str_eq(alarm_text(alarm_of(kind), &reader, text), expected);
}

START_TEST(a_port_scan_names_all_its_targets_with_their_own_counts)
{
	const struct detect_facts facts = pc7();
	struct address first = scene_address("203.0.113.9"),
	               second = scene_address("198.51.100.77");
	begin();
	scan_ports(&facts, &first, 1000, 20, 0);
	expect_text(ALARM_PORTSCAN, "pc7 (192.168.0.7, desk) looks for services of 203.0.113.9: "
	                            "15 ports or more within 5 min. 20 attempts since 14:00:00 "
	                            "UTC.");
	scan_ports(&facts, &second, 1000, 300, 600);
	expect_text(ALARM_PORTSCAN,
	            "pc7 (192.168.0.7, desk) looks for services of 203.0.113.9 (20 attempts) and "
	            "198.51.100.77 (300 attempts): 15 ports or more within 5 min. 320 attempts "
	            "since 14:00:00 UTC.");
	scan_ports(&facts, &first, 1000, 5, 800);
	for (unsigned i = 0; i < 50; i++) {
		struct address more = scene_outside(i);
		scan_ports(&facts, &more, (uint16_t)(2000 + 20 * i), 18, 900 + i * 10);
	}
	expect_text(
	        ALARM_PORTSCAN,
	        "pc7 (192.168.0.7, desk) looks for services of 203.0.113.9 (25 attempts), "
	        "198.51.100.77 (300 attempts), 203.0.0.0 (18 attempts), 203.0.0.1 (18 attempts) "
	        "and 48 more: 15 ports or more within 5 min. 1225 attempts since 14:00:00 UTC.");
	ck_assert_uint_eq(scene.told_count, 1);
	end();
}
END_TEST

START_TEST(a_tripwire_names_what_was_tried_first_and_how_many_ports_besides)
{
	struct address source = scene_address("192.0.2.80"), store = scene_address("203.0.113.9");
	static const uint16_t ports[] = {21, 40001, 40002};
	begin();
	for (unsigned i = 0; i < 3; i++)
		scene_try(&scene, &scene_web, &source, &store, TCP, ports[i], i);
	expect_text(ALARM_TRIPWIRE,
	            "www1 (192.0.2.80, web) tried tcp/21 to 203.0.113.9 and 2 other ports: role "
	            "web may initiate nothing. 3 attempts in all since 14:00:00 UTC.");
	for (unsigned i = 3; i < 100; i++)
		scene_try(&scene, &scene_web, &source, &store, TCP, (uint16_t)(i * 7), i);
	const struct alarm *a = alarm_of(ALARM_TRIPWIRE);
	ck_assert_uint_eq(a->origin.port, 21);
	end();
}
END_TEST

START_TEST(a_throttled_host_has_the_danger_level_of_what_it_tries)
{
	struct detect_facts facts = pc7();
	struct address source = scene_pc(7);
	facts.throttle_destinations = 54;
	facts.throttle_per = USEC_PER_SEC / 10;
	begin();
	for (unsigned i = 0; i < 80; i++) {
		struct address to = scene_outside(i);
		scene_block(&scene, &facts, REASON_THROTTLE, &source, &to, TCP, 80, i * 0.05);
	}
	const struct alarm *a = alarm_of(ALARM_THROTTLE);
	ck_assert_uint_eq(a->attempts, 80);
	ck_assert_uint_eq(a->danger, 3); /* from 50 destinations on */
	ck_assert_uint_eq(a->evidence.attempt_count, EVIDENCE_ATTEMPTS);
	ck_assert_uint_eq(scene.told_count, 1);
	end();
}
END_TEST

START_TEST(a_beacon_that_is_none_any_more_says_until_when_it_was_one)
{
	const struct detect_facts facts = pc7();
	struct address source = scene_pc(7), drop = scene_address("203.0.113.9");
	begin();
	for (unsigned i = 0; i < 30; i++)
		scene_try(&scene, &facts, &source, &drop, TCP, 8443, i * 60);
	const struct alarm *a = alarm_of(ALARM_BEACON);
	ck_assert_uint_eq(a->until, 0);
	ck_assert_uint_ne(a->expected[0], 0);
	ck_assert_uint_ne(a->scored, 0);
	for (unsigned i = 0; i < 12; i++) /* at 1, 4, 9, ... minutes: growing gaps */
		scene_try(&scene, &facts, &source, &drop, TCP, 8443,
		          1740 + 60. * (i + 1) * (i + 2));
	ck_assert_uint_ge(a->until, SCENE_START + 1740 * USEC_PER_SEC);
	ck_assert_uint_lt(a->until, a->last);
	ck_assert_uint_eq(a->expected[0], 0);
	ck_assert_uint_eq(a->attempts, 42);
	char text[ALARM_TEXT_MAX];
	const struct alarm_reader reader = {.now = a->last};
	alarm_text(a, &reader, text);
	ck_assert_ptr_nonnull(strstr(text, " every 60 s until 14:"));
	ck_assert_ptr_nonnull(strstr(text, " UTC, and at other times since: 42 attempts since "));

	/* It is one again. */
	for (unsigned i = 0; i < 40; i++)
		scene_try(&scene, &facts, &source, &drop, TCP, 8443, 20000 + i * 60);
	ck_assert_uint_eq(a->until, 0);
	ck_assert_uint_ne(a->expected[0], 0);
	ck_assert_uint_eq(scene.told_count, 1);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-continuity");
	TCase *tests = tcase_create("continuity");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests,
	               a_beacon_of_any_period_counts_on_after_a_restart_and_stays_acknowledged);
	tcase_add_test(tests, a_daily_beacon_is_named_though_the_gateway_restarts_every_day);
	tcase_add_test(tests, a_scan_is_named_at_its_25th_host_whenever_the_gateway_restarts);
	tcase_add_test(tests, what_an_entry_later_than_now_tells_is_not_believed);
	tcase_add_test(tests, a_scan_counts_what_else_its_source_tries_after_a_restart);
	tcase_add_test(tests, a_port_scan_counts_on_after_a_restart);
	tcase_add_test(tests, failing_first_contacts_count_on_after_a_restart);
	tcase_add_test(tests, an_alarm_of_who_is_washed_out_by_a_flood_counts_on);
	tcase_add_test(tests,
	               an_open_scan_hides_neither_a_beacon_nor_a_port_scan_of_the_same_machine);
	tcase_add_test(tests, a_port_scan_names_all_its_targets_with_their_own_counts);
	tcase_add_test(tests, a_tripwire_names_what_was_tried_first_and_how_many_ports_besides);
	tcase_add_test(tests, a_throttled_host_has_the_danger_level_of_what_it_tries);
	tcase_add_test(tests, a_beacon_that_is_none_any_more_says_until_when_it_was_one);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
