/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/detect.h"

#include "base/array.h"
#include "random.h"
#include "scene.h"

#include <time.h>

/*
 * What detection comes to in a flood: the same verdicts about everybody else, every attempt
 * accounted for, and little time for each. The times are printed, for nobody knows what else the
 * machine does.
 */
#define BOOK_MAX 1024

enum { FLOOD_SOURCES = 50000, FLOOD_SECONDS = 10, VERDICTS_MAX = 32 };

struct attempt {
	double time;
	struct address source;
	struct address destination;
	const struct detect_facts *facts;
	enum reason reason;
	uint16_t port;
	uint8_t protocol;
};
typedef ARRAY(struct attempt) attempt_list;

/* An alarm that opened about the source of an incident, and at which attempt of the incidents. */
struct verdict {
	enum alarm_kind kind;
	struct address source;
	unsigned attempt;
};

struct stage {
	struct alarm_book *book;
	struct detect *detect;
	unsigned incident_attempts;
	uint64_t attempts;
	unsigned opened;
	struct verdict verdicts[VERDICTS_MAX];
	unsigned verdict_count;
};

/* Those of the incidents are behind every source of a flood. */
static bool is_of_incident(const struct address *source)
{
	return source->bytes[0] != 192 || source->bytes[2] >= 250;
}

static void hear(const struct alarm *alarm, enum alarm_change change, void *userdata)
{
	struct stage *stage = userdata;
	if (change != ALARM_CHANGE_OPENED && change != ALARM_CHANGE_REOPENED)
		return;
	stage->opened++;
	if (alarm->cause.many || !is_of_incident(&alarm->source))
		return;
	ck_assert_uint_lt(stage->verdict_count, VERDICTS_MAX);
	stage->verdicts[stage->verdict_count++] = (struct verdict){
	        (enum alarm_kind)alarm->cause.kind, alarm->source, stage->incident_attempts};
}

static void stage_begin(struct stage *stage)
{
	*stage = (struct stage){};
	ck_assert_int_eq(alarm_book_new(BOOK_MAX, 0, hear, stage, &stage->book), 0);
	ck_assert_int_eq(detect_new(&detect_sizes_standard, stage->book, &stage->detect), 0);
}

static void stage_end(struct stage *stage)
{
	struct detect_counts counts = detect_counts(stage->detect);
	ck_assert_uint_eq(counts.attempts, stage->attempts);
	ck_assert_uint_eq(counts.looked + counts.kept + counts.skipped, counts.attempts);
	detect_free(stage->detect);
	alarm_book_free(stage->book);
}

static void show(struct stage *stage, const struct attempt *attempt)
{
	const struct ledger_noted noted = {
	        .key = {.source = attempt->source,
	                .destination = attempt->destination,
	                .port = attempt->port,
	                .protocol = attempt->protocol,
	                .reason = (uint8_t)attempt->reason,
	                .has_port = 1},
	        .source_port = (uint16_t)(1024 + stage->attempts % 60000),
	};
	stage->attempts++;
	stage->incident_attempts += is_of_incident(&attempt->source);
	detect_attempt(stage->detect, &noted, attempt->facts,
	               SCENE_START + (usec_t)(attempt->time * (double)USEC_PER_SEC));
}

static void put(attempt_list *list, const struct attempt *attempt)
{
	struct attempt *added = ARRAY_ADD(list);
	ck_assert_ptr_nonnull(added);
	*added = *attempt;
}

/* The seed incidents; the times of all but the beacon fall into the flood. */
static void stage_incidents(attempt_list *list, struct random *random)
{
	struct attempt a = {.facts = &scene_desk, .reason = REASON_ROLE, .protocol = TCP};

	a.source = scene_pc(250 * 256 + 77); /* Niovadoor */
	a.destination = scene_outside(0xc0ffee);
	a.port = 25;
	for (unsigned i = 0; i < 6; i++) {
		a.time = 5 + random_unit(random) + 30 * i;
		put(list, &a);
	}

	a.source = scene_pc(250 * 256 + 20); /* Blaster */
	double begin = random_between(random, 41, 46);
	a.destination = scene_outside(0xbad);
	a.protocol = UDP;
	a.port = 69;
	a.time = begin;
	put(list, &a);
	a.protocol = TCP;
	for (unsigned i = 0; i < 100; i++) {
		a.destination = scene_outside(0x100000 + i);
		a.time = begin + 0.05 + i * 0.09;
		a.port = i % 20 == 10 ? 4444 : 135;
		put(list, &a);
	}

	a.source = scene_pc(250 * 256 + 21); /* somebody with a tool */
	begin = random_between(random, 41, 46);
	a.destination = scene_outside(0xbeef);
	for (unsigned i = 0; i < 40; i++) {
		a.port = (uint16_t)(1 + i);
		a.time = begin + i * 0.1;
		put(list, &a);
	}

	a.facts = &scene_web; /* CodeRed */
	a.source = scene_address("198.51.100.80");
	a.port = 80;
	begin = random_between(random, 41, 46);
	for (unsigned i = 0; i < 1000; i++) {
		a.destination = scene_outside(random_below(random, 1 << 24));
		a.time = begin + i / 100 + i % 100 * 0.001;
		put(list, &a);
	}
}

