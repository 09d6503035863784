/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "table-fixture.h"

#include "kernel/verify.h"

#include <check.h>
#include <stdio.h>

/* Tables of which the one is in the kernel and the other is what it was to become. */
struct pair {
	const char *name;
	struct ruleset *(*in_kernel)(void);
	struct ruleset *(*wanted)(void);
};

#define LARGE 5000 /* more than what is read whole */

static struct ruleset *table_of(unsigned addresses, uint32_t first, const char *target,
                                unsigned rules, bool drop, bool set)
{
	struct builder b = begin();

	build_base_chain(&b, "forward", NULL, HOOK_FORWARD, 0, drop);
	build_chain(&b, "one", NULL, (struct location){});
	build_chain(&b, "two", NULL, (struct location){});
	add_rules(&b, "one", rules);
	build_set(&b, &(struct set){.name = "map", .type = SET_IPV4, .map = true});
	add_addresses(&b, "map", target, first, addresses);
	if (set)
		build_set(&b, &(struct set){.name = "set", .type = SET_PORT});
	build_counter(&b, set ? "counter" : "other", (struct location){});
	return finish(&b);
}

static struct ruleset *plain(void)
{
	return table_of(10, 0x0a000000, "one", 3, true, true);
}

static struct ruleset *one_more(void)
{
	return table_of(11, 0x0a000000, "one", 3, true, true);
}

static struct ruleset *elsewhere(void)
{
	return table_of(10, 0x0a000000, "two", 3, true, true);
}

static struct ruleset *more_rules(void)
{
	return table_of(10, 0x0a000000, "one", 4, true, true);
}

static struct ruleset *accepting(void)
{
	return table_of(10, 0x0a000000, "one", 3, false, true);
}

static struct ruleset *without_set(void)
{
	return table_of(10, 0x0a000000, "one", 3, true, false);
}

static struct ruleset *large(void)
{
	return table_of(LARGE, 0x0a000000, "one", 3, true, true);
}

static struct ruleset *large_one_more(void)
{
	return table_of(LARGE + 1, 0x0a000000, "one", 3, true, true);
}

static struct ruleset *large_shifted(void)
{
	return table_of(LARGE, 0x0a000001, "one", 3, true, true);
}

static struct ruleset *large_elsewhere(void)
{
	return table_of(LARGE, 0x0a000000, "two", 3, true, true);
}

static const struct pair pairs[] = {
        {"an element more", plain, one_more},
        {"an element that leads elsewhere", plain, elsewhere},
        {"a rule more", plain, more_rules},
        {"another policy", plain, accepting},
        {"a set less and another counter", plain, without_set},
        {"an element more in a large set", large, large_one_more},
        {"another element in a large set", large, large_shifted},
        {"elements of a large set that lead elsewhere", large, large_elsewhere},
};

static int verify(const struct ruleset *have, struct ruleset *wanted)
{
	struct verified verified;
	struct delta *delta;
	int r;

	ck_assert_int_eq(ruleset_diff(have, wanted, &delta), 0);
	ck_assert_uint_gt(delta->steps.count, 0);
	r = table_verify(kernel, delta, have, wanted, &verified);
	delta_free(delta);
	return r;
}

START_TEST(a_change_that_was_not_made_as_said_is_found_by_what_it_touched)
{
	const struct pair *pair = &pairs[_i];

	for (int turned = 0; turned <= 1; turned++) {
		struct ruleset *in_kernel = turned ? pair->wanted() : pair->in_kernel();
		struct ruleset *other = turned ? pair->in_kernel() : pair->wanted();

		sample_apply(kernel, in_kernel);
		ck_assert_msg(verify(in_kernel, other) == VERIFY_DIFFERS, "%s, %d", pair->name,
		              turned);
		ck_assert_msg(verify(other, in_kernel) == 0, "%s, %d", pair->name, turned);
		ruleset_free(in_kernel);
		ruleset_free(other);
	}
}
END_TEST

START_TEST(a_large_set_is_verified_by_its_number_and_a_sample)
{
	struct ruleset *wanted = sample_addresses(100000), *more = sample_addresses(100001);
	struct applied applied = sample_apply(kernel, wanted);
	uint32_t sequence;

	/* Linux tells the number since 6.16. */
	ck_assert(!applied.whole);
	ck_assert_uint_eq(applied.sets_read + applied.sets_sampled, 1);
	if (applied.sets_sampled)
		ck_assert_uint_eq(applied.elements_sampled, 1024);
	else
		ck_assert_uint_eq(applied.elements_read, 100000);

	sequence = kernel_sequence(kernel);
	applied = sample_apply(kernel, more);
	ck_assert_uint_eq(applied.sets_sampled, 1);
	ck_assert_uint_eq(applied.elements_sampled, 1);
	ck_assert_uint_eq(requests_since(sequence, BATCH_OF_ONE), 5);
	applied = sample_apply(kernel, wanted);
	ck_assert_uint_eq(applied.elements_deleted, 1);
	ck_assert_uint_eq(applied.elements_sampled, 1);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
	ruleset_free(more);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel verify");
	TCase *tests = tcase_create("verify");

	if (!namespace_network_possible()) {
		puts("skipped: big batches need a send buffer that only root may ask for");
		return 77;
	}
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, setup_network, teardown);
	tcase_add_loop_test(tests, a_change_that_was_not_made_as_said_is_found_by_what_it_touched,
	                    0, ELEMENTS_OF(pairs));
	tcase_add_test(tests, a_large_set_is_verified_by_its_number_and_a_sample);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
