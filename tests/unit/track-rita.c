/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/rita.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "random.h"

#include <check.h>
#include <stdbool.h>

#define TOLERANCE 1e-9
#define DAY       ((usec_t)86400)
#define BASE      ((usec_t)1000000000) /* seconds; where the streams begin */

/* A stream of connections within a window that begins at BASE. */
struct list {
	size_t count;
	usec_t *times;
	uint32_t *sizes;
	double *scratch;
};

static struct list list_of(size_t max)
{
	struct list l = {
	        .times = calloc(max, sizeof(usec_t)),
	        .sizes = calloc(max, sizeof(uint32_t)),
	        .scratch = calloc(max, sizeof(double)),
	};
	ck_assert(l.times && l.sizes && l.scratch);
	return l;
}

static void done(struct list *l)
{
	free(l->times);
	free(l->sizes);
	free(l->scratch);
}

static void put(struct list *l, double seconds, uint32_t size)
{
	l->times[l->count] = BASE * USEC_PER_SEC + (usec_t)(seconds * (double)USEC_PER_SEC);
	l->sizes[l->count++] = size;
}

static struct rita_score score(struct list *l, usec_t window)
{
	struct rita_score s;
	ck_assert_int_eq(rita_score(l->times, l->sizes, l->count, (BASE + window) * USEC_PER_SEC,
	                            window * USEC_PER_SEC, l->scratch, &s),
	                 0);
	ck_assert_uint_eq(s.window, window * USEC_PER_SEC);
	return s;
}

/* The score of a stream with those gaps. */
static struct rita_score score_gaps(const unsigned *gaps, size_t count)
{
	struct list l = list_of(count + 1);
	double at = 0;
	put(&l, at, 60);
	for (size_t i = 0; i < count; i++)
		put(&l, at += gaps[i], 60);
	struct rita_score s = score(&l, DAY);
	done(&l);
	return s;
}

START_TEST(nearly_equal_intervals_score_0_995)
{
	static const unsigned gaps[] = {98, 99, 99, 100, 100, 100, 101, 101, 102};
	struct rita_score s = score_gaps(gaps, ELEMENTS_OF(gaps));
	ck_assert_double_eq_tol(s.timestamps.score, 0.995, TOLERANCE);
	ck_assert_double_eq_tol(s.timestamps.mad, 1, TOLERANCE);
}
END_TEST

START_TEST(ten_alternating_gaps_score_0_746)
{
	static const unsigned gaps[] = {98, 300, 98, 300, 98, 300, 98, 300, 98, 300};
	struct rita_score s = score_gaps(gaps, ELEMENTS_OF(gaps));
	ck_assert_double_eq_tol(s.timestamps.score, 0.746, TOLERANCE);
	ck_assert_double_eq_tol(s.timestamps.mad, 101, TOLERANCE);
}
END_TEST

START_TEST(irregular_times_score_0_083)
{
	static const unsigned times[] = {8924,  8925,  9224,  9249,  14224,
	                                 14314, 14316, 14358, 14858, 16358};
	struct list l = list_of(ELEMENTS_OF(times));
	for (size_t i = 0; i < ELEMENTS_OF(times); i++)
		put(&l, times[i], 60);
	struct rita_score s = score(&l, DAY);
	done(&l);
	ck_assert_double_eq_tol(s.timestamps.score, 0.083, TOLERANCE);
	ck_assert_double_eq_tol(s.timestamps.bowley, 0.845, 0.0005);
	ck_assert_double_eq_tol(s.timestamps.mad, 89, TOLERANCE);
}
END_TEST

START_TEST(three_gaps_are_enough_for_a_perfect_ts_which_is_why_it_is_no_live_rule)
{
	static const unsigned gaps[] = {30, 30, 500};
	ck_assert_double_eq_tol(score_gaps(gaps, 3).timestamps.score, 1, TOLERANCE);
}
END_TEST

