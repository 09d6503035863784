/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "golden.h"
#include "policy-text.h"

#include "ruleset/compile.h"
#include "ruleset/diff.h"
#include "ruleset/hosts.h"
#include "ruleset/print.h"
#include "ruleset/tampering.h"

#include <check.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A ruleset together with the policy that it was made of. */
struct compiled {
	struct policy *policy;
	struct ruleset *ruleset;
};

static void compiled_done(struct compiled *compiled)
{
	ruleset_free(compiled->ruleset);
	policy_free(compiled->policy);
}

static struct compiled compile_text(const char *text)
{
	struct problems problems = {};
	struct compiled compiled = {};
	int r = policy_load_text("test.conf", text, strlen(text), &problems, &compiled.policy);
	problems_print(&problems, stdout);
	ck_assert_int_eq(r, 0);
	problems_done(&problems);
	ck_assert_int_eq(ruleset_compile(compiled.policy, 0, &compiled.ruleset), 0);
	return compiled;
}

static void assert_compiles_to_golden(const char *config, const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_(compiled_done) struct compiled compiled = {};
	struct problems problems = {};
	ck_assert_int_gt(asprintf(&path, "%s/%s", EGRESSD_SOURCE_ROOT, config), 0);
	ck_assert_int_eq(policy_load(path, NULL, &problems, &compiled.policy), 0);
	ck_assert_int_eq(ruleset_compile(compiled.policy, 0, &compiled.ruleset), 0);
	_cleanup_free_ char *text = print_ruleset(compiled.ruleset);
	assert_golden(text, name);
}

START_TEST(the_dmz_example_compiles_to_its_golden_table)
{
	assert_compiles_to_golden("conf/examples/dmz.conf", "dmz.nft");
}
END_TEST

START_TEST(the_office_example_compiles_to_its_golden_table)
{
	assert_compiles_to_golden("conf/examples/office.conf", "office.nft");
}
END_TEST

START_TEST(every_kind_of_rule_compiles_to_its_golden_table)
{
	assert_compiles_to_golden("tests/golden/everything.conf", "everything.nft");
}
END_TEST

START_TEST(the_closed_table_compiles_to_its_golden_table)
{
	_cleanup_(ruleset_freep) struct ruleset *closed = NULL;
	ck_assert_int_eq(ruleset_closed(&closed), 0);
	_cleanup_free_ char *text = print_ruleset(closed);
	assert_golden(text, "closed.nft");
	ck_assert(ruleset_is_closed(closed));
}
END_TEST

/* The start of a small policy; `hosts` is open, for tests to add to it. */
#define SMALL                                                                                      \
	"gateway = { inside = [ \"lan0\" ]; };\n"                                                  \
	"roles = { desk = { outbound = [ \"http\", \"https\" ]; };\n"                              \
	"          web = { inbound = [ \"http\" ]; }; };\n"                                        \
	"hosts = ( { name = \"www\"; role = \"web\"; address = \"192.0.2.80\"; },\n"               \
	"          { name = \"lan\"; role = \"desk\"; address = \"192.168.0.0/24\"; }"

/* Two policies, the first as if its table were read back: every rule has a handle. */
struct two {
	struct compiled have, wanted;
	struct delta *delta;
};

static void two_done(struct two *two)
{
	delta_free(two->delta);
	compiled_done(&two->have);
	compiled_done(&two->wanted);
}

static struct two compare(const char *before, const char *after)
{
	struct two two = {compile_text(before), compile_text(after)};
	uint64_t handle = 1;
	ARRAY_FOREACH (chain, &two.have.ruleset->chains)
		ARRAY_FOREACH (rule, &chain->rules)
			rule->handle = handle++;
	ck_assert_int_eq(ruleset_diff(two.have.ruleset, two.wanted.ruleset, &two.delta), 0);
	return two;
}

static char *print_delta(const struct delta *delta)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	delta_print(delta, out);
	fclose(out);
	return text;
}

