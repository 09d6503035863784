/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"
#include "sample.h"

#include "kernel/read.h"
#include "ruleset/build.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Elements that the kernel takes away by itself, as an assignment or a permit has them. */

static struct kernel *kernel;

static void setup(void)
{
	namespace_enter();
	ck_assert_int_eq(kernel_open(&kernel), 0);
}

static void teardown(void)
{
	kernel = kernel_free(kernel);
}

static const struct location nowhere;

/* One hash map of addresses and one set of port ranges, both timed, and rules that use them. */
static struct builder begin(void)
{
	struct builder b = {.ruleset = ruleset_new()};
	ck_assert_ptr_nonnull(b.ruleset);
	b.ruleset->exists = true;
	build_chain(&b, "one", NULL, nowhere);
	build_chain(&b, "two", NULL, nowhere);
	build_chain(&b, "use", NULL, nowhere);
	build_set(&b,
	          &(struct set){.name = "assigned4", .type = SET_IPV4, .map = true, .timed = true});
	build_set(&b, &(struct set){
	                      .name = "ports", .type = SET_PORT, .interval = true, .timed = true});
	RULE(&b, "use", NULL, nowhere,
	     {.kind = VMAP_ADDRESS, .family = FAMILY_IPV4, .name = "assigned4"});
	RULE(&b, "use", NULL, nowhere, {.kind = MATCH_PORT_SET, .value = 6, .name = "ports"},
	     {.kind = VERDICT_ACCEPT});
	return b;
}

/* An element of each set, which both end then. */
static void add(struct builder *b, const char *chain, uint32_t timeout, const char *comment)
{
	b->life = (struct life){.timeout = timeout, .comment = comment};
	build_element(b, "assigned4", "\300\0\2\1", 4, chain, nowhere);
	build_range(b, "ports", "\4\0", "\5\0", 2, NULL, nowhere);
}

static struct ruleset *end(struct builder *b)
{
	/* Something that stays, behind and before what goes. */
	b->life = (struct life){.comment = "stays"};
	build_element(b, "assigned4", "\300\0\2\2", 4, "two", nowhere);
	build_range(b, "ports", "\0\1", "\0\7", 2, NULL, nowhere);
	build_range(b, "ports", "\7\0", "\10\0", 2, NULL, nowhere);
	ck_assert_int_eq(build_finish(b), 0);
	return b->ruleset;
}

static struct ruleset *lent(const char *chain, uint32_t timeout, const char *comment)
{
	struct builder b = begin();
	if (timeout)
		add(&b, chain, timeout, comment);
	return end(&b);
}

static bool is_listed(const char *text)
{
	char *listing = namespace_output("nft list table inet egressd");
	bool found = strstr(listing, text) != NULL;
	free(listing);
	return found;
}

static void wait_for_end(void)
{
	for (unsigned i = 0; i < 50 && is_listed("192.0.2.1 "); i++)
		usleep(100000);
	ck_assert(!is_listed("192.0.2.1 "));
}

START_TEST(elements_with_an_end_read_back_as_applied)
{
	struct ruleset *wanted = lent("one", 3600, "until the hour is over");
	ck_assert(sample_apply(kernel, wanted).changed);
	sample_check(kernel, wanted);
	ck_assert(is_listed("192.0.2.1 timeout 1h expires "));
	ck_assert(is_listed("comment \"until the hour is over\" : goto one"));
	ck_assert(is_listed("1024-1280 timeout 1h expires "));
	ck_assert(!sample_apply(kernel, wanted).changed);
	ruleset_free(wanted);
}
END_TEST