START_TEST(sizes_from_1_to_10_score_0_773_and_equal_ones_1)
{
	struct list l = list_of(10);
	for (unsigned i = 0; i < 10; i++)
		put(&l, 60 * i, i + 1);
	struct rita_score s = score(&l, DAY);
	ck_assert_double_eq_tol(s.sizes.score, 0.773, TOLERANCE);
	ck_assert_double_eq_tol(s.sizes.mad, 2.5, TOLERANCE);

	l.count = 0;
	for (unsigned i = 0; i < 9; i++)
		put(&l, 60 * i, 60);
	ck_assert_double_eq_tol(score(&l, DAY).sizes.score, 1, TOLERANCE);

	/* A median below 1 has no deviation to speak of. */
	l.count = 0;
	for (unsigned i = 0; i < 9; i++)
		put(&l, 60 * i, 0);
	ck_assert_double_eq_tol(score(&l, DAY).sizes.score, 0.5, TOLERANCE);
	done(&l);
}
END_TEST

static void put_beacon(struct list *l, usec_t length, double period, double jitter,
                       struct random *random)
{
	for (double at = 0; at < (double)length;) {
		put(l, at, 60);
		at += period * random_between(random, 1 - jitter, 1 + jitter);
	}
}

START_TEST(a_beacon_of_30_s_scores_1_over_a_day_and_0_5_in_one_hour_of_it)
{
	struct random random = {1};
	struct list l = list_of(3000);
	put_beacon(&l, DAY, 30, 0, &random);
	ck_assert_uint_eq(l.count, 2880);
	struct rita_score s = score(&l, DAY);
	ck_assert_double_eq_tol(s.total, 1, TOLERANCE);
	ck_assert_double_eq_tol(s.histogram, 1, TOLERANCE);
	ck_assert_double_eq_tol(s.duration, 1, TOLERANCE);
	ck_assert_int_eq(s.category, RITA_HIGH);

	l.count = 120;
	s = score(&l, DAY);
	ck_assert_double_eq_tol(s.total, 0.5, TOLERANCE);
	ck_assert_double_eq_tol(s.histogram, 0, TOLERANCE);
	ck_assert_double_eq_tol(s.duration, 0, TOLERANCE);
	ck_assert_int_eq(s.category, RITA_BASE);

	/* A window that fits says what that hour is. */
	ck_assert_double_eq_tol(score(&l, 3600).total, 1, TOLERANCE);
	done(&l);
}
END_TEST

/* The mean total of some days. */
static double mean_total(uint64_t seed, double period, double jitter, bool poisson, bool mixed)
{
	enum { DAYS = 100 };
	printf("seed %llu\n", (unsigned long long)seed);
	struct random random = {seed};
	struct list l = list_of(10000);
	double sum = 0;
	for (unsigned i = 0; i < DAYS; i++) {
		l.count = 0;
		if (poisson)
			for (double at = 0; at < (double)DAY;
			     at += random_exponential(&random, period))
				put(&l, at, 60);
		else
			put_beacon(&l, DAY, period, jitter, &random);
		for (size_t j = 0; mixed && j < l.count; j++)
			l.sizes[j] = 40 + random_below(&random, 1400);
		sum += score(&l, DAY).total;
	}
	done(&l);
	return sum / (double)DAYS;
}

START_TEST(thirty_percent_of_jitter_over_a_day_scores_0_983)
{
	double mean = mean_total(2, 30, 0.3, false, false);
	printf("mean total of a 30 s beacon with 30 %% jitter: %.3f\n", mean);
	ck_assert_double_eq_tol(mean, 0.983, 0.01);
}
END_TEST

START_TEST(a_poisson_stream_scores_so_high_that_the_score_alone_may_raise_no_alarm)
{
	double equal = mean_total(3, 30, 0, true, false);
	double mixed = mean_total(4, 30, 0, true, true);
	printf("mean total of a Poisson stream: %.3f, with mixed sizes %.3f\n", equal, mixed);
	ck_assert_double_eq_tol(equal, 0.858, 0.01);
	ck_assert_double_eq_tol(mixed, 0.80, 0.01);
	ck_assert_double_lt(mixed, equal);
}
END_TEST