static void assert_difference(const char *before, const char *after, const char *expected)
{
	_cleanup_(two_done) struct two two = compare(before, after);
	_cleanup_free_ char *text = print_delta(two.delta);
	ck_assert_str_eq(text, expected);
}

START_TEST(equal_policies_differ_in_nothing)
{
	assert_difference(SMALL ");", SMALL ");", "");
}
END_TEST

START_TEST(one_more_host_is_one_more_element)
{
	assert_difference(SMALL ");",
	                  SMALL ", { name = \"x\"; role = \"desk\"; address = \"10.0.0.1\"; });",
	                  "add 1 to set source_address4\n");
}
END_TEST

START_TEST(a_host_that_changes_its_role_changes_one_element)
{
	assert_difference(SMALL ", { name = \"x\"; role = \"desk\"; address = \"10.0.0.1\"; });",
	                  SMALL ", { name = \"x\"; role = \"web\"; address = \"10.0.0.1\"; });",
	                  "delete 1 of set source_address4\n"
	                  "add 1 to set source_address4\n"
	                  "add 1 to set destination_address4\n");
}
END_TEST

START_TEST(a_prefix_that_grows_is_replaced_by_itself)
{
	assert_difference(SMALL ", { name = \"x\"; role = \"desk\"; address = \"10.0.0.0/25\"; });",
	                  SMALL ", { name = \"x\"; role = \"desk\"; address = \"10.0.0.0/24\"; });",
	                  "delete 1 of set source_range4\n"
	                  "add 1 to set source_range4\n");
}
END_TEST

#define ROLES(desk)                                                                                \
	"gateway = { inside = [ \"lan0\" ]; };\n"                                                  \
	"roles = { desk = { outbound = [ " desk " ]; }; };\n"                                      \
	"hosts = ( { name = \"lan\"; role = \"desk\"; address = \"192.168.0.0/24\"; } );"

START_TEST(one_more_service_of_a_role_is_one_more_element)
{
	assert_difference(ROLES("\"http\""), ROLES("\"http\", \"https\""),
	                  "add 1 to set outbound_desk\n");
}
END_TEST

START_TEST(a_rule_of_another_kind_is_put_before_what_follows)
{
	assert_difference(ROLES("\"http\""), ROLES("\"http\", \"gre\""),
	                  "add set outbound_desk.protocols\n"
	                  "add 1 to set outbound_desk.protocols\n"
	                  "add a rule to chain role_desk, before another\n");
	assert_difference(ROLES("\"http\", \"gre\""), ROLES("\"http\""),
	                  "delete a rule of chain role_desk\n"
	                  "delete set outbound_desk.protocols\n");
}
END_TEST

START_TEST(a_set_that_grows_beyond_its_size_is_made_again_with_the_rules_that_use_it)
{
	char many[4096] = "";
	for (unsigned port = 1; port <= 65; port++) {
		size_t n = strlen(many);
		snprintf(many + n, sizeof(many) - n, ", \"tcp/%u\"", 1000 + port);
	}
	_cleanup_free_ char *after = NULL;
	ck_assert_int_gt(asprintf(&after, ROLES("\"http\"%s"), many), 0);
	assert_difference(ROLES("\"http\""), after,
	                  "delete a rule of chain role_desk\n"
	                  "delete set outbound_desk\n"
	                  "add set outbound_desk\n"
	                  "add 66 to set outbound_desk\n"
	                  "add a rule to chain role_desk, before another\n");
}
END_TEST

START_TEST(without_a_table_everything_is_added)
{
	_cleanup_(compiled_done) struct compiled wanted = compile_text(SMALL ");");
	_cleanup_(delta_freep) struct delta *delta = NULL;
	size_t elements = 0, rules = 0;
	ck_assert_int_eq(ruleset_diff(NULL, wanted.ruleset, &delta), 0);
	ARRAY_FOREACH (set, &wanted.ruleset->sets)
		elements += set->elements.count;
	ARRAY_FOREACH (chain, &wanted.ruleset->chains)
		ARRAY_FOREACH (rule, &chain->rules)
			rules += rule_counts(wanted.ruleset, rule);
	ck_assert_int_eq(delta->steps.items[0].kind, STEP_ADD_TABLE);
	ck_assert_uint_eq(delta->elements_added, elements);
	ck_assert_uint_eq(delta->rules_added, rules);
	ck_assert_uint_eq(delta->elements_deleted + delta->rules_deleted, 0);
}
END_TEST

