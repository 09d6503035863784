/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/detect.h"

#include "base/array.h"
#include "random.h"
#include "scene.h"

#include <malloc.h>
#include <time.h>

/*
 * What detectors must not name: a week of people at work, with all that a gateway blocks of them.
 * Pages contact 11 hosts in the median and 35 at the 90th percentile.
 */
#define DESKS    35
#define LAPTOPS  10 /* of these */
#define DAYS     7
#define WORKDAYS 5
#define DAY      86400.0
#define PRINTER  200
#define INFECTED ((usec_t)120960) /* seconds */

struct event {
	double time;
	uint32_t to;
	uint16_t port;
	uint8_t desk;
	uint8_t protocol;
	bool permitted;
};

struct week {
	bool meetings; /* people have them */
	bool pages;    /* they browse; what of it is blocked counts for nothing anyway */
	bool contacts; /* the permitted ones are wanted too */
	ARRAY(struct event) events;
	struct random random;
};

static void put(struct week *week, unsigned desk, uint8_t protocol, uint16_t port, uint32_t to,
                bool permitted, double time)
{
	struct event *event = ARRAY_ADD(&week->events);
	ck_assert_ptr_nonnull(event);
	*event = (struct event){time, to, port, (uint8_t)desk, protocol, permitted};
}

static void block(struct week *week, unsigned desk, uint8_t protocol, uint16_t port, uint32_t to,
                  double time)
{
	put(week, desk, protocol, port, to, false, time);
}

/* Log-normal, by its median and 90th percentile. */
static double page_hosts(struct random *random)
{
	double u = 1 - random_unit(random);
	double normal = sqrt(-2 * log(u)) * cos(2 * M_PI * random_unit(random));
	return 11 * exp(normal * log(35.0 / 11) / 1.2816);
}

/* Hosts of the web are visited the more often the better known they are. */
static uint32_t web_host(struct random *random)
{
	return (uint32_t)(5000 * pow(random_unit(random), 3));
}

/* A page: its hosts are permitted by tcp, and a third of them are tried by QUIC before. */
static void browse(struct week *week, unsigned desk, double time)
{
	unsigned hosts = (unsigned)fmin(page_hosts(&week->random), 120);
	for (unsigned i = 0; i <= hosts; i++) {
		uint32_t host = web_host(&week->random);
		double at = time + random_between(&week->random, 0, 3);
		if (random_unit(&week->random) < 0.33)
			block(week, desk, UDP, 443, host, at);
		if (week->contacts)
			put(week, desk, TCP, 443, host, true, at + 0.3);
	}
}

/* A person who loads a page again some times, and then lets it be. */
static void insist(struct week *week, unsigned desk, uint16_t port, uint32_t to, double time)
{
	unsigned tries = 1 + random_below(&week->random, 6);
	for (unsigned i = 0; i < tries; i++) {
		block(week, desk, TCP, port, to, time);
		time += 2 + random_exponential(&week->random, 8);
	}
}

/* A chat program: waits longer each time, by chance, and gives up. */
static void back_off(struct week *week, unsigned desk, uint16_t port, uint32_t to, double time)
{
	double wait = 2;
	for (unsigned i = 0; i < 8; i++, wait *= 2) {
		block(week, desk, TCP, port, to, time);
		time += wait * random_between(&week->random, 0.5, 1.5);
	}
}

/* A clock that is not answered: all its servers once, and again after 15, 30, 60, ... minutes. */
static void ask_time(struct week *week, unsigned desk, uint32_t servers, double time, double until)
{
	for (double wait = 900; time < until; time += wait, wait *= 2)
		for (unsigned i = 0; i < 4; i++)
			block(week, desk, UDP, 123, servers + i, time + i * 2);
}

/* A meeting looks for a way through by four servers at once. */
static void meet(struct week *week, unsigned desk, double time)
{
	for (unsigned i = 0; i < 4; i++)
		block(week, desk, UDP, i % 2 ? 3478 : 19302, 20000 + i, time + i * 0.05);
}

static void work(struct week *week, unsigned desk, double morning)
{
	struct random *r = &week->random;
	double begin = morning + 3600 * random_between(r, 7.5, 9.5);
	double end = begin + 3600 * random_between(r, 7.5, 9.5);
	for (double at = begin; week->pages && at < end; at += 5 + random_exponential(r, 400))
		browse(week, desk, at);
	for (double at = begin; at < end; at += random_exponential(r, 2.5 * 3600))
		insist(week, desk, (uint16_t)(random_unit(r) < 0.5 ? 8080 : 8443),
		       30000 + random_below(r, 500), at);
	for (double at = begin; week->meetings && at < end; at += random_exponential(r, 3 * 3600))
		meet(week, desk, at);
	back_off(week, desk, 5222, 21000, begin + 20);
	if (desk < LAPTOPS) {
		uint32_t servers = 22000 + random_below(r, 400) * 4;
		double lunch = begin + 4 * 3600;
		ask_time(week, desk, servers, begin, lunch);
		ask_time(week, desk, servers, lunch + 2400, end);
	}
}

