/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/beacon.h"

#include "base/array.h"
#include "random.h"
#include "track/thresholds.h"

#include <check.h>
#include <errno.h>

#define START ((usec_t)1000000000 * USEC_PER_SEC)

static struct stream stream_of(uint32_t n)
{
	const uint8_t source[] = {192, 168, (uint8_t)(n >> 8), (uint8_t)n};
	const uint8_t destination[] = {203, 0, 113, 9};
	return (struct stream){
	        .source = address_from_bytes(FAMILY_IPV4, source),
	        .destination = {.address = address_from_bytes(FAMILY_IPV4, destination),
	                        .port = 25,
	                        .protocol = 6,
	                        .has_port = 1},
	};
}

static struct beacons *new_beacons(size_t streams)
{
	struct beacons *beacons = NULL;
	ck_assert_int_eq(beacons_new(streams, 64, &beacons), 0);
	return beacons;
}

/* Attempts of stream n at those seconds; the number of the one that named it, or 0. */
static unsigned note(struct beacons *beacons, uint32_t n, const double *seconds, unsigned count,
                     struct beacon *ret_beacon)
{
	struct stream stream = stream_of(n);
	for (unsigned i = 0; i < count; i++) {
		usec_t now = START + (usec_t)(seconds[i] * (double)USEC_PER_SEC);
		if (beacons_note(beacons, &stream, 60, false, &thresholds_standard.beacon, now,
		                 ret_beacon))
			return i + 1;
	}
	return 0;
}

START_TEST(every_30_s_is_named_at_the_4th_attempt_after_90_s)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(16);
	static const double times[] = {0, 30, 60, 90};
	struct beacon beacon;
	ck_assert_uint_eq(note(beacons, 1, times, 4, &beacon), 4);
	ck_assert_uint_eq(beacon.period, 30 * USEC_PER_SEC);
	ck_assert_uint_eq(beacon.attempts, 4);
	ck_assert_uint_eq(beacon.since, START);
	ck_assert_uint_eq(beacon.last, START + 90 * USEC_PER_SEC);

	usec_t next[3];
	beacon_expect(&beacon, beacon.last, next, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(next[i], START + (120 + 30 * i) * USEC_PER_SEC);
	beacon_expect(&beacon, START + 125 * USEC_PER_SEC, next, 1);
	ck_assert_uint_eq(next[0], START + 150 * USEC_PER_SEC);
}
END_TEST

START_TEST(a_minute_of_span_is_needed)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(16);
	double times[14];
	for (unsigned i = 0; i < 14; i++)
		times[i] = 5 * i;
	struct beacon beacon;
	ck_assert_uint_eq(note(beacons, 1, times, 14, &beacon), 13);
}
END_TEST

START_TEST(attempts_at_once_are_one_beat)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(16);
	static const double times[] = {0, 0.01, 30, 30.01, 60, 60.01, 90, 90.01};
	struct beacon beacon;
	ck_assert_uint_eq(note(beacons, 1, times, 8, &beacon), 7);
	ck_assert_uint_eq(beacon.period, 30 * USEC_PER_SEC);
}
END_TEST

/* A beacon that sleeps, or a person who comes back, makes some gaps of another length. */
START_TEST(one_gap_in_five_may_be_of_any_length)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(16);
	static const double one_in_five[] = {0, 3000, 3060, 3120, 3180, 3240};
	static const double one_in_four[] = {0, 3000, 3060, 3120, 3180};
	struct beacon beacon;
	ck_assert_uint_eq(note(beacons, 1, one_in_four, 5, &beacon), 0);
	ck_assert_uint_eq(note(beacons, 2, one_in_five, 6, &beacon), 6);
	ck_assert_uint_eq(beacon.period, 60 * USEC_PER_SEC);
}
END_TEST

static int compare_counts(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a;
	unsigned y = *(const unsigned *)b;
	return (x > y) - (x < y);
}

enum { STREAMS = 1000 };