START_TEST(what_others_changed_is_put_right)
{
	_cleanup_(compiled_done) struct compiled have = compile_text(SMALL ");");
	_cleanup_(compiled_done) struct compiled wanted = compile_text(SMALL ");");
	_cleanup_(delta_freep) struct delta *delta = NULL;
	have.ruleset->flags = NFT_TABLE_F_DORMANT;
	ruleset_chain(have.ruleset, "forward")->policy_drop = false;
	ruleset_chain(have.ruleset, "role_desk")->rules.count--;

	ck_assert_int_eq(ruleset_diff(have.ruleset, wanted.ruleset, &delta), 0);
	_cleanup_free_ char *text = print_delta(delta);
	ck_assert_str_eq(text, "add table egressd\n"
	                       "set policy of chain forward to drop\n"
	                       "add a rule to chain role_desk\n");

	char done[TAMPERING_TEXT_MAX];
	ck_assert_str_eq(tampering_text(delta, have.ruleset, done),
	                 "made the table dormant, set the policy of chain forward to accept, "
	                 "deleted 1 rule of chain role_desk");
}
END_TEST

START_TEST(what_somebody_did_is_told_in_three_things_and_a_number)
{
	_cleanup_(compiled_done) struct compiled have = compile_text(SMALL ");");
	_cleanup_(compiled_done) struct compiled wanted = compile_text(SMALL ");");
	_cleanup_(delta_freep) struct delta *delta = NULL;
	char done[TAMPERING_TEXT_MAX];

	ruleset_chain(have.ruleset, "forward")->priority = 7;
	ruleset_chain(have.ruleset, "role_desk")->rules.count = 0;
	ARRAY_FOREACH (set, &have.ruleset->sets)
		set->elements.count = 0;
	ck_assert_int_eq(ruleset_diff(have.ruleset, wanted.ruleset, &delta), 0);
	tampering_text(delta, have.ruleset, done);
	ck_assert_msg(strncmp(done, "changed chain forward, deleted ", 31) == 0, "%s", done);
	ck_assert_msg(strstr(done, " more") != NULL, "%s", done);
}
END_TEST

START_TEST(a_table_that_is_gone_or_only_to_be_owned_again_is_told_as_that)
{
	_cleanup_(compiled_done) struct compiled have = compile_text(SMALL ");");
	_cleanup_(compiled_done) struct compiled wanted = compile_text(SMALL ");");
	_cleanup_(delta_freep) struct delta *made = NULL, *owned = NULL;
	char done[TAMPERING_TEXT_MAX];

	ck_assert_int_eq(ruleset_diff(NULL, wanted.ruleset, &made), 0);
	ck_assert_str_eq(tampering_text(made, NULL, done), "deleted the table");
	wanted.ruleset->flags = 6;
	have.ruleset->flags = 4;
	ck_assert_int_eq(ruleset_diff(have.ruleset, wanted.ruleset, &owned), 0);
	ck_assert_uint_eq(owned->steps.count, 1);
	ck_assert(!delta_can_deny(owned));
	ck_assert_str_eq(tampering_text(owned, have.ruleset, done), "");
}
END_TEST

static void assert_can_deny(const char *before, const char *after, bool expected)
{
	_cleanup_(two_done) struct two two = compare(before, after);
	_cleanup_free_ char *text = print_delta(two.delta);
	ck_assert_msg(delta_can_deny(two.delta) == expected, "%s", text);
}