static int compare_events(const void *a, const void *b)
{
	const struct event *x = a;
	const struct event *y = b;
	return (x->time > y->time) - (x->time < y->time);
}

static void live(struct week *week, uint64_t seed)
{
	printf("seed %llu\n", (unsigned long long)seed);
	week->random = (struct random){seed};
	for (unsigned day = 0; day < WORKDAYS; day++)
		for (unsigned desk = 0; desk < DESKS; desk++)
			work(week, desk, day * DAY);
	qsort(week->events.items, week->events.count, sizeof(struct event), compare_events);
}

/* How the week went for the detectors. */
static void show(struct scene *scene, const struct week *week, const struct detect_facts *facts)
{
	ARRAY_FOREACH (event, &week->events) {
		struct address source = scene_pc(event->desk);
		struct address to = scene_outside(event->to);
		const struct stream stream = {
		        .source = source,
		        .destination = {.address = to, .port = event->port, .protocol = TCP}};
		usec_t now = SCENE_START + (usec_t)(event->time * (double)USEC_PER_SEC);
		alarm_book_expire(scene->book, now);
		if (event->permitted)
			detect_contact(scene->detect, &stream, facts, now);
		else
			scene_try(scene, facts, &source, &to, event->protocol, event->port,
			          event->time);
	}
}

static void poll_of_printer(struct scene *scene, const struct detect_facts *printer)
{
	struct address source = scene_pc(PRINTER);
	struct address maker = scene_address("198.51.100.7");
	for (double at = 0; at < DAYS * DAY; at += 60)
		scene_try(scene, printer, &source, &maker, TCP, 443, at);
}

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

/* One bit for each desk that is in the book. */
static uint64_t desks_named(const struct alarm_book *book)
{
	uint64_t named = 0;
	for (const struct alarm *a = alarm_book_next(book, 0); a; a = alarm_book_next(book, a->id))
		named |= (uint64_t)1 << a->source.bytes[3];
	return named;
}

/*
 * Of random gaps, three in a row are nearly equal in one of some two hundred streams. Who wants a
 * beacon named at its 4th attempt takes a person for one now and then; of 35, less than one a week.
 */
START_TEST(in_ten_weeks_35_people_are_taken_for_a_beacon_less_than_ten_times)
{
	int people = 0;
	for (uint64_t seed = 101; seed <= 110; seed++) {
		struct scene scene;
		struct week week = {.meetings = true};
		scene_begin(&scene);
		live(&week, seed);
		show(&scene, &week, &scene_desk);
		people += __builtin_popcountll(desks_named(scene.book));
		ck_assert_uint_eq(count_told(&scene, ALARM_BEACON), scene.told_count);
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
	known.trw.successes_known = true;
	struct detect_facts facts = scene_desk;
	facts.thresholds = &known;
	struct scene scene;
	struct week week = {.meetings = meetings, .pages = true, .contacts = true};
	scene_begin(&scene);
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
	live(&week, 81);
	for (double at = (double)INFECTED; at < (double)INFECTED + DAY / 5; at += 30)
		block(&week, 7, TCP, 25, 99999, at);
	qsort(week.events.items, week.events.count, sizeof(struct event), compare_events);
	show(&scene, &week, &scene_desk);
	ck_assert_uint_eq(scene.told_count, 1);
	scene_told(&scene, 0, ALARM_BEACON, SEVERITY_WARNING);
	const struct alarm *a = alarm_book_get(scene.book, 1);
	ck_assert_uint_eq(a->first, SCENE_START + INFECTED * USEC_PER_SEC);
	ck_assert_uint_eq(a->attempts, 576);
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
	tcase_add_test(c, in_ten_weeks_35_people_are_taken_for_a_beacon_less_than_ten_times);
	tcase_add_test(c, the_random_walk_names_who_has_four_blocked_servers_and_nobody_else);
	tcase_add_test(c, counting_quic_would_accuse_people_of_scanning);
	tcase_add_test(c, an_infected_machine_is_named_among_the_behaving_ones);
	suite_add_tcase(suite, c);

	c = tcase_create("flood");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_million_attempts_from_50_000_sources_take_no_more_memory);
	tcase_add_test(c, attempts_of_50_000_unassigned_sources_fill_no_screen);
	suite_add_tcase(suite, c);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