START_TEST(a_connection_a_second_for_a_day_is_a_strobe_and_no_beacon)
{
	struct list l = list_of(86401);
	for (unsigned i = 0; i < 86400; i++)
		put(&l, i, 60);
	struct rita_score s;
	usec_t end = (BASE + DAY) * USEC_PER_SEC;
	ck_assert_int_eq(rita_score(l.times, l.sizes, l.count, end, RITA_WINDOW_DAY, l.scratch, &s),
	                 RITA_STROBE);
	ck_assert_int_eq(rita_score(l.times, l.sizes, 86399, end, RITA_WINDOW_DAY, l.scratch, &s),
	                 0);
	done(&l);
}
END_TEST

START_TEST(four_different_seconds_are_needed)
{
	struct list l = list_of(8);
	struct rita_score s;
	usec_t end = (BASE + DAY) * USEC_PER_SEC;
	ck_assert_int_eq(rita_score(l.times, l.sizes, 0, end, RITA_WINDOW_DAY, l.scratch, &s),
	                 RITA_TOO_FEW);
	put(&l, 0, 60);
	put(&l, 0.4, 60);
	put(&l, 30, 60);
	put(&l, 60, 60);
	ck_assert_int_eq(rita_score(l.times, l.sizes, l.count, end, RITA_WINDOW_DAY, l.scratch, &s),
	                 RITA_TOO_FEW);
	put(&l, 90, 60);
	ck_assert_int_eq(rita_score(l.times, l.sizes, l.count, end, RITA_WINDOW_DAY, l.scratch, &s),
	                 0);
	/* What lies before the window or behind its end does not count. */
	ck_assert_int_eq(rita_score(l.times, l.sizes, l.count, (BASE + 60) * USEC_PER_SEC,
	                            RITA_WINDOW_DAY, l.scratch, &s),
	                 RITA_TOO_FEW);
	ck_assert_int_eq(rita_score(l.times, l.sizes, l.count, (BASE + 3630) * USEC_PER_SEC,
	                            RITA_WINDOW_SHORT, l.scratch, &s),
	                 RITA_TOO_FEW);
	done(&l);
}
END_TEST

START_TEST(two_flat_levels_are_bimodal_and_fewer_than_eleven_bars_are_not)
{
	/* Twelve hours of 20 connections and twelve of 60: cv is 0.5, the two levels fit. */
	struct list l = list_of(2000);
	for (unsigned hour = 0; hour < 24; hour++) {
		unsigned n = hour % 2 ? 60 : 20;
		for (unsigned i = 0; i < n; i++)
			put(&l, hour * 3600 + i * (3600 / n), 60);
	}
	ck_assert_double_eq_tol(score(&l, DAY).histogram, 1, TOLERANCE);

	/* Ten hours of 20: cv = sqrt(14 / 10) > 1, so that nothing is left. */
	l.count = 0;
	for (unsigned i = 0; i < 200; i++)
		put(&l, i * 180, 60);
	struct rita_score s = score(&l, DAY);
	ck_assert_double_eq_tol(s.histogram, 0, TOLERANCE);
	/* Ten bars in a row are 0.834 of the ideal twelve; the coverage is less. */
	ck_assert_double_eq_tol(s.duration, 0.834, TOLERANCE);
	done(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-rita");
	TCase *c = tcase_create("rita");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, nearly_equal_intervals_score_0_995);
	tcase_add_test(c, ten_alternating_gaps_score_0_746);
	tcase_add_test(c, irregular_times_score_0_083);
	tcase_add_test(c, three_gaps_are_enough_for_a_perfect_ts_which_is_why_it_is_no_live_rule);
	tcase_add_test(c, sizes_from_1_to_10_score_0_773_and_equal_ones_1);
	tcase_add_test(c, a_beacon_of_30_s_scores_1_over_a_day_and_0_5_in_one_hour_of_it);
	tcase_add_test(c, thirty_percent_of_jitter_over_a_day_scores_0_983);
	tcase_add_test(c, a_poisson_stream_scores_so_high_that_the_score_alone_may_raise_no_alarm);
	tcase_add_test(c, a_connection_a_second_for_a_day_is_a_strobe_and_no_beacon);
	tcase_add_test(c, four_different_seconds_are_needed);
	tcase_add_test(c, two_flat_levels_are_bimodal_and_fewer_than_eleven_bars_are_not);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