/* So many attempts a second for some time, from as many sources as there may be in a network. */
static void stage_flood(attempt_list *list, struct random *random, unsigned rate, unsigned shape)
{
	for (unsigned i = 0; i < rate * FLOOD_SECONDS; i++) {
		bool unassigned = shape == 1 || (shape == 2 && i % 2);
		struct attempt a = {
		        .time = 40 + (double)i / rate,
		        .source = scene_pc(random_below(random, FLOOD_SOURCES)),
		        .destination = scene_outside(random_below(random, 1 << 24)),
		        .facts = unassigned ? &scene_nobody : &scene_desk,
		        .reason = unassigned ? REASON_UNASSIGNED : REASON_ROLE,
		        .port = (uint16_t)(1 + random_below(random, 65535)),
		        .protocol = TCP,
		};
		put(list, &a);
	}
}

static int compare_attempts(const void *a, const void *b)
{
	const struct attempt *x = a;
	const struct attempt *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return memcmp(&x->destination, &y->destination, sizeof(x->destination));
}

/* The incidents alone, or in a flood. */
static void play(struct stage *stage, uint64_t seed, unsigned rate, unsigned shape)
{
	struct random random = {seed};
	attempt_list list = {};
	stage_begin(stage);
	stage_incidents(&list, &random);
	stage_flood(&list, &random, rate, shape);
	qsort(list.items, list.count, sizeof(*list.items), compare_attempts);
	clock_t begin = clock();
	ARRAY_FOREACH (attempt, &list)
		show(stage, attempt);
	printf("seed %llu, flood %u of %u a second: %.0f ns an attempt\n", (unsigned long long)seed,
	       shape, rate, (double)(clock() - begin) / CLOCKS_PER_SEC / (double)list.count * 1e9);
	ARRAY_DONE(&list);
}

/* The attempts that the one alarm of that kind about that source counted. */
static uint64_t attempts_of(const struct stage *stage, const struct verdict *verdict)
{
	uint64_t attempts = 0;
	for (const struct alarm *a = alarm_book_next(stage->book, 0); a;
	     a = alarm_book_next(stage->book, a->id))
		if (a->cause.kind == verdict->kind &&
		    address_compare(&a->source, &verdict->source) == 0)
			attempts += a->attempts;
	return attempts;
}

START_TEST(a_flood_from_50_000_sources_changes_no_verdict_about_anybody_else)
{
	static const unsigned rates[] = {5000, 50000};
	for (uint64_t seed = 201; seed <= 205; seed++) {
		struct stage alone, flooded;
		play(&alone, seed, 0, 0);
		play(&flooded, seed, rates[seed % 2], (unsigned)(seed % 3));
		ck_assert_uint_eq(alone.verdict_count, 5);
		ck_assert_uint_eq(flooded.verdict_count, alone.verdict_count);
		for (unsigned i = 0; i < alone.verdict_count; i++) {
			const struct verdict *a = &alone.verdicts[i];
			const struct verdict *b = &flooded.verdicts[i];
			printf("%-10s at attempt %u, in the flood at %u\n",
			       alarm_kind_name(a->kind), a->attempt, b->attempt);
			ck_assert_int_eq(a->kind, b->kind);
			ck_assert_int_eq(address_compare(&a->source, &b->source), 0);
			ck_assert_uint_eq(a->attempt, b->attempt);
			ck_assert_uint_gt(attempts_of(&alone, a), 0);
			ck_assert_uint_eq(attempts_of(&alone, a), attempts_of(&flooded, b));
		}
		stage_end(&alone);
		stage_end(&flooded);
	}
}
END_TEST

