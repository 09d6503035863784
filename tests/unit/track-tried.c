/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/owners.h"
#include "track/tried.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define START    ((usec_t)1700000000 * USEC_PER_SEC)
#define ROOM     4096 /* items that are wanted */
#define RESIDENT 300  /* that were there before a flood */

static const struct tried_limits limits = {.gap = 10 * USEC_PER_SEC, .span = 60 * USEC_PER_SEC};

static struct tried *tried;
static unsigned seed;

static void setup(void)
{
	ck_assert_int_eq(tried_new(ROOM, &tried), 0);
	seed = (unsigned)time(NULL);
	printf("track-tried: seed %u\n", seed);
	srandom(seed);
}

static void teardown(void)
{
	tried = tried_free(tried);
}

static struct tried_name any(uint32_t group)
{
	return (struct tried_name){(uint32_t)random() << 16 ^ (uint32_t)random(),
	                           (uint32_t)random() << 16 ^ (uint32_t)random(), group};
}

static bool see(const struct tried_name *name, usec_t msec)
{
	return tried_see(tried, name, &limits, START + msec * USEC_PER_MSEC);
}

/* Items of an owner each, seen twice. */
static void settle(struct tried_name residents[static RESIDENT])
{
	for (uint32_t i = 0; i < RESIDENT; i++) {
		residents[i] = any(i);
		ck_assert(!see(&residents[i], 0));
		ck_assert(see(&residents[i], 1));
	}
}

static unsigned count_left(const struct tried_name residents[static RESIDENT], usec_t msec)
{
	unsigned left = 0;
	for (uint32_t i = 0; i < RESIDENT; i++)
		left += see(&residents[i], msec);
	return left;
}

START_TEST(an_item_goes_on_as_long_as_its_limits_let_it)
{
	const struct tried_name name = any(0);
	ck_assert(!see(&name, 0));
	ck_assert(see(&name, 10000));
	ck_assert(!see(&name, 20001));
	for (usec_t second = 1; second <= 60; second++)
		ck_assert(see(&name, 20001 + second * 1000));
	ck_assert(!see(&name, 80002));

	const struct tried_limits endless = {.gap = 300 * USEC_PER_SEC};
	for (usec_t hour = 0; hour < 24; hour++)
		for (usec_t minute = 0; minute < 60; minute += 5)
			ck_assert_int_eq(
			        tried_see(tried, &(struct tried_name){1, 1, 1}, &endless,
			                  START + (hour * 60 + minute) * 60 * USEC_PER_SEC),
			        hour || minute);
}
END_TEST

START_TEST(items_that_share_a_tag_or_a_check_are_told_apart)
{
	const struct tried_name a = {7, 8, 0}, b = {7, 9, 0}, c = {8, 8, 0};
	ck_assert(!see(&a, 0));
	ck_assert(!see(&b, 0));
	ck_assert(!see(&c, 0));
	ck_assert(see(&a, 1));
	ck_assert(see(&b, 1));
	ck_assert(see(&c, 1));
	const struct tried_name zero = {};
	ck_assert(!see(&zero, 0));
	ck_assert(see(&zero, 1));
	ck_assert_uint_eq(tried_count(tried), 4);
}
END_TEST

START_TEST(of_as_many_as_are_wanted_hardly_one_in_fifty_is_forgotten)
{
	for (uint32_t i = 0; i < ROOM; i++) {
		const struct tried_name name = any(i);
		ck_assert(!see(&name, i));
	}
	ck_assert_uint_ge(tried_count(tried), ROOM - ROOM / 50);
}
END_TEST

START_TEST(a_flood_of_one_owner_costs_nobody_else)
{
	struct tried_name residents[RESIDENT];
	settle(residents);
	for (unsigned i = 0; i < 100000; i++) {
		const struct tried_name name = any(OWNERS_GROUPS - 1);
		ck_assert(!see(&name, 2 + i % 8000));
		ck_assert_uint_le(tried_count(tried), tried_places(tried));
	}
	ck_assert_uint_eq(count_left(residents, 8002), RESIDENT);
}
END_TEST