START_TEST(a_change_that_only_permits_more_denies_nothing)
{
	assert_can_deny(SMALL ");", SMALL ");", false);
	assert_can_deny(ROLES("\"http\""), ROLES("\"http\", \"https\""), false);
	assert_can_deny(ROLES("\"http\""), ROLES("\"http\", \"gre\", \"tcp/8000-8010\""), false);
}
END_TEST

START_TEST(whatever_else_is_changed_may_deny)
{
	assert_can_deny(ROLES("\"http\", \"https\""), ROLES("\"http\""), true);
	assert_can_deny(ROLES("\"http\", \"gre\""), ROLES("\"http\""), true);
	/* A new host may take addresses out of the middle of another one. */
	assert_can_deny(SMALL ");",
	                SMALL ", { name = \"x\"; role = \"web\"; address = \"192.168.0.7\"; });",
	                true);
	_cleanup_(compiled_done) struct compiled wanted = compile_text(SMALL ");");
	_cleanup_(delta_freep) struct delta *first = NULL;
	ck_assert_int_eq(ruleset_diff(NULL, wanted.ruleset, &first), 0);
	ck_assert(delta_can_deny(first));
}
END_TEST

START_TEST(between_the_phases_only_rules_change)
{
	_cleanup_(two_done) struct two two = compare(SMALL ");", SMALL ");");
	_cleanup_(delta_freep) struct delta *delta = NULL;
	two.wanted.ruleset->phase = PHASE_JUDGING;
	ck_assert_int_eq(ruleset_diff(two.have.ruleset, two.wanted.ruleset, &delta), 0);
	_cleanup_free_ char *text = print_delta(delta);
	ck_assert_ptr_null(strstr(text, "set "));
	ck_assert_ptr_nonnull(strstr(text, "add a rule to chain forward, before another\n"));
	ck_assert(delta_can_deny(delta));
	ck_assert_uint_eq(delta->rules_deleted, 0);
}
END_TEST

#define THROTTLED(throttle, services)                                                              \
	"gateway = { inside = [ \"lan0\" ]; };\n"                                                  \
	"roles = { desk = { throttle = { " throttle " }; outbound = [ " services " ]; }; };\n"     \
	"hosts = ( { name = \"lan\"; role = \"desk\"; address = \"192.168.0.0/24\"; } );"

START_TEST(a_throttle_that_stays_keeps_its_sets_and_one_that_changes_makes_its_buckets_anew)
{
	assert_difference(THROTTLED("", "\"http\""), THROTTLED("", "\"http\", \"https\""),
	                  "add 1 to set outbound_desk\n");
	assert_difference(THROTTLED("per = \"10s\";", "\"http\""),
	                  THROTTLED("per = \"20s\";", "\"http\""),
	                  "delete a rule of chain throttle_desk\n"
	                  "delete a rule of chain throttle_desk\n"
	                  "delete set throttle_desk_4\n"
	                  "delete set throttle_desk_6\n"
	                  "add set throttle_desk_4\n"
	                  "add set throttle_desk_6\n"
	                  "add a rule to chain throttle_desk, before another\n"
	                  "add a rule to chain throttle_desk, before another\n");
}
END_TEST

START_TEST(what_a_throttled_role_may_besides_denies_nothing)
{
	assert_can_deny(THROTTLED("", "\"http\""), THROTTLED("", "\"http\", \"gre\""), false);
	assert_can_deny(THROTTLED("", "\"http\", \"gre\""), THROTTLED("", "\"http\""), true);
}
END_TEST

#define TOLD(enabled)                                                                              \
	"gateway = { inside = [ \"lan0\" ]; };\n"                                                  \
	"roles = { desk = { detection = { trw = { enabled = " enabled "; }; };"                    \
	" outbound = [ \"http\" ]; }; };\n"                                                        \
	"hosts = ( { name = \"lan\"; role = \"desk\"; address = \"192.168.0.0/24\"; } );"

