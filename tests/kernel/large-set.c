/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"
#include "sample.h"

#include "kernel/read.h"
#include "kernel/reading.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A set of ranges that is "too large" by far less than what really is. */
#define WHOLE_MAX 1000
#define RANGES    6000
#define SAMPLED   4096

static struct kernel *kernel;

static void setup(void)
{
	namespace_enter_network();
	ck_assert_int_eq(kernel_open(&kernel), 0);
	kernel_set_whole_max(kernel, WHOLE_MAX);
}

static void teardown(void)
{
	kernel = kernel_free(kernel);
}

/* Another daemon, which knows nothing of the table that is there. */
static void start_anew(void)
{
	kernel_free(kernel);
	ck_assert_int_eq(kernel_open(&kernel), 0);
	kernel_set_whole_max(kernel, WHOLE_MAX);
}

/* So many ranges, and perhaps one more; maps lead each to one of two chains. */
static struct ruleset *ranges(unsigned count, const char *more, bool map)
{
	struct ruleset *ruleset = sample_ranges(map);
	char text[RANGE_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u/30", i >> 12, i >> 4 & 255,
		         (i & 15) << 4);
		sample_add(ruleset, text, map ? (i & 1 ? "one" : "two") : NULL, i);
	}
	if (more)
		sample_add(ruleset, more, map ? "one" : NULL, count);
	sample_finish(ruleset);
	return ruleset;
}

/* The whole set, read for once. */
static void check_all(const struct ruleset *wanted)
{
	kernel_keep_view(kernel, NULL, 0);
	kernel_set_whole_max(kernel, READ_WHOLE_MAX);
	sample_check(kernel, wanted);
	kernel_keep_view(kernel, NULL, 0);
	kernel_set_whole_max(kernel, WHOLE_MAX);
}

static const struct set *seen_set(void)
{
	const struct ruleset *view;
	uint32_t generation;

	ck_assert_int_eq(table_view(kernel, &view, &generation), 0);
	return ruleset_set(view, SAMPLE_SET4);
}

static void others_do_something_else(void)
{
	ck_assert_int_eq(namespace_run("nft add table ip elsewhere", NULL), 0);
}

/* True where Linux tells how many elements a set has (6.16). */
static bool tells_numbers(void)
{
	kernel_doubt_view(kernel); /* which is what was wanted, not what was read */
	return seen_set()->counted;
}

START_TEST(one_range_of_a_large_set_is_changed_without_reading_the_others)
{
	struct ruleset *wanted = ranges(RANGES, "200.0.0.0/8", _i);
	struct ruleset *other = ranges(RANGES, "201.0.0.0/8", _i);
	struct applied applied = sample_apply(kernel, wanted);

	ck_assert_uint_eq(applied.sets_sampled, 1);
	ck_assert_uint_eq(applied.elements_sampled, 1024);
	applied = sample_apply(kernel, other);
	ck_assert_uint_eq(applied.elements_added, 1);
	ck_assert_uint_eq(applied.elements_deleted, 1);
	ck_assert_uint_eq(applied.sets_sampled, 1);
	ck_assert_uint_eq(applied.elements_sampled, 2);
	check_all(other);
	ruleset_free(wanted);
	ruleset_free(other);
}
END_TEST

START_TEST(a_range_that_only_grows_or_shrinks_is_verified_by_both_ends)
{
	static const char *const more[] = {"200.0.0.0/8",         "200.0.0.0-200.0.0.9",
	                                   "200.0.0.0-202.0.0.0", "199.0.0.0-200.0.0.0",
	                                   "255.0.0.0/8",         "254.0.0.0-255.255.255.254"};
	struct ruleset *wanted[ELEMENTS_OF(more)];

	for (size_t i = 0; i < ELEMENTS_OF(more); i++) {
		wanted[i] = ranges(RANGES, more[i], false);
		struct applied applied = sample_apply(kernel, wanted[i]);
		ck_assert_uint_eq(applied.sets_sampled, 1);
		ck_assert(!applied.whole);
	}
	check_all(wanted[ELEMENTS_OF(more) - 1]);
	for (size_t i = 0; i < ELEMENTS_OF(more); i++)
		ruleset_free(wanted[i]);
}
END_TEST

