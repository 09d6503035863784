/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "table-fixture.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct location nowhere;

/* What one set of a wide table has, and how many rules one of its chains. */
struct piece {
	unsigned addresses;
	unsigned rules;
};

#define WIDTH 60

/* Many sets and many chains, all alike but for the first of each. */
static struct ruleset *wide(struct piece first)
{
	struct builder b = begin();
	char name[32];

	for (unsigned i = 0; i < WIDTH; i++) {
		snprintf(name, sizeof(name), "set%u", i);
		build_set(&b, &(struct set){.name = name, .type = SET_IPV4});
		add_addresses(&b, name, NULL, 0x0a000000, i ? 10 : first.addresses);
		snprintf(name, sizeof(name), "chain%u", i);
		build_chain(&b, name, NULL, nowhere);
		add_rules(&b, name, i ? 10 : first.rules);
	}
	return finish(&b);
}

START_TEST(one_element_more_has_only_its_set_read_back)
{
	struct ruleset *before = wide((struct piece){10, 10}),
	               *after = wide((struct piece){11, 10});
	struct applied applied;
	uint32_t sequence;

	sample_apply(kernel, before);
	sequence = kernel_sequence(kernel);
	applied = sample_apply(kernel, after);
	ck_assert(!applied.whole);
	ck_assert_uint_eq(applied.sets_read, 1);
	ck_assert_uint_eq(applied.elements_read, 11);
	ck_assert_uint_eq(applied.sets_sampled, 0);
	/* The generation twice, the table, the set, its elements. */
	ck_assert_uint_eq(requests_since(sequence, BATCH_OF_ONE), 5);
	sample_check(kernel, after);
	ruleset_free(before);
	ruleset_free(after);
}
END_TEST

START_TEST(one_rule_more_has_only_its_chain_read_back)
{
	struct ruleset *before = wide((struct piece){10, 10}),
	               *after = wide((struct piece){10, 11});
	struct applied applied;
	uint32_t sequence;

	sample_apply(kernel, before);
	sequence = kernel_sequence(kernel);
	applied = sample_apply(kernel, after);
	ck_assert(!applied.whole);
	ck_assert_uint_eq(applied.sets_read, 0);
	ck_assert_uint_eq(requests_since(sequence, BATCH_OF_ONE), 5);
	sample_check(kernel, after);
	ruleset_free(before);
	ruleset_free(after);
}
END_TEST

START_TEST(a_change_by_somebody_else_has_everything_read_again)
{
	struct ruleset *before = wide((struct piece){10, 10}),
	               *after = wide((struct piece){11, 10});
	uint32_t sequence;

	sample_apply(kernel, before);
	ck_assert_int_eq(namespace_run("nft add element inet egressd set7 '{ 203.0.113.9 }'", NULL),
	                 0);
	sequence = kernel_sequence(kernel);
	ck_assert_uint_eq(sample_apply(kernel, after).elements_deleted, 1);
	ck_assert_uint_gt(requests_since(sequence, BATCH_OF_ONE), WIDTH);
	sample_check(kernel, after);
	ruleset_free(before);
	ruleset_free(after);
}
END_TEST

static struct ruleset *with_phases(void)
{
	struct builder b = begin();

	build_chain(&b, "forward", NULL, nowhere);
	add_rules(&b, "forward", 3);
	RULE_WHEN(&b, RULE_JUDGING, "forward", NULL, nowhere, {.kind = MATCH_CT_REPLY},
	          {.kind = VERDICT_ACCEPT});
	add_rules(&b, "forward", 4);
	build_chain(&b, "other", NULL, nowhere);
	add_rules(&b, "other", 9);
	return finish(&b);
}

START_TEST(phases_of_one_table_follow_each_other_by_what_they_change)
{
	struct ruleset *wanted = with_phases();

	sample_apply(kernel, wanted);
	for (unsigned i = 0; i < 6; i++) {
		struct standing standing;
		struct plan plan;
		struct applied applied = {};

		wanted->phase = i % 2 ? PHASE_FAST : PHASE_JUDGING;
		ck_assert_int_eq(table_compare(kernel, wanted, &standing, &plan), 0);
		ck_assert_uint_eq(standing.rules_added, i % 2 ? 0 : 1);
		ck_assert_uint_eq(standing.rules_deleted, i % 2 ? 1 : 0);
		ck_assert_int_eq(table_apply_plan(kernel, wanted, &plan, &applied), 0);
		plan_done(&plan);
		ck_assert(applied.changed);
		ck_assert(!applied.whole);
		sample_check(kernel, wanted);
	}
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_plan_made_for_one_phase_serves_the_other)
{
	struct ruleset *before = with_phases(), *wanted = with_phases();
	struct builder b = {.ruleset = wanted};
	struct standing standing;
	struct applied applied = {};
	struct plan plan;

	build_set(&b, &(struct set){.name = "new", .type = SET_IPV4});
	add_addresses(&b, "new", NULL, 0x0a000000, 20);
	sample_finish(wanted);
	sample_apply(kernel, before);
	ck_assert_int_eq(table_compare(kernel, wanted, &standing, &plan), 0);
	wanted->phase = PHASE_JUDGING;
	ck_assert_int_eq(table_apply_plan(kernel, wanted, &plan, &applied), 0);
	plan_done(&plan);
	ck_assert_uint_eq(applied.elements_added, 20);
	ck_assert_uint_eq(applied.rules_added, 1);
	sample_check(kernel, wanted);
	ruleset_free(before);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_plan_that_others_overtook_is_made_again)
{
	struct ruleset *before = wide((struct piece){10, 10}),
	               *after = wide((struct piece){11, 10});
	struct standing standing;
	struct applied applied = {};
	struct plan plan;

	sample_apply(kernel, before);
	ck_assert_int_eq(table_compare(kernel, after, &standing, &plan), 0);
	ck_assert_int_eq(
	        namespace_run("nft add element inet egressd set0 '{ 10.0.0.10, 203.0.113.9 }'",
	                      NULL),
	        0);
	ck_assert_int_eq(table_apply_plan(kernel, after, &plan, &applied), 0);
	plan_done(&plan);
	ck_assert_uint_eq(applied.elements_added, 0);
	ck_assert_uint_eq(applied.elements_deleted, 1);
	sample_check(kernel, after);
	ruleset_free(before);
	ruleset_free(after);
}
END_TEST