/* At which attempt beacons of that jitter are named; sorted. */
static void name_jittered(uint64_t seed, double jitter, unsigned at[static STREAMS])
{
	printf("seed %llu\n", (unsigned long long)seed);
	struct random random = {seed};
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(STREAMS);
	for (unsigned n = 0; n < STREAMS; n++) {
		double times[100] = {};
		for (unsigned i = 1; i < 100; i++)
			times[i] =
			        times[i - 1] + 60 * random_between(&random, 1 - jitter, 1 + jitter);
		struct beacon beacon;
		at[n] = note(beacons, n, times, 100, &beacon);
		ck_assert_uint_ne(at[n], 0);
	}
	qsort(at, STREAMS, sizeof(at[0]), compare_counts);
}

START_TEST(jittered_beacons_are_named_at_the_4th_and_7th_attempt)
{
	unsigned at[STREAMS];
	name_jittered(11, 0.05, at);
	printf("5 %% jitter: median %u, 95 %% %u\n", at[STREAMS / 2], at[STREAMS * 95 / 100]);
	ck_assert_uint_eq(at[STREAMS / 2], 4);
	ck_assert_uint_eq(at[STREAMS * 95 / 100], 4);

	name_jittered(12, 0.2, at);
	printf("20 %% jitter: median %u, 95 %% %u\n", at[STREAMS / 2], at[STREAMS * 95 / 100]);
	ck_assert_uint_ge(at[STREAMS / 2], 5);
	ck_assert_uint_le(at[STREAMS / 2], 7);
	ck_assert_uint_le(at[STREAMS * 95 / 100], 9);
}
END_TEST

/* How many of the streams of 1000 attempts are named. */
static unsigned count_poisson(uint64_t seed, double mean, unsigned attempts)
{
	printf("seed %llu\n", (unsigned long long)seed);
	struct random random = {seed};
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(STREAMS);
	unsigned named = 0;
	for (unsigned n = 0; n < STREAMS; n++) {
		double times[1000] = {};
		for (unsigned i = 1; i < attempts; i++)
			times[i] = times[i - 1] + random_exponential(&random, mean);
		struct beacon beacon;
		named += note(beacons, n, times, attempts, &beacon) > 0;
	}
	return named;
}

START_TEST(poisson_streams_are_not_named)
{
	unsigned some = count_poisson(13, 300, 100);
	unsigned many = count_poisson(14, 300, 1000);
	printf("Poisson streams named: %u of 1000 within 100 attempts, %u within 1000\n", some,
	       many);
	ck_assert_uint_le(some, 20);
	ck_assert_uint_le(many, 20);
}
END_TEST

/* Somebody whose program does not work: some tries in a row, then something else for a while. */
static unsigned count_people(uint64_t seed, unsigned attempts)
{
	printf("seed %llu\n", (unsigned long long)seed);
	struct random random = {seed};
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(STREAMS);
	unsigned named = 0;
	for (unsigned n = 0; n < STREAMS; n++) {
		double times[1000];
		double at = 0;
		unsigned i = 0;
		while (i < attempts) {
			unsigned tries = 2 + random_below(&random, 5);
			for (unsigned j = 0; j < tries && i < attempts; j++) {
				times[i++] = at;
				at += 3 + random_exponential(&random, 20);
			}
			at += 600 + random_exponential(&random, 7200);
		}
		struct beacon beacon;
		named += note(beacons, n, times, attempts, &beacon) > 0;
	}
	return named;
}

START_TEST(people_who_try_again_are_hardly_ever_named)
{
	unsigned some = count_people(15, 100);
	unsigned many = count_people(16, 1000);
	printf("people named: %u of 1000 within 100 attempts, %u within 1000\n", some, many);
	ck_assert_uint_le(some, 50);
	ck_assert_uint_le(many, 50);
}
END_TEST