START_TEST(to_have_first_contacts_told_denies_nothing)
{
	assert_difference(TOLD("false"), TOLD("true"),
	                  "add chain contact_desk\n"
	                  "add set contacted4\n"
	                  "add set contacted6\n"
	                  "add a rule to chain permitted_desk, before another\n"
	                  "add a rule to chain contact_desk\n"
	                  "add a rule to chain contact_desk\n"
	                  "add a rule to chain contact_desk\n"
	                  "add a rule to chain contact_desk\n"
	                  "add a rule to chain contact_desk\n");
	assert_can_deny(TOLD("false"), TOLD("true"), false);
}
END_TEST

/* The limit of a throttle's buckets. */
static struct limit limit_for(uint64_t destinations, uint64_t milliseconds)
{
	_cleanup_free_ char *text = NULL;
	ck_assert_int_gt(
	        asprintf(&text, THROTTLED("destinations = %llu; per = \"%llums\";", "\"http\""),
	                 (unsigned long long)destinations, (unsigned long long)milliseconds),
	        0);
	_cleanup_(compiled_done) struct compiled compiled = compile_text(text);
	const struct set *set = ruleset_set(compiled.ruleset, "throttle_desk_4");
	/* What is left alone for that long is full: to forget it changes nothing. */
	ck_assert_uint_ge((uint64_t)set->timeout * 1000, milliseconds);
	return set->limit;
}

START_TEST(a_bucket_holds_what_a_throttle_permits_and_fills_within_its_time)
{
	static const struct {
		unsigned destinations, milliseconds;
		struct limit limit;
	} exact[] = {
	        {100, 10000, {10, 1, 100}},
	        {54, 100, {540, 1, 54}},
	        {15, 1000, {15, 1, 15}},
	        {10, 60000, {10, 60, 10}},
	        {1, 3600000, {1, 3600, 1}},
	        {30, 3600000, {30, 3600, 30}},
	        {7, 25000, {1008, 3600, 7}},
	        {100, 7000, {8640000, 604800, 100}},
	        {1000000, 100, {10000000, 1, 1000000}},
	};
	for (size_t i = 0; i < ELEMENTS_OF(exact); i++) {
		struct limit limit = limit_for(exact[i].destinations, exact[i].milliseconds);
		ck_assert_uint_eq(limit.rate, exact[i].limit.rate);
		ck_assert_uint_eq(limit.unit, exact[i].limit.unit);
		ck_assert_uint_eq(limit.burst, exact[i].limit.burst);
	}

	unsigned seed = (unsigned)time(NULL);
	printf("limits: seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 200; i++) {
		uint64_t destinations = 1 + (uint64_t)rand() % 1000000;
		uint64_t milliseconds = 100 + (uint64_t)rand() % 3599901;
		struct limit limit = limit_for(destinations, milliseconds);
		/* Gained in that time, in units of a millionth of a destination a second. */
		__uint128_t gained = (__uint128_t)limit.rate * milliseconds;
		__uint128_t asked = (__uint128_t)destinations * limit.unit * 1000;
		ck_assert_msg(gained >= asked, "whoever keeps to it would be stopped");
		ck_assert_msg(gained - asked <= milliseconds, "it is more than rounded");
		ck_assert_ptr_nonnull(limit_unit_name(limit.unit));
		ck_assert_uint_eq(limit.burst, destinations);
	}
}
END_TEST

/* Random nested claims, held against the look-up that packets' names come from. */
static void add_random_claims(struct claim *claims, struct host_range *ranges, size_t *count,
                              size_t max, int parent, const struct host *hosts, unsigned from,
                              unsigned to)
{
	for (unsigned at = from; at <= to && *count < max;) {
		unsigned gap = (unsigned)rand() % 8, width = (unsigned)rand() % 40;
		unsigned first = at + gap, last = first + width;
		if (last > to || (parent >= 0 && first == from && last == to))
			return;
		int index = (int)(*count)++;
		claims[index] = (struct claim){&hosts[rand() % 5], &ranges[index], parent};
		ranges[index].range = (struct address_range){
		        {FAMILY_IPV4, {255, 255, 255, (uint8_t)first}},
		        {FAMILY_IPV4, {255, 255, 255, (uint8_t)last}},
		};
		if (rand() % 2)
			add_random_claims(claims, ranges, count, max, index, hosts, first, last);
		at = last + 1;
	}
}