/* Some of ten sets and ten chains, each with anything in it. */
static struct ruleset *random_table(unsigned *seed)
{
	struct builder b = begin();
	char name[32], chain[32];

	build_base_chain(&b, "forward", NULL, HOOK_FORWARD, 0, rand_r(seed) % 2);
	for (unsigned i = 0; i < 10; i++) {
		if (i > 4 && rand_r(seed) % 4 == 0)
			continue;
		snprintf(name, sizeof(name), "chain%u", i);
		build_chain(&b, name, NULL, nowhere);
		for (unsigned n = (unsigned)rand_r(seed) % 5; n; n--)
			RULE(&b, name, NULL, nowhere,
			     {.kind = MATCH_PROTOCOL, .value = (uint32_t)rand_r(seed) % 4 + 1},
			     {.kind = VERDICT_ACCEPT});
	}
	for (unsigned i = 0; i < 10; i++) {
		bool map = i % 2, interval = i % 3 == 0;

		if (rand_r(seed) % 4 == 0)
			continue;
		snprintf(name, sizeof(name), "set%u", i);
		build_set(&b, &(struct set){.name = name,
		                            .type = SET_IPV4,
		                            .map = map,
		                            .interval = interval});
		for (unsigned n = (unsigned)rand_r(seed) % 20; n; n--) {
			uint32_t key = htonl(0x0a000000 + n * 16 + (uint32_t)rand_r(seed) % 8);
			uint32_t last = htonl(ntohl(key) + (uint32_t)rand_r(seed) % 8);
			const char *target = NULL;

			snprintf(chain, sizeof(chain), "chain%d", rand_r(seed) % 5);
			if (map)
				target = build_name(&b, "%s", chain);
			if (interval)
				build_range(&b, name, &key, &last, 4, target, nowhere);
			else
				build_element(&b, name, &key, 4, target, nowhere);
		}
		if (map)
			RULE(&b, "forward", NULL, nowhere,
			     {.kind = VMAP_ADDRESS,
			      .family = FAMILY_IPV4,
			      .name = build_name(&b, "%s", name)});
		else
			RULE(&b, "forward", NULL, nowhere,
			     {.kind = MATCH_ADDRESS_SET,
			      .family = FAMILY_IPV4,
			      .name = build_name(&b, "%s", name)},
			     {.kind = VERDICT_ACCEPT});
	}
	return finish(&b);
}

START_TEST(any_table_turns_into_any_other_without_being_read_whole)
{
	unsigned seed = 23;

	for (unsigned i = 0; i < 150; i++) {
		struct ruleset *wanted = random_table(&seed);
		struct applied applied = sample_apply(kernel, wanted);

		ck_assert(!applied.whole);
		sample_check(kernel, wanted);
		ruleset_free(wanted);
	}
}
END_TEST

START_TEST(changes_against_a_process_that_fills_our_sets_end_with_our_table)
{
	unsigned seed = 42;
	struct ruleset *wanted = NULL;
	pid_t child = fork();
	int r = 0;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (;;)
			(void)!system("nft add element inet egressd set2 '{ 203.0.113.9 }' "
			              "2>/dev/null; nft flush chain inet egressd chain1 "
			              "2>/dev/null; nft add table inet other");
	}
	for (unsigned i = 0; i < 60; i++) {
		struct applied applied;

		ruleset_free(wanted);
		wanted = random_table(&seed);
		r = table_apply(kernel, wanted, &applied);
		ck_assert_msg(r == 0 || r == APPLY_BUSY, "%d: %s", r, applied.refusal.text);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	/* A shell of its that is still at it. */
	usleep(200000);
	sample_apply(kernel, wanted);
	sample_check(kernel, wanted);
	ck_assert(!sample_apply(kernel, wanted).changed);
	ruleset_free(wanted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel changes");
	TCase *poor = tcase_create("in a user namespace");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(poor, 120);
	tcase_add_checked_fixture(poor, setup, teardown);
	tcase_add_test(poor, one_element_more_has_only_its_set_read_back);
	tcase_add_test(poor, one_rule_more_has_only_its_chain_read_back);
	tcase_add_test(poor, a_change_by_somebody_else_has_everything_read_again);
	tcase_add_test(poor, phases_of_one_table_follow_each_other_by_what_they_change);
	tcase_add_test(poor, a_plan_made_for_one_phase_serves_the_other);
	tcase_add_test(poor, a_plan_that_others_overtook_is_made_again);
	tcase_add_test(poor, any_table_turns_into_any_other_without_being_read_whole);
	tcase_add_test(poor, changes_against_a_process_that_fills_our_sets_end_with_our_table);
	suite_add_tcase(suite, poor);
	return run_suite(suite);
}
