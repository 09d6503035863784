/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/newcomer.h"

#include "track/tag.h"

#include <check.h>
#include <errno.h>

static struct newcomers *newcomers;
static struct tag_secret secret;

static void setup(void)
{
	ck_assert_int_eq(tag_secret_draw(&secret), 0);
	ck_assert_int_eq(newcomers_new(8, &secret, &newcomers), 0);
}

static void teardown(void)
{
	newcomers = newcomers_free(newcomers);
}

static struct newcomer *get(uint32_t number)
{
	const uint8_t bytes[] = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
	                         (uint8_t)number};
	const struct address source = address_from_bytes(FAMILY_IPV4, bytes);
	const struct recent_place place = {.tag = tag_of(&secret, &source, sizeof(source))};
	newcomers_expect(newcomers, place);
	newcomers_approach(newcomers, place);
	struct newcomer *newcomer = newcomers_get(newcomers, &source, place);
	ck_assert_int_eq(address_compare(&newcomer->source, &source), 0);
	return newcomer;
}

static bool keep(uint32_t number, usec_t time)
{
	const struct evidence_attempt attempt = {.time = time, .source_port = (uint16_t)number};
	return newcomer_keep(get(number), &attempt, 60);
}

START_TEST(what_is_kept_of_a_source_is_there_when_it_comes_again)
{
	for (uint32_t i = 0; i < 8; i++)
		for (usec_t time = 1; time <= NEWCOMER_ATTEMPTS; time++)
			ck_assert(keep(i, time));
	for (uint32_t i = 0; i < 8; i++) {
		ck_assert_uint_eq(get(i)->count, NEWCOMER_ATTEMPTS);
		ck_assert_uint_eq(get(i)->attempts[0].time, 1);
		ck_assert_uint_eq(get(i)->attempts[0].source_port, i);
	}
	ck_assert(!keep(3, 9));
	ck_assert_uint_eq(get(3)->attempts[0].time, 2);
	ck_assert_uint_eq(get(3)->attempts[NEWCOMER_ATTEMPTS - 1].time, 9);
}
END_TEST

START_TEST(the_source_that_was_asked_for_longest_ago_makes_room_and_nothing_of_it_is_left)
{
	for (uint32_t i = 0; i < 8; i++)
		keep(i, 1);
	for (uint32_t i = 0; i < 8; i++)
		get((i + 5) % 8);
	ck_assert_uint_eq(get(8)->count, 0);
	for (uint32_t i = 0; i < 8; i++)
		if (i != 5)
			ck_assert_uint_eq(get(i)->count, 1);
	ck_assert_uint_eq(get(5)->count, 0);
}
END_TEST

START_TEST(a_flood_of_sources_leaves_those_that_come_again_and_again)
{
	newcomers_free(newcomers);
	ck_assert_int_eq(newcomers_new(4096, &secret, &newcomers), 0);
	keep(0, 1);
	for (uint32_t i = 1; i < 100000; i++) {
		keep(i, 1);
		if (i % 64 == 0)
			ck_assert_uint_eq(get(0)->count, 1);
	}
}
END_TEST

START_TEST(sizes_that_make_no_sense_are_refused)
{
	struct newcomers *none = NULL;
	ck_assert_int_eq(newcomers_new(0, &secret, &none), -EINVAL);
	ck_assert_int_eq(newcomers_new(SIZE_MAX, &secret, &none), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("newcomer");
	TCase *c = tcase_create("newcomer");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_is_kept_of_a_source_is_there_when_it_comes_again);
	tcase_add_test(
	        c, the_source_that_was_asked_for_longest_ago_makes_room_and_nothing_of_it_is_left);
	tcase_add_test(c, a_flood_of_sources_leaves_those_that_come_again_and_again);
	tcase_add_test(c, sizes_that_make_no_sense_are_refused);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
