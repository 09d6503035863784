/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "kernel/bypass.h"
#include "kernel/known_bugs.h"
#include "kernel/wire.h"

#include "base/array.h"

#include <check.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <libmnl/libmnl.h>
#include <string.h>

static void add(struct bypass *bypass, struct wire *wire)
{
	ck_assert_int_eq(wire->error, 0);
	wire_end(wire);
	bypass_add(bypass, (const struct nlmsghdr *)(const void *)wire->bytes);
	/* However it is cut short, nothing past the end is read (a matter for the sanitizers). */
	for (size_t length = 16; length < wire->length; length++) {
		_cleanup_free_ uint8_t *copy = malloc(length);
		struct bypass other = {};
		uint32_t told = (uint32_t)length;
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, wire->bytes, length);
		memcpy(copy, &told, sizeof(told));
		bypass_add(&other, (const struct nlmsghdr *)(const void *)copy);
	}
	wire_done(wire);
}

/* This kernel may have no flowtables (NF_FLOW_TABLE), so they are made up here. */
START_TEST(flowtables_are_counted_and_the_first_is_named)
{
	struct bypass bypass = {};
	static const char *const names[] = {"fast", "a\nb"};
	for (size_t i = 0; i < ELEMENTS_OF(names); i++) {
		struct wire wire = {};
		wire_begin(&wire, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWFLOWTABLE, 0, NFPROTO_INET, 0, 1);
		wire_string(&wire, NFTA_FLOWTABLE_TABLE, "fw");
		wire_string(&wire, NFTA_FLOWTABLE_NAME, names[i]);
		add(&bypass, &wire);
	}
	ck_assert_uint_eq(bypass.flowtables, 2);
	ck_assert_str_eq(bypass.flowtable, "inet fw, flowtable fast");
	ck_assert_uint_eq(bypass.notracks, 0);
}
END_TEST

/* A rule with one expression, which has the data of a target if that is given. */
static void add_rule(struct bypass *bypass, const char *expression, const char *target,
                     uint16_t target_flags)
{
	struct wire wire = {};
	wire_begin(&wire, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE, 0, NFPROTO_IPV4, 0, 1);
	wire_string(&wire, NFTA_RULE_TABLE, "raw");
	wire_string(&wire, NFTA_RULE_CHAIN, "PREROUTING");
	size_t list = wire_nest(&wire, NFTA_RULE_EXPRESSIONS);
	size_t element = wire_nest(&wire, NFTA_LIST_ELEM);
	wire_string(&wire, NFTA_EXPR_NAME, expression);
	if (target) {
		size_t data = wire_nest(&wire, NFTA_EXPR_DATA);
		wire_string(&wire, NFTA_TARGET_NAME, target);
		wire_put(&wire, NFTA_TARGET_INFO, &target_flags, sizeof(target_flags));
		wire_nest_end(&wire, data);
	}
	wire_nest_end(&wire, element);
	wire_nest_end(&wire, list);
	add(bypass, &wire);
}

START_TEST(rules_that_make_packets_untracked_are_told_from_others)
{
	struct bypass bypass = {};
	add_rule(&bypass, "counter", NULL, 0);
	add_rule(&bypass, "target", "CT", 0); /* gives a zone or a helper */
	add_rule(&bypass, "target", "LOG", 1);
	ck_assert_uint_eq(bypass.notracks, 0);
	add_rule(&bypass, "notrack", NULL, 0);
	add_rule(&bypass, "target", "CT", 1);
	add_rule(&bypass, "target", "NOTRACK", 0);
	ck_assert_uint_eq(bypass.notracks, 3);
	ck_assert_str_eq(bypass.notrack, "ip raw, chain PREROUTING");
}
END_TEST

START_TEST(kernels_with_the_bug_are_known_by_their_release)
{
	static const char *const with[] = {"5.7",        "5.10.257",  "5.15.208-generic", "5.19.17",
	                                   "6.1.0-18-amd64", "6.1.174", "6.6.135", "6.12.82+deb13",
	                                   "6.18.23",    "6.19.13",   "6.17.9"};
	static const char *const without[] = {"5.6.19",  "4.19.300", "5.10.258", "5.15.209",
	                                      "6.1.175", "6.6.136",  "6.12.83",  "6.18.24",
	                                      "6.18.44-fc", "6.19.14", "6.20.0", "7.0", "", "x"};
	for (size_t i = 0; i < ELEMENTS_OF(with); i++)
		ck_assert_msg(release_has_pipapo_bug(with[i]), "%s", with[i]);
	for (size_t i = 0; i < ELEMENTS_OF(without); i++)
		ck_assert_msg(!release_has_pipapo_bug(without[i]), "%s", without[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("surroundings");
	TCase *tests = tcase_create("surroundings");
	tcase_add_test(tests, flowtables_are_counted_and_the_first_is_named);
	tcase_add_test(tests, rules_that_make_packets_untracked_are_told_from_others);
	tcase_add_test(tests, kernels_with_the_bug_are_known_by_their_release);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