START_TEST(segments_belong_to_whom_the_most_specific_claim_says)
{
	unsigned seed = (unsigned)time(NULL);
	printf("segments: seed %u\n", seed);
	srand(seed);

	for (int round = 0; round < 300; round++) {
		static const struct host hosts[5];
		struct claim items[64];
		struct host_range ranges[ELEMENTS_OF(items)];
		size_t count = 0;
		add_random_claims(items, ranges, &count, ELEMENTS_OF(items), -1, hosts, 0, 255);
		struct policy policy = {};
		policy.claims[FAMILY_IPV4].items = items;
		policy.claims[FAMILY_IPV4].count = count;
		uint64_t starts[ELEMENTS_OF(items)];
		for (size_t i = 0; i < count; i++)
			starts[i] = address_start(&ranges[i].range.from);
		policy.claims[FAMILY_IPV4].starts = starts;

		struct segments segments = {};
		ck_assert_int_eq(segments_of(&policy.claims[FAMILY_IPV4], true, &segments), 0);
		size_t next = 0;
		for (unsigned a = 0; a < 256; a++) {
			struct address address = {FAMILY_IPV4, {255, 255, 255, (uint8_t)a}};
			while (next < segments.list.count &&
			       address_compare(&segments.list.items[next].range.to, &address) < 0)
				next++;
			const struct host *found = NULL;
			if (next < segments.list.count &&
			    range_contains(&segments.list.items[next].range, &address))
				found = segments.list.items[next].host;
			ck_assert_ptr_eq(found, policy_host_at(&policy, &address));
		}
		ARRAY_DONE(&segments.list);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ruleset");
	TCase *tests = tcase_create("ruleset");
	tcase_add_test(tests, the_dmz_example_compiles_to_its_golden_table);
	tcase_add_test(tests, the_office_example_compiles_to_its_golden_table);
	tcase_add_test(tests, every_kind_of_rule_compiles_to_its_golden_table);
	tcase_add_test(tests, the_closed_table_compiles_to_its_golden_table);
	tcase_add_test(tests, equal_policies_differ_in_nothing);
	tcase_add_test(tests, one_more_host_is_one_more_element);
	tcase_add_test(tests, a_host_that_changes_its_role_changes_one_element);
	tcase_add_test(tests, a_prefix_that_grows_is_replaced_by_itself);
	tcase_add_test(tests, one_more_service_of_a_role_is_one_more_element);
	tcase_add_test(tests, a_rule_of_another_kind_is_put_before_what_follows);
	tcase_add_test(tests,
	               a_set_that_grows_beyond_its_size_is_made_again_with_the_rules_that_use_it);
	tcase_add_test(tests, without_a_table_everything_is_added);
	tcase_add_test(tests, what_others_changed_is_put_right);
	tcase_add_test(tests, what_somebody_did_is_told_in_three_things_and_a_number);
	tcase_add_test(tests, a_table_that_is_gone_or_only_to_be_owned_again_is_told_as_that);
	tcase_add_test(tests, a_change_that_only_permits_more_denies_nothing);
	tcase_add_test(tests, whatever_else_is_changed_may_deny);
	tcase_add_test(tests, between_the_phases_only_rules_change);
	tcase_add_test(
	        tests,
	        a_throttle_that_stays_keeps_its_sets_and_one_that_changes_makes_its_buckets_anew);
	tcase_add_test(tests, to_have_first_contacts_told_denies_nothing);
	tcase_add_test(tests, what_a_throttled_role_may_besides_denies_nothing);
	tcase_add_test(tests, a_bucket_holds_what_a_throttle_permits_and_fills_within_its_time);
	tcase_add_test(tests, segments_belong_to_whom_the_most_specific_claim_says);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
