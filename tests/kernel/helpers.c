/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "table-fixture.h"

#include "kernel/helpers.h"
#include "kernel/view.h"
#include "policy/helpers.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>

/* Every kind that policy/helpers.c knows, over one protocol, but those that this kernel lacks. */
static size_t known_helpers(uint8_t protocol, uint8_t families,
                            struct helper helpers[static HELPER_KIND_COUNT])
{
	bool lacking[HELPER_KIND_COUNT];
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < HELPER_KIND_COUNT; i++)
		if ((helper_kind_families(&helper_kinds[i], protocol) & families) == families)
			helpers[count++] = (struct helper){.name = helper_kinds[i].name,
			                                   .kind = helper_kinds[i].name,
			                                   .protocol = protocol,
			                                   .families = families};
	ck_assert_int_eq(helpers_ask(kernel, helpers, count, lacking), 0);
	for (size_t i = 0; i < count; i++) {
		if (lacking[i])
			printf("skipped: this kernel has no helper %s\n", helpers[i].kind);
		else
			helpers[kept++] = helpers[i];
	}
	return kept;
}

static const uint8_t family_sets[] = {FAMILY_BIT(FAMILY_IPV4), FAMILY_BIT(FAMILY_IPV6),
                                      FAMILIES_BOTH};
static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

START_TEST(every_helper_reads_back_as_it_was_written_in_each_family_that_it_has)
{
	uint8_t protocol = protocols[_i % 2], families = family_sets[_i / 2];
	struct helper helpers[HELPER_KIND_COUNT];
	struct applied applied;
	struct builder b = begin();
	size_t count = known_helpers(protocol, families, helpers);

	ck_assert_uint_gt(count, 0);
	for (size_t i = 0; i < count; i++)
		build_helper(&b, &helpers[i]);
	struct ruleset *wanted = finish(&b);
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), 0);
	ck_assert(applied.changed);
	kernel_doubt_view(kernel);
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), 0);
	ck_assert(!applied.changed);
	ruleset_free(wanted);
}
END_TEST

START_TEST(the_kernel_is_asked_which_helpers_it_lacks_and_nothing_is_left_of_it)
{
	static const struct helper asked[] = {
	        {"a", "irc", IPPROTO_TCP, FAMILY_BIT(FAMILY_IPV6), {}},
	        {"b", "irc", IPPROTO_UDP, FAMILY_BIT(FAMILY_IPV4), {}},
	        {"c", "zebra", IPPROTO_TCP, FAMILIES_BOTH, {}},
	};
	bool lacking[ELEMENTS_OF(asked)];
	uint32_t before, after;

	ck_assert_int_eq(kernel_generation(kernel, &before), 0);
	ck_assert_int_eq(helpers_ask(kernel, asked, ELEMENTS_OF(asked), lacking), 0);
	for (size_t i = 0; i < ELEMENTS_OF(asked); i++)
		ck_assert_msg(lacking[i], "%s", asked[i].name);
	/* Nothing of it took effect. */
	ck_assert_int_eq(kernel_generation(kernel, &after), 0);
	ck_assert_uint_eq(before, after);
	ck_assert_int_eq(namespace_run("test -z \"$(nft list tables)\"", NULL), 0);
	ck_assert_int_eq(helpers_ask(kernel, NULL, 0, lacking), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel-helpers");
	TCase *tests = tcase_create("helpers");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests,
	                    every_helper_reads_back_as_it_was_written_in_each_family_that_it_has, 0,
	                    (int)(ELEMENTS_OF(protocols) * ELEMENTS_OF(family_sets)));
	tcase_add_test(tests, the_kernel_is_asked_which_helpers_it_lacks_and_nothing_is_left_of_it);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