START_TEST(the_alarms_of_a_source_that_floods_count_every_attempt_and_tell_little)
{
	enum { ATTEMPTS = 200000 };
	struct stage stage;
	stage_begin(&stage);
	struct random random = {211};
	printf("seed 211\n");
	struct attempt a = {
	        .source = scene_address("198.51.100.80"),
	        .facts = &scene_web,
	        .reason = REASON_ROLE,
	        .protocol = TCP,
	};
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		a.time = i * 0.00001;
		a.destination = scene_outside(random_below(&random, 1 << 24));
		a.port = i == 100000 ? 4444 : 80;
		show(&stage, &a);
	}
	ck_assert_uint_eq(stage.opened, 2);
	ck_assert_uint_eq(stage.verdicts[0].attempt, 1);
	ck_assert_uint_eq(stage.verdicts[1].attempt, 25);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(attempts_of(&stage, &stage.verdicts[i]), ATTEMPTS);
		const struct evidence *evidence = &alarm_book_get(stage.book, i + 1)->evidence;
		ck_assert_uint_eq(evidence->service_count, 2);
		ck_assert_uint_eq(evidence->services[0].attempts + evidence->services[1].attempts,
		                  ATTEMPTS);
	}
	ck_assert_uint_gt(detect_counts(stage.detect).skipped, ATTEMPTS * 9 / 10);
	stage_end(&stage);
}
END_TEST

/* Attempts of one desk, so many a second apart by that; which hosts and ports is the test's. */
static struct detect_counts count_those(unsigned attempts, double apart, unsigned hosts,
                                        unsigned ports)
{
	struct stage stage;
	stage_begin(&stage);
	struct attempt a = {
	        .source = scene_pc(250 * 256 + 1),
	        .facts = &scene_desk,
	        .reason = REASON_ROLE,
	        .protocol = TCP,
	};
	for (unsigned i = 0; i < attempts; i++) {
		a.time = i * apart;
		a.destination = scene_outside(i % hosts);
		a.port = (uint16_t)(1000 + i / hosts % ports);
		show(&stage, &a);
	}
	struct detect_counts counts = detect_counts(stage.detect);
	stage_end(&stage);
	return counts;
}

START_TEST(what_no_detector_would_use_is_skipped_and_not_missed)
{
	/* A mail trojan that is quick: the same ten times a second, and a thousand times. */
	struct detect_counts counts = count_those(20, 0.1, 1, 1);
	ck_assert_uint_gt(counts.skipped, 0);
	ck_assert_uint_eq(counts.missed, 0);
	ck_assert_uint_eq(count_those(10000, 0.001, 1, 1).missed, 0);
	/* A worm at a thousand hosts a second has its alarm after 25. */
	counts = count_those(10000, 0.001, 10000, 1);
	ck_assert_uint_gt(counts.skipped, 9000);
	ck_assert_uint_eq(counts.missed, 0);
}
END_TEST

START_TEST(what_comes_too_fast_for_the_detectors_is_missed)
{
	/* Twelve hosts and twelve ports: neither many hosts nor many ports, and a thousand a
	 * second. */
	struct detect_counts counts = count_those(10000, 0.001, 12, 12);
	ck_assert_uint_gt(counts.missed, 5000);
	ck_assert_uint_le(counts.missed, counts.skipped);
}
END_TEST

START_TEST(a_scan_that_was_cleared_while_it_goes_on_comes_up_again)
{
	struct stage stage;
	stage_begin(&stage);
	struct attempt a = {
	        .source = scene_pc(250 * 256 + 1),
	        .facts = &scene_desk,
	        .reason = REASON_ROLE,
	        .port = 445,
	        .protocol = TCP,
	};
	for (unsigned i = 0; i < 60000; i++) {
		a.time = i * 0.001;
		a.destination = scene_outside(i);
		if (i == 50000)
			ck_assert_int_eq(alarm_book_clear(stage.book, 1, NULL, SCENE_START), 0);
		show(&stage, &a);
	}
	ck_assert_uint_eq(stage.verdict_count, 2);
	ck_assert_uint_eq(stage.verdicts[0].attempt, 25);
	ck_assert_uint_eq(stage.verdicts[1].attempt, 50001);
	stage_end(&stage);
}
END_TEST