START_TEST(a_flood_of_many_owners_costs_what_came_once_before_what_came_again)
{
	struct tried_name residents[RESIDENT];
	settle(residents);
	for (uint32_t i = 0; i < 100000; i++) {
		const struct tried_name name = any(i % OWNERS_GROUPS);
		ck_assert(!see(&name, 2 + i % 8000));
	}
	ck_assert_uint_eq(count_left(residents, 8002), RESIDENT);
}
END_TEST

/* So few that there is one bucket. */
static void use_one_bucket(void)
{
	tried_free(tried);
	ck_assert_int_eq(tried_new(4, &tried), 0);
	ck_assert_uint_eq(tried_places(tried), 8);
}

START_TEST(what_was_seen_longest_ago_makes_room)
{
	use_one_bucket();
	for (uint32_t i = 0; i < 8; i++)
		see(&(struct tried_name){i, i, i}, i);
	for (uint32_t i = 0; i < 8; i++)
		ck_assert(see(&(struct tried_name){i, i, i}, 10 + (i + 5) % 8));
	ck_assert(!see(&(struct tried_name){8, 8, 8}, 20));
	for (uint32_t i = 0; i < 8; i++)
		if (i != 3)
			ck_assert(see(&(struct tried_name){i, i, i}, 21));
	ck_assert(!see(&(struct tried_name){3, 3, 3}, 22));
}
END_TEST

START_TEST(a_clock_that_steps_back_frees_what_is_far_from_now)
{
	use_one_bucket();
	for (uint32_t i = 0; i < 7; i++)
		see(&(struct tried_name){i, i, i}, 3600000 * (usec_t)(i == 4));
	see(&(struct tried_name){7, 7, 7}, 1);
	see(&(struct tried_name){8, 8, 8}, 1);
	ck_assert_uint_eq(tried_count(tried), 8);
	for (uint32_t i = 0; i < 9; i++)
		if (i != 4)
			ck_assert(see(&(struct tried_name){i, i, i}, 2));
}
END_TEST

START_TEST(with_room_for_more_all_are_remembered_and_with_less_the_latest)
{
	enum { FEW = 1000 };
	struct tried_name names[FEW];
	for (uint32_t i = 0; i < FEW; i++) {
		names[i] = any(i);
		see(&names[i], i);
	}
	ck_assert_uint_eq(tried_count(tried), FEW);
	ck_assert_int_eq(tried_resize(&tried, 0), -EINVAL);
	ck_assert_int_eq(tried_resize(&tried, (size_t)1 << 40), -EINVAL);
	ck_assert_int_eq(tried_resize(&tried, 16 * (size_t)ROOM), 0);
	ck_assert_uint_eq(tried_count(tried), FEW);
	ck_assert_int_eq(tried_resize(&tried, 4), 0);
	ck_assert_uint_eq(tried_count(tried), 8);
	for (uint32_t i = FEW - 8; i < FEW; i++)
		ck_assert(see(&names[i], FEW));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tried");
	TCase *c = tcase_create("tried");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_item_goes_on_as_long_as_its_limits_let_it);
	tcase_add_test(c, items_that_share_a_tag_or_a_check_are_told_apart);
	tcase_add_test(c, of_as_many_as_are_wanted_hardly_one_in_fifty_is_forgotten);
	tcase_add_test(c, a_flood_of_one_owner_costs_nobody_else);
	tcase_add_test(c, a_flood_of_many_owners_costs_what_came_once_before_what_came_again);
	tcase_add_test(c, what_was_seen_longest_ago_makes_room);
	tcase_add_test(c, a_clock_that_steps_back_frees_what_is_far_from_now);
	tcase_add_test(c, with_room_for_more_all_are_remembered_and_with_less_the_latest);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
