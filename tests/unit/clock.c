/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "clock.h"

#include <check.h>
#include <stdlib.h>

#define YEAR ((usec_t)365 * 24 * 60 * 60 * USEC_PER_SEC)

START_TEST(it_is_the_time_of_day_where_nobody_touches_that)
{
	struct lasting_clock clock = {};
	usec_t before = clock_realtime(), now = lasting_clock_now(&clock), after = clock_realtime();
	ck_assert_uint_ge(now, before);
	ck_assert_uint_le(now, after);
}
END_TEST

START_TEST(it_goes_on_from_where_it_was_when_the_clock_was_set_back)
{
	/* As if the time of day had been a year ahead when it was read. */
	struct lasting_clock clock = {};
	usec_t ahead = lasting_clock_now(&clock) + YEAR;
	clock.time = ahead;
	usec_t began = clock_boottime();
	for (usec_t last = ahead; clock_boottime() - began < 20 * USEC_PER_MSEC;) {
		usec_t now = lasting_clock_now(&clock);
		ck_assert_uint_ge(now, last);
		last = now;
	}
	usec_t passed = lasting_clock_now(&clock) - ahead;
	ck_assert_uint_ge(passed, 20 * USEC_PER_MSEC);
	ck_assert_uint_lt(passed, YEAR / 2);
}
END_TEST

START_TEST(it_follows_the_clock_that_was_set_forward)
{
	struct lasting_clock clock = {};
	lasting_clock_now(&clock);
	clock.time -= YEAR;
	ck_assert_uint_ge(lasting_clock_now(&clock), clock_realtime() - USEC_PER_SEC);
}
END_TEST

START_TEST(it_is_never_earlier_than_what_is_known_from_elsewhere)
{
	struct lasting_clock clock = {};
	usec_t later = clock_realtime() + YEAR;
	lasting_clock_floor(&clock, later);
	lasting_clock_floor(&clock, 1);
	usec_t now = lasting_clock_now(&clock);
	ck_assert_uint_ge(now, later);
	ck_assert_uint_lt(now, later + YEAR / 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tests = tcase_create("clock");
	tcase_add_test(tests, it_is_the_time_of_day_where_nobody_touches_that);
	tcase_add_test(tests, it_goes_on_from_where_it_was_when_the_clock_was_set_back);
	tcase_add_test(tests, it_follows_the_clock_that_was_set_forward);
	tcase_add_test(tests, it_is_never_earlier_than_what_is_known_from_elsewhere);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