START_TEST(unassigned_senders_in_any_number_are_all_counted)
{
	enum { ATTEMPTS = 300000 };
	struct stage stage;
	stage_begin(&stage);
	struct random random = {221};
	printf("seed 221\n");
	struct attempt a = {.facts = &scene_nobody, .reason = REASON_UNASSIGNED, .protocol = TCP};
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		a.time = i * 0.00001;
		a.source = scene_pc(random_below(&random, FLOOD_SOURCES));
		a.destination = scene_outside(random_below(&random, 1 << 24));
		a.port = (uint16_t)(1 + random_below(&random, 65535));
		show(&stage, &a);
	}
	uint64_t counted = 0;
	for (const struct alarm *alarm = alarm_book_next(stage.book, 0); alarm;
	     alarm = alarm_book_next(stage.book, alarm->id)) {
		ck_assert_int_eq(alarm->cause.kind, ALARM_UNASSIGNED);
		counted += alarm->attempts;
	}
	ck_assert_uint_eq(stage.opened, thresholds_standard.strangers + 1);
	ck_assert_uint_eq(counted, ATTEMPTS);
	stage_end(&stage);
}
END_TEST

/* A program in a loop must not hide another one on its machine. */
START_TEST(a_beacon_is_named_beside_a_stream_of_a_thousand_attempts_a_second)
{
	struct stage stage;
	stage_begin(&stage);
	struct attempt noise = {
	        .source = scene_pc(250 * 256 + 1),
	        .destination = scene_outside(1),
	        .facts = &scene_desk,
	        .reason = REASON_ROLE,
	        .port = 514,
	        .protocol = UDP,
	};
	struct attempt beacon = noise;
	beacon.destination = scene_outside(2);
	beacon.port = 25;
	beacon.protocol = TCP;
	for (unsigned i = 0; i < 100000; i++) {
		noise.time = i * 0.001;
		show(&stage, &noise);
		if (i % 30000 != 777)
			continue;
		beacon.time = noise.time;
		show(&stage, &beacon);
	}
	const struct alarm *found = NULL;
	for (const struct alarm *alarm = alarm_book_next(stage.book, 0); alarm;
	     alarm = alarm_book_next(stage.book, alarm->id)) {
		ck_assert_int_eq(alarm->cause.kind, ALARM_BEACON);
		if (alarm->destination.port == 25)
			found = alarm;
	}
	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(found->attempts, 4);
	ck_assert_uint_eq(found->period, 30 * USEC_PER_SEC);
	stage_end(&stage);
}
END_TEST

START_TEST(a_flood_of_tripwires_does_not_empty_a_full_book)
{
	struct detect_facts farm = scene_web;
	farm.one_machine = false;
	struct stage stage;
	stage_begin(&stage);
	struct attempt a = {
	        .destination = scene_outside(1),
	        .facts = &farm,
	        .reason = REASON_ROLE,
	        .port = 21,
	        .protocol = TCP,
	};
	for (unsigned i = 0; i < 20000; i++) {
		a.time = i * 0.00005;
		a.source = scene_pc(i);
		show(&stage, &a);
	}
	struct detect_counts counts = detect_counts(stage.detect);
	ck_assert_uint_le(stage.opened, BOOK_MAX + 200);
	ck_assert_uint_gt(stage.opened, BOOK_MAX);
	ck_assert_uint_eq(stage.opened + counts.no_room, 20000);
	ck_assert_uint_eq(alarm_book_counts(stage.book).free, 0);
	ck_assert_uint_eq(alarm_book_counts(stage.book).dropped, stage.opened - BOOK_MAX);
	stage_end(&stage);
}
END_TEST

int main(void)
{
	setlinebuf(stdout);
	Suite *suite = suite_create("track-flood");
	TCase *c = tcase_create("flood");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_flood_from_50_000_sources_changes_no_verdict_about_anybody_else);
	tcase_add_test(c, the_alarms_of_a_source_that_floods_count_every_attempt_and_tell_little);
	tcase_add_test(c, what_no_detector_would_use_is_skipped_and_not_missed);
	tcase_add_test(c, what_comes_too_fast_for_the_detectors_is_missed);
	tcase_add_test(c, a_scan_that_was_cleared_while_it_goes_on_comes_up_again);
	tcase_add_test(c, unassigned_senders_in_any_number_are_all_counted);
	tcase_add_test(c, a_beacon_is_named_beside_a_stream_of_a_thousand_attempts_a_second);
	tcase_add_test(c, a_flood_of_tripwires_does_not_empty_a_full_book);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