START_TEST(after_a_change_elsewhere_number_and_sample_tell_that_the_set_is_ours)
{
	struct ruleset *wanted = ranges(RANGES, NULL, _i);

	sample_apply(kernel, wanted);
	others_do_something_else();
	ck_assert(!sample_apply(kernel, wanted).changed);
	ck_assert_uint_eq(seen_set()->looked_up, SAMPLED);
	ck_assert_uint_eq(seen_set()->elements.count, RANGES);
	check_all(wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(the_whole_table_read_back_says_which_sets_were_sampled)
{
	struct ruleset *wanted = ranges(RANGES, NULL, false),
	               *other = ranges(RANGES, "1.1.1.1", false);
	struct applied applied;

	sample_apply(kernel, wanted);
	ck_assert_int_eq(namespace_run("nft add rule inet egressd use counter", NULL), 0);
	applied = sample_apply(kernel, other);
	ck_assert_uint_eq(applied.elements_added, 1);
	ck_assert_uint_eq(applied.rules_deleted, 1);
	check_all(other);
	ruleset_free(wanted);
	ruleset_free(other);
}
END_TEST

START_TEST(a_range_that_others_take_away_shows_in_the_number)
{
	struct ruleset *wanted = ranges(RANGES, NULL, false);

	sample_apply(kernel, wanted);
	if (!tells_numbers()) {
		puts("skipped: this kernel does not tell how many elements a set has");
		ruleset_free(wanted);
		return;
	}
	ck_assert_int_eq(
	        namespace_run("nft delete element inet egressd ranges4 '{ 10.0.3.16/30 }'", NULL),
	        0);
	ck_assert_uint_eq(sample_apply(kernel, wanted).sets_added, 1);
	check_all(wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(ranges_that_others_exchange_show_in_the_sample)
{
	struct ruleset *wanted = ranges(RANGES, NULL, false);

	sample_apply(kernel, wanted);
	ck_assert_int_eq(namespace_run("{ echo 'flush set inet egressd ranges4';"
	                               "echo 'add element inet egressd ranges4 {';"
	                               "for i in $(seq 0 5999); do"
	                               " echo \"11.$((i / 250)).$((i % 250)).0/30,\"; done;"
	                               "echo '}'; } | nft -f -",
	                               NULL),
	                 0);
	ck_assert_uint_eq(sample_apply(kernel, wanted).sets_added, 1);
	check_all(wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_daemon_that_starts_puts_a_set_of_its_own_in_place_of_the_large_one)
{
	struct ruleset *wanted = ranges(RANGES, NULL, _i);
	struct applied applied;

	sample_apply(kernel, wanted);
	start_anew();
	if (tells_numbers())
		ck_assert(seen_set()->unread);
	applied = sample_apply(kernel, wanted);
	ck_assert_uint_eq(applied.sets_deleted, 1);
	ck_assert_uint_eq(applied.sets_added, 1);
	ck_assert_uint_eq(applied.elements_added, RANGES);
	ck_assert(!sample_apply(kernel, wanted).changed);
	check_all(wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_refused_change_leaves_a_large_set_known)
{
	struct ruleset *wanted = ranges(RANGES, NULL, false);
	struct ruleset *bad = ranges(RANGES, "200.0.0.0/8", false);
	struct applied applied;

	sample_apply(kernel, wanted);
	/* The kernel takes no name that is longer than 255 bytes. */
	char name[300];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct counter *counter = ARRAY_ADD(&bad->counters);
	counter->name = name;
	ck_assert_int_eq(table_apply(kernel, bad, &applied), APPLY_REFUSED);
	ck_assert(!sample_apply(kernel, wanted).changed);
	ck_assert_uint_eq(seen_set()->looked_up, SAMPLED);
	ruleset_free(wanted);
	ruleset_free(bad);
}
END_TEST

/* As Linux before 6.16 has it: how large a set is shows only while it is read. */
START_TEST(without_a_number_reading_stops_when_the_set_is_too_large)
{
	struct ruleset *wanted = ranges(RANGES, NULL, false);
	static const char *const name[] = {SAMPLE_SET4};

	sample_apply(kernel, wanted);
	for (int known = 0; known <= 1; known++) {
		struct reading reading = {.kernel = kernel, .ruleset = ruleset_new()};
		ck_assert_int_eq(reading_chains(&reading), 0);
		ck_assert_int_eq(reading_sets_called(&reading, name, 1), 0);
		struct set *set = &reading.ruleset->sets.items[0];
		set->counted = false;
		ck_assert_int_eq(
		        reading_elements_or_sample(&reading, set,
		                                   known ? ruleset_set(wanted, SAMPLE_SET4) : NULL),
		        0);
		ck_assert_int_eq(set->unread, !known);
		ck_assert_uint_eq(set->elements.count, known ? RANGES : 0);
		ck_assert_uint_eq(set->looked_up, known ? SAMPLED : 0);
		reading_done(&reading);
	}
	/* The socket that is ours goes on to be of use. */
	check_all(wanted);
	ruleset_free(wanted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("large sets");
	TCase *tests = tcase_create("as root");

	if (!namespace_network_possible()) {
		puts("skipped: big batches need a send buffer that only root may ask for");
		return 77;
	}
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, one_range_of_a_large_set_is_changed_without_reading_the_others,
	                    0, 2);
	tcase_add_test(tests, a_range_that_only_grows_or_shrinks_is_verified_by_both_ends);
	tcase_add_loop_test(
	        tests, after_a_change_elsewhere_number_and_sample_tell_that_the_set_is_ours, 0, 2);
	tcase_add_test(tests, the_whole_table_read_back_says_which_sets_were_sampled);
	tcase_add_test(tests, a_range_that_others_take_away_shows_in_the_number);
	tcase_add_test(tests, ranges_that_others_exchange_show_in_the_sample);
	tcase_add_loop_test(
	        tests, a_daemon_that_starts_puts_a_set_of_its_own_in_place_of_the_large_one, 0, 2);
	tcase_add_test(tests, a_refused_change_leaves_a_large_set_known);
	tcase_add_test(tests, without_a_number_reading_stops_when_the_set_is_too_large);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
