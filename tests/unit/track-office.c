/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/detect.h"

#include "week.h"

#include <malloc.h>
#include <time.h>

/* When a machine is infected, in seconds of the week. */
#define INFECTED ((usec_t)120960)

static unsigned count_told(const struct scene *scene, enum alarm_kind kind)
{
	unsigned count = 0;
	for (unsigned i = 0; i < scene->told_count; i++)
		count += scene->told[i].kind == kind;
	return count;
}

START_TEST(a_week_of_35_behaving_people_and_a_printer_is_one_notice_about_the_printer)
{
	struct thresholds quiet_role = thresholds_standard;
	quiet_role.severity[ALARM_BEACON] = SEVERITY_NOTICE;
	const struct detect_facts printer = {.host = "printer",
	                                     .role = "printer",
	                                     .one_machine = true,
	                                     .thresholds = &quiet_role};
	struct scene scene;
	struct week week = {.meetings = true, .pages = true};
	scene_begin(&scene);
	printf("seed %llu\n", 41ULL);
	live(&week, 41);
	show(&scene, &week, &scene_desk);
	printf("%u attempts of people\n", scene.attempts);
	ck_assert_uint_gt(scene.attempts, 40000);
	ck_assert_uint_eq(scene.told_count, 0);

	poll_of_printer(&scene, &printer);
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_BEACON, SEVERITY_NOTICE);
	const struct alarm *a = alarm_book_get(scene.book, 1);
	ck_assert_uint_eq(a->attempts, DAYS * 1440);
	ck_assert_uint_eq(a->score.window, RITA_WINDOW_MIDDLE);
	ck_assert_double_eq_tol(a->score.total, 1, 0.01);
	ARRAY_DONE(&week.events);
	scene_end(&scene);
}
END_TEST

/*
 * Of random gaps, three in a row are nearly equal in one of some two hundred streams. Who wants a
 * beacon named at its 4th attempt takes a person for one now and then; of 35, less than one a week.
 */
START_TEST(in_ten_weeks_35_people_are_taken_for_a_beacon_hardly_ever_and_never_gravely)
{
	int people = 0;
	for (uint64_t seed = 101; seed <= 110; seed++) {
		struct scene scene;
		struct week week = {.meetings = true};
		scene_begin(&scene);
		printf("seed %llu\n", (unsigned long long)seed);
		live(&week, seed);
		show(&scene, &week, &scene_desk);
		people += __builtin_popcountll(desks_named(scene.book));
		ck_assert_uint_eq(count_told(&scene, ALARM_BEACON), scene.told_count);
		for (const struct alarm *a = alarm_book_next(scene.book, 0); a;
		     a = alarm_book_next(scene.book, a->id))
			ck_assert_int_eq(a->severity, SEVERITY_NOTICE);
		ARRAY_DONE(&week.events);
		scene_end(&scene);
	}
	printf("people taken for a beacon in ten weeks: %d\n", people);
	ck_assert_int_lt(people, 10);
}
END_TEST

/* The desks that the random walk names within a week, one bit each. */
static uint64_t name_by_walk(uint64_t seed, bool meetings)
{
	struct thresholds known = thresholds_standard;
	known.trw.enabled = true;
	struct detect_facts facts = scene_desk;
	facts.thresholds = &known;
	struct scene scene;
	struct week week = {.meetings = meetings, .pages = true, .contacts = true};
	scene_begin(&scene);
	printf("seed %llu\n", (unsigned long long)seed);
	live(&week, seed);
	show(&scene, &week, &facts);
	ck_assert_uint_eq(scene.told_count, count_told(&scene, ALARM_TRW));

	uint64_t named = desks_named(scene.book);
	ARRAY_DONE(&week.events);
	scene_end(&scene);
	return named;
}

/* Four servers that are asked one after the other are four failed first contacts in a row. */
START_TEST(the_random_walk_names_who_has_four_blocked_servers_and_nobody_else)
{
	uint64_t named = name_by_walk(61, false);
	printf("random walk: %d of %d desks, %d with meetings\n", __builtin_popcountll(named),
	       DESKS, __builtin_popcountll(name_by_walk(61, true)));
	ck_assert_uint_lt(named, (uint64_t)1 << LAPTOPS);
}
END_TEST

