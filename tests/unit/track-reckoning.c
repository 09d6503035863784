/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/reckoning.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void assert_account(const struct reckoning *reckoning, uint64_t blocked, uint64_t received,
                           uint64_t gaps, struct account wanted)
{
	struct account account = reckoning_account(reckoning, blocked, received, gaps);
	ck_assert_uint_eq(account.unheard, wanted.unheard);
	ck_assert_uint_eq(account.received, wanted.received);
	ck_assert_uint_eq(account.lost, wanted.lost);
	ck_assert_uint_eq(account.waiting, wanted.waiting);
	ck_assert_uint_eq(account.earlier, wanted.earlier);
}

START_TEST(what_is_neither_received_nor_missing_waits)
{
	struct reckoning r = {};
	reckoning_begin(&r, 0, 0, 0, 0);
	assert_account(&r, 100, 60, 0, (struct account){0, 60, 0, 40});
	assert_account(&r, 100, 60, 30, (struct account){0, 60, 30, 10});
}
END_TEST

START_TEST(the_end_of_a_flood_that_no_record_follows_is_lost_once_settled)
{
	struct reckoning r = {};
	reckoning_begin(&r, 0, 0, 0, 0);
	reckoning_settle(&r, 1000, 700, 200, false);
	assert_account(&r, 1000, 700, 200, (struct account){0, 700, 300, 0});
	/* The next record shows the same loss by its number; it is counted once. */
	assert_account(&r, 1001, 701, 300, (struct account){0, 701, 300, 0});
}
END_TEST

START_TEST(what_came_late_was_not_lost)
{
	struct reckoning r = {};
	reckoning_begin(&r, 0, 0, 0, 0);
	reckoning_settle(&r, 1000, 900, 0, false);
	assert_account(&r, 1000, 1000, 0, (struct account){0, 1000, 0, 0});
	reckoning_settle(&r, 1000, 1000, 0, true);
	assert_account(&r, 1010, 1000, 0, (struct account){0, 1000, 0, 10});
}
END_TEST

START_TEST(what_was_blocked_before_anybody_listened_is_not_lost)
{
	struct reckoning r = {};
	reckoning_begin(&r, 500, 500, 0, 0);
	assert_account(&r, 620, 100, 0, (struct account){0, 100, 0, 20, 500});
	reckoning_settle(&r, 620, 100, 0, true);
	assert_account(&r, 620, 100, 0, (struct account){0, 100, 20, 0, 500});
	/* A pause, and 50 more that nobody heard. */
	reckoning_begin(&r, 670, 670, 100, 0);
	assert_account(&r, 680, 110, 0, (struct account){50, 110, 20, 0, 500});
}
END_TEST

START_TEST(what_was_blocked_before_the_start_stays_apart_however_often_listening_begins)
{
	struct reckoning r = {};
	reckoning_begin(&r, 500, 500, 0, 0);
	for (uint64_t i = 1; i <= 3; i++)
		reckoning_begin(&r, 500 + i * 10, 500 + i * 10, 0, 0);
	assert_account(&r, 530, 0, 0, (struct account){30, 0, 0, 0, 500});
	reckoning_settle(&r, 540, 10, 0, true);
	assert_account(&r, 540, 10, 0, (struct account){30, 10, 0, 0, 500});
}
END_TEST

START_TEST(a_start_in_a_flood_is_exact_once_it_is_quiet)
{
	struct reckoning r = {};
	/* Listening began somewhere between the 500th and the 540th; all after the 520th came. */
	reckoning_begin(&r, 500, 540, 0, 0);
	assert_account(&r, 1000, 480, 0, (struct account){0, 480, 0, 0, 520});
	reckoning_settle(&r, 1000, 480, 0, true);
	assert_account(&r, 1010, 480, 0, (struct account){0, 480, 0, 10, 520});
}
END_TEST

START_TEST(counters_that_were_set_back_do_not_unsay_what_was_received)
{
	struct reckoning r = {};
	reckoning_begin(&r, 0, 0, 0, 0);
	reckoning_settle(&r, 1000, 990, 10, true);
	assert_account(&r, 5, 990, 10, (struct account){0, 990, 10, 0});
}
END_TEST

START_TEST(the_five_always_make_up_what_was_blocked)
{
	unsigned seed = (unsigned)time(NULL);
	printf("track-reckoning: seed %u\n", seed);
	srandom(seed);
	for (unsigned round = 0; round < 2000; round++) {
		struct reckoning r = {};
		uint64_t blocked = (uint64_t)random() % 1000, received = 0, gaps = 0, lost = 0;
		uint64_t earlier = blocked;
		reckoning_begin(&r, blocked, blocked, 0, 0);
		for (unsigned i = 0; i < 20; i++) {
			uint64_t more = (uint64_t)random() % 1000;
			uint64_t missing = random() % 3 ? 0 : (uint64_t)random() % (more + 1);
			blocked += more;
			received += more - missing;
			lost += missing;
			if (more != missing && random() % 4)
				gaps = lost; /* a record told */
			if (random() % 2)
				reckoning_settle(&r, blocked, received, gaps, true);
			struct account a = reckoning_account(&r, blocked, received, gaps);
			ck_assert_uint_eq(a.earlier, earlier);
			ck_assert_uint_eq(a.earlier + a.unheard + a.received + a.lost + a.waiting,
			                  blocked);
			ck_assert_uint_eq(a.lost + a.waiting, lost);
		}
		reckoning_settle(&r, blocked, received, gaps, true);
		ck_assert_uint_eq(reckoning_account(&r, blocked, received, gaps).lost, lost);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-reckoning");
	TCase *c = tcase_create("reckoning");
	tcase_add_test(c, what_is_neither_received_nor_missing_waits);
	tcase_add_test(c, the_end_of_a_flood_that_no_record_follows_is_lost_once_settled);
	tcase_add_test(c, what_came_late_was_not_lost);
	tcase_add_test(c, what_was_blocked_before_anybody_listened_is_not_lost);
	tcase_add_test(
	        c, what_was_blocked_before_the_start_stays_apart_however_often_listening_begins);
	tcase_add_test(c, a_start_in_a_flood_is_exact_once_it_is_quiet);
	tcase_add_test(c, counters_that_were_set_back_do_not_unsay_what_was_received);
	tcase_add_test(c, the_five_always_make_up_what_was_blocked);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