START_TEST(what_ended_is_gone_and_the_next_change_does_not_stumble)
{
	struct ruleset *wanted = lent("one", 1, "soon over"), *without = lent(NULL, 0, NULL);
	struct ruleset *again = lent("one", 3600, "once more");
	ck_assert(sample_apply(kernel, wanted).changed);
	wait_for_end();
	ck_assert(!is_listed("1024-1280"));
	ck_assert(!sample_differs(kernel, without));

	/* The cached view still has it; nothing must be deleted that is gone. */
	ck_assert(!sample_apply(kernel, without).changed);
	ck_assert_uint_eq(sample_apply(kernel, again).elements_added, 2);
	sample_check(kernel, again);
	ruleset_free(wanted);
	ruleset_free(without);
	ruleset_free(again);
}
END_TEST

/* At each moment around the end: what is read, and what is sent, never disagree for good. */
START_TEST(a_change_at_the_moment_of_the_end_goes_well)
{
	for (unsigned i = 0; i < 20; i++) {
		struct ruleset *wanted = lent("one", 1, "soon over"), *without;
		sample_apply(kernel, wanted);
		usleep(990000 + i * 1000);
		without = lent(NULL, 0, NULL);
		sample_apply(kernel, without);
		sample_check(kernel, without);
		ruleset_free(wanted);
		ruleset_free(without);
	}
}
END_TEST

START_TEST(what_is_lent_for_longer_is_replaced)
{
	struct ruleset *wanted = lent("one", 3600, "until three");
	struct ruleset *longer = lent("one", 7200, "until four");
	struct applied applied;
	sample_apply(kernel, wanted);
	applied = sample_apply(kernel, longer);
	ck_assert_uint_eq(applied.elements_deleted, 2);
	ck_assert_uint_eq(applied.elements_added, 2);
	sample_check(kernel, longer);
	ck_assert(is_listed("192.0.2.1 timeout 2h expires "));
	ruleset_free(wanted);
	ruleset_free(longer);
}
END_TEST

START_TEST(an_element_may_lead_elsewhere_and_its_chain_go)
{
	struct ruleset *wanted = lent("one", 3600, "a role"), *other = lent("two", 3600, "a role");
	sample_apply(kernel, wanted);
	ck_assert_uint_eq(sample_apply(kernel, other).elements_added, 1);
	sample_check(kernel, other);
	ruleset_free(wanted);
	ruleset_free(other);
}
END_TEST

START_TEST(what_others_lend_for_good_gets_its_end_again)
{
	struct ruleset *wanted = lent("one", 3600, "until three");
	sample_apply(kernel, wanted);
	ck_assert_int_eq(namespace_run("nft -f -",
	                               "delete element inet egressd ports { 1024-1280 }\n"
	                               "add element inet egressd ports { 1024-1280 comment "
	                               "\"until three\" }\n"),
	                 0);
	ck_assert_uint_eq(sample_apply(kernel, wanted).elements_added, 1);
	sample_check(kernel, wanted);
	ck_assert(is_listed("1024-1280 timeout 1h expires "));
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_set_that_was_not_timed_is_made_anew)
{
	struct ruleset *wanted = lent("one", 3600, "x"), *plain = lent("one", 3600, "x");
	ARRAY_FOREACH (set, &plain->sets) {
		set->timed = false;
		ARRAY_FOREACH (element, &set->elements) {
			element->chain = element->life->chain;
		}
	}
	sample_apply(kernel, plain);
	ck_assert_uint_eq(sample_apply(kernel, wanted).sets_added, 2);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
	ruleset_free(plain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timed");
	TCase *tests = tcase_create("timed");

	if (!namespace_possible()) {
		puts("no network namespaces here");
		return 77;
	}
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, elements_with_an_end_read_back_as_applied);
	tcase_add_test(tests, what_ended_is_gone_and_the_next_change_does_not_stumble);
	tcase_add_test(tests, a_change_at_the_moment_of_the_end_goes_well);
	tcase_add_test(tests, what_is_lent_for_longer_is_replaced);
	tcase_add_test(tests, an_element_may_lead_elsewhere_and_its_chain_go);
	tcase_add_test(tests, what_others_lend_for_good_gets_its_end_again);
	tcase_add_test(tests, a_set_that_was_not_timed_is_made_anew);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