START_TEST(a_named_stream_has_a_score_over_the_longest_window_it_fills)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(16);
	struct stream stream = stream_of(1);
	struct rita_score score;
	ck_assert_int_eq(beacons_score(beacons, &stream, START, &score), -ENOENT);

	struct beacon beacon;
	usec_t now = START;
	static const struct {
		unsigned hours;
		usec_t window;
	} expected[] = {
	        {1, RITA_WINDOW_SHORT},
	        {5, RITA_WINDOW_SHORT},
	        {6, RITA_WINDOW_MIDDLE},
	        {24, RITA_WINDOW_DAY},
	};
	for (unsigned i = 0; i < ELEMENTS_OF(expected); i++) {
		for (; now <= START + expected[i].hours * RITA_WINDOW_SHORT;
		     now += 120 * USEC_PER_SEC)
			beacons_note(beacons, &stream, 60, false, &thresholds_standard.beacon, now,
			             &beacon);
		ck_assert_int_eq(beacons_score(beacons, &stream, now - 120 * USEC_PER_SEC, &score),
		                 0);
		ck_assert_uint_eq(score.window, expected[i].window);
		ck_assert_double_gt(score.total, 0.9);
	}
}
END_TEST

START_TEST(an_attempt_a_second_is_a_strobe)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(16);
	struct stream stream = stream_of(1);
	struct beacon beacon;
	struct rita_score score;
	usec_t now = START;
	for (unsigned i = 0; i < 2000; i++, now += USEC_PER_SEC)
		beacons_note(beacons, &stream, 60, false, &thresholds_standard.beacon, now,
		             &beacon);
	ck_assert_int_eq(beacons_score(beacons, &stream, now, &score), RITA_STROBE);
}
END_TEST

START_TEST(a_clock_that_steps_back_begins_anew)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(16);
	static const double times[] = {1000, 1030, 1060, 1090};
	static const double again[] = {0, 30, 60, 90};
	struct beacon beacon;
	ck_assert_uint_eq(note(beacons, 1, times, 4, &beacon), 4);
	ck_assert_uint_eq(note(beacons, 1, again, 4, &beacon), 4);
	ck_assert_uint_eq(beacon.since, START);
	struct rita_score score;
	struct stream stream = stream_of(1);
	ck_assert_int_eq(beacons_score(beacons, &stream, START + 90 * USEC_PER_SEC, &score), 0);
	ck_assert_double_eq_tol(score.timestamps.score, 1, 1e-9);
}
END_TEST

START_TEST(the_stream_seen_longest_ago_makes_room)
{
	_cleanup_(beacons_freep) struct beacons *beacons = new_beacons(2);
	static const double times[] = {0, 30, 60, 90};
	struct beacon beacon;
	note(beacons, 1, times, 3, &beacon);
	note(beacons, 2, times, 1, &beacon);
	note(beacons, 3, times, 1, &beacon);
	ck_assert_uint_eq(beacons_count(beacons), 2);
	ck_assert_uint_eq(note(beacons, 1, times + 3, 1, &beacon), 0);
	struct beacons *none = NULL;
	ck_assert_int_eq(beacons_new(0, 1, &none), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-beacon");
	TCase *c = tcase_create("beacon");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, every_30_s_is_named_at_the_4th_attempt_after_90_s);
	tcase_add_test(c, a_minute_of_span_is_needed);
	tcase_add_test(c, attempts_at_once_are_one_beat);
	tcase_add_test(c, one_gap_in_five_may_be_of_any_length);
	tcase_add_test(c, jittered_beacons_are_named_at_the_4th_and_7th_attempt);
	tcase_add_test(c, poisson_streams_are_not_named);
	tcase_add_test(c, people_who_try_again_are_hardly_ever_named);
	tcase_add_test(c, a_named_stream_has_a_score_over_the_longest_window_it_fills);
	tcase_add_test(c, an_attempt_a_second_is_a_strobe);
	tcase_add_test(c, a_clock_that_steps_back_begins_anew);
	tcase_add_test(c, the_stream_seen_longest_ago_makes_room);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
