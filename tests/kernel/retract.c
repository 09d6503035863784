/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "table-fixture.h"

#include "kernel/retract.h"

#include <check.h>

/* Tables that differ in one thing each, some of which is in the kernel, and some was to be. */
static struct ruleset *table_of(unsigned addresses, const char *target, unsigned rules, bool drop,
                                bool set, bool chain)
{
	struct builder b = begin();

	build_base_chain(&b, "forward", NULL, HOOK_FORWARD, 0, drop);
	build_chain(&b, "one", NULL, (struct location){});
	build_chain(&b, "two", NULL, (struct location){});
	add_rules(&b, "one", rules);
	build_set(&b, &(struct set){.name = "map", .type = SET_IPV4, .map = true});
	if (chain) {
		build_chain(&b, "three", NULL, (struct location){});
		add_rules(&b, "three", 2);
		target = "three";
	}
	add_addresses(&b, "map", target, 0x0a000000, addresses);
	RULE(&b, "forward", NULL, (struct location){},
	     {.kind = VMAP_ADDRESS, .family = FAMILY_IPV4, .name = "map"});
	if (set) {
		build_set(&b, &(struct set){.name = "set", .type = SET_PROTOCOL});
		RULE(&b, "forward", NULL, (struct location){},
		     {.kind = MATCH_PROTOCOL_SET, .name = "set"}, {.kind = VERDICT_ACCEPT});
	}
	build_counter(&b, set ? "counter" : "other", (struct location){});
	return finish(&b);
}

static struct ruleset *variant(size_t which)
{
	switch (which) {
	case 0:
		return table_of(10, "one", 3, true, true, false);
	case 1:
		return table_of(11, "one", 3, true, true, false);
	case 2:
		return table_of(10, "two", 3, true, true, false);
	case 3:
		return table_of(10, "one", 4, true, true, false);
	case 4:
		return table_of(10, "one", 3, false, true, false);
	case 5:
		return table_of(10, "one", 3, true, false, false);
	default:
		return table_of(12, "one", 2, true, true, true);
	}
}
#define VARIANTS 7

/* Whatever is in the kernel, and whatever the batch was to make, taking it back ends there. */
static void check_way_back(size_t there, size_t taken, size_t wanted, bool prepared)
{
	struct ruleset *in_kernel = variant(there), *new = variant(taken), *old = variant(wanted);
	struct ruleset *before = variant(wanted);
	struct applied applied;
	int r;

	sample_apply(kernel, in_kernel);
	r = prepared ? table_retract(kernel, before, new, old, &applied)
	             : table_retract(kernel, new, NULL, old, &applied);
	ck_assert_msg(r == 0, "%zu %zu %zu: %d %s", there, taken, wanted, r, applied.refusal.text);
	sample_check(kernel, old);
	ruleset_free(in_kernel);
	ruleset_free(new);
	ruleset_free(old);
	ruleset_free(before);
}

START_TEST(a_change_is_taken_back_whichever_of_what_was_sent_and_what_reads_back_is_right)
{
	for (size_t taken = 0; taken < VARIANTS; taken++)
		for (size_t wanted = 0; wanted < VARIANTS; wanted++)
			check_way_back((size_t)_i, taken, wanted, false);
}
END_TEST

START_TEST(what_a_preparation_left_goes_with_the_change_that_was_refused)
{
	for (size_t taken = 0; taken < VARIANTS; taken++)
		check_way_back((size_t)_i, taken, (size_t)_i, true);
}
END_TEST

START_TEST(a_change_that_the_kernel_did_not_take_touches_nothing)
{
	struct ruleset *wanted = variant(0), *bad = sample_rules(0);
	struct builder b = {.ruleset = bad};
	struct applied applied = sample_apply(kernel, wanted);

	ck_assert(applied.touched && applied.taken);
	applied = sample_apply(kernel, wanted);
	ck_assert(!applied.touched && !applied.taken);
	RULE(&b, "rules", NULL, (struct location){}, {.kind = VERDICT_JUMP, .name = "nowhere"});
	sample_finish(bad);
	ck_assert_int_eq(table_apply(kernel, bad, &applied), APPLY_REFUSED);
	ck_assert(!applied.touched && !applied.taken);
	sample_check(kernel, wanted);
	ruleset_free(bad);
	ruleset_free(wanted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel retract");
	TCase *tests = tcase_create("retract");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(
	        tests,
	        a_change_is_taken_back_whichever_of_what_was_sent_and_what_reads_back_is_right, 0,
	        VARIANTS);
	tcase_add_loop_test(tests, what_a_preparation_left_goes_with_the_change_that_was_refused, 0,
	                    VARIANTS);
	tcase_add_test(tests, a_change_that_the_kernel_did_not_take_touches_nothing);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