START_TEST(counting_quic_would_accuse_people_of_scanning)
{
	struct detect_facts facts = scene_desk;
	facts.may_use_https = false;
	struct scene scene;
	struct week week = {.meetings = true, .pages = true};
	scene_begin(&scene);
	printf("seed %llu\n", 71ULL);
	live(&week, 71);
	/* A day is enough to see it. */
	while (week.events.count && week.events.items[week.events.count - 1].time > DAY)
		week.events.count--;
	show(&scene, &week, &facts);
	ck_assert_uint_gt(count_told(&scene, ALARM_SCAN), 0);
	ARRAY_DONE(&week.events);
	scene_end(&scene);
}
END_TEST

START_TEST(an_infected_machine_is_named_among_the_behaving_ones)
{
	struct scene scene;
	struct week week = {.meetings = true, .pages = true};
	scene_begin(&scene);
	printf("seed %llu\n", 81ULL);
	live(&week, 81);
	for (double at = (double)INFECTED; at < (double)INFECTED + DAY / 5; at += 30)
		block(&week, 7, TCP, 25, 99999, at);
	qsort(week.events.items, week.events.count, sizeof(struct event), compare_events);
	show(&scene, &week, &scene_desk);
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_BEACON, SEVERITY_NOTICE);
	const struct alarm *a = alarm_book_get(scene.book, 1);
	ck_assert_uint_eq(a->first, SCENE_START + INFECTED * USEC_PER_SEC);
	ck_assert_uint_eq(a->attempts, 576);
	ck_assert_int_eq(a->severity, SEVERITY_WARNING);
	ck_assert_int_eq(a->state, ALARM_CLEARED); /* it was quiet for days after */
	ARRAY_DONE(&week.events);
	scene_end(&scene);
}
END_TEST

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

/* Attempts, and the memory they take; the sentence about the first may take some. */
static void flood(struct scene *scene, uint64_t seed, unsigned attempts,
                  const struct detect_facts *facts, enum reason reason)
{
	enum { FIRST = 1000, SOURCES = 50000 };
	printf("seed %llu\n", (unsigned long long)seed);
	struct random random = {seed};
	size_t before = 0;
	clock_t begin = 0;
	for (unsigned i = 0; i < attempts; i++) {
		if (i == FIRST) {
			before = allocated();
			begin = clock();
		}
		struct address source = scene_pc(random_below(&random, SOURCES));
		struct address to = scene_outside(random_below(&random, 1 << 24));
		scene_block(scene, facts, reason, &source, &to, TCP,
		            (uint16_t)(1 + random_below(&random, 65535)), i * 0.0001);
	}
	printf("%.0f ns an attempt\n",
	       (double)(clock() - begin) / CLOCKS_PER_SEC / (attempts - FIRST) * 1e9);
	ck_assert_uint_eq(allocated(), before);
}

START_TEST(a_million_attempts_from_50_000_sources_take_no_more_memory)
{
	struct scene scene;
	scene_begin(&scene);
	flood(&scene, 91, 1000000, &scene_desk, REASON_ROLE);
	ck_assert_uint_eq(scene.told_count, 0);
	scene_end(&scene);
}
END_TEST

START_TEST(attempts_of_50_000_unassigned_sources_fill_no_screen)
{
	struct scene scene;
	scene_begin(&scene);
	flood(&scene, 92, 200000, &scene_nobody, REASON_UNASSIGNED);
	ck_assert_uint_eq(scene.told_count, thresholds_standard.strangers + 1);
	scene_end(&scene);
}
END_TEST

int main(void)
{
	setlinebuf(stdout);
	Suite *suite = suite_create("track-office");
	TCase *c = tcase_create("office");
	tcase_set_timeout(c, 120);
	tcase_add_test(c,
	               a_week_of_35_behaving_people_and_a_printer_is_one_notice_about_the_printer);
	tcase_add_test(c,
	               in_ten_weeks_35_people_are_taken_for_a_beacon_hardly_ever_and_never_gravely);
	tcase_add_test(c, the_random_walk_names_who_has_four_blocked_servers_and_nobody_else);
	tcase_add_test(c, counting_quic_would_accuse_people_of_scanning);
	tcase_add_test(c, an_infected_machine_is_named_among_the_behaving_ones);
	suite_add_tcase(suite, c);

	c = tcase_create("flood");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_million_attempts_from_50_000_sources_take_no_more_memory);
	tcase_add_test(c, attempts_of_50_000_unassigned_sources_fill_no_screen);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
