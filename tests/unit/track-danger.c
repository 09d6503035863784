/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/danger.h"

#include "random.h"

#include <check.h>
#include <stdio.h>

START_TEST(danger_levels_are_those_of_psad)
{
	static const struct {
		uint64_t packets, destinations;
		unsigned level;
	} expected[] = {
	        {0, 0, 0},     {4, 9, 0},   {5, 0, 1},    {14, 1, 1},    {15, 1, 2},
	        {149, 1, 2},   {150, 1, 3}, {1499, 1, 3}, {1500, 1, 4},  {9999, 1, 4},
	        {10000, 1, 5}, {1, 10, 1},  {1, 19, 1},   {1, 20, 2},    {1, 50, 3},
	        {1, 100, 4},   {1, 499, 4}, {1, 500, 5},  {10000, 9, 5},
	};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_uint_eq(danger_level(expected[i].packets, expected[i].destinations),
		                  expected[i].level);
}
END_TEST

START_TEST(distinct_destinations_are_estimated_within_some_percent)
{
	printf("seed 22\n");
	struct random random = {22};
	static const unsigned counts[] = {0, 1, 10, 20, 50, 100, 500, 1000};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct destinations destinations = {};
		for (unsigned j = 0; j < counts[i]; j++) {
			uint64_t hash = random_bits(&random);
			destinations_note(&destinations, hash);
			destinations_note(&destinations, hash);
		}
		ck_assert_double_eq_tol((double)destinations_estimate(&destinations), counts[i],
		                        1 + counts[i] * 0.08);
	}
	struct destinations full = {};
	for (unsigned i = 0; i < DANGER_BITS; i++)
		destinations_note(&full, i);
	ck_assert_uint_gt(destinations_estimate(&full), 5000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-danger");
	TCase *c = tcase_create("danger");
	tcase_add_test(c, danger_levels_are_those_of_psad);
	tcase_add_test(c, distinct_destinations_are_estimated_within_some_percent);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
