/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "table-fixture.h"

#include "kernel/read.h"
#include "kernel/wire.h"

#include <check.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static size_t send_limit; /* net.core.wmem_max, as it was before any namespace was entered */

START_TEST(a_batch_for_another_generation_changes_nothing)
{
	struct ruleset *wanted = sample_everything();
	struct refusal refusal;
	struct delta *delta;
	uint32_t generation;
	bool exists;

	ck_assert_int_eq(table_exists(kernel, &exists, &generation), 0);
	ck_assert_int_eq(ruleset_diff(NULL, wanted, &delta), 0);
	ck_assert_int_eq(namespace_run("nft add table inet other", NULL), 0);
	ck_assert_int_eq(table_commit(kernel, delta, generation, &refusal), COMMIT_STALE);
	ck_assert(!table_is_there());
	delta_free(delta);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_refused_element_leads_back_to_its_line)
{
	struct ruleset *wanted = sample_ranges(true);
	struct applied applied;
	char text[32];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/28", i / 256, i % 256);
		sample_add(wanted, text, "one", i + 1);
	}
	/* The compiler never makes overlapping ranges; the kernel has the last word. */
	sample_add(wanted, "10.9.9.3-10.9.9.40", "one", 4711);
	sample_finish(wanted);
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), APPLY_REFUSED);
	ck_assert_str_eq(applied.refusal.at.file, "sample.conf");
	ck_assert_uint_eq(applied.refusal.at.line, 4711);
	ck_assert_ptr_nonnull(strstr(applied.refusal.text, "10.9.9.3-10.9.9.40"));
	ck_assert(!table_is_there());
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_refused_rule_leads_back_to_its_line_and_the_old_table_stays)
{
	struct ruleset *before = sample_everything(), *wanted = sample_everything();
	struct builder b = {.ruleset = wanted};
	struct location at = {.file = "sample.conf", .line = 12};
	struct applied applied;

	RULE(&b, "forward", "broken", at, {.kind = VERDICT_JUMP, .name = "nowhere"});
	sample_finish(wanted);
	sample_apply(kernel, before);
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), APPLY_REFUSED);
	ck_assert_int_eq(applied.refusal.error, -ENOENT);
	ck_assert_uint_eq(applied.refusal.at.line, 12);
	ck_assert_ptr_nonnull(strstr(applied.refusal.text, "\"broken\""));
	sample_check(kernel, before);
	ruleset_free(before);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_comment_that_is_too_long_is_refused_before_anything_is_sent)
{
	struct ruleset *wanted = sample_rules(1);
	struct applied applied;
	char comment[301];

	memset(comment, 'x', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	wanted->chains.items[0].rules.items[0].comment = comment;
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), APPLY_REFUSED);
	ck_assert_int_eq(applied.refusal.error, -E2BIG);
	ck_assert(!table_is_there());
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_receive_buffer_of_two_kilobytes_does_not_hide_a_commit)
{
	struct ruleset *wanted = sample_rules(1500);

	ck_assert_int_eq(kernel_receive_buffer(kernel, 2048), 0);
	ck_assert(sample_apply(kernel, wanted).changed);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_receive_buffer_of_two_kilobytes_does_not_hide_a_refusal)
{
	struct ruleset *wanted = sample_rules(0);
	struct builder b = {.ruleset = wanted};
	struct applied applied;

	for (unsigned i = 0; i < 1000; i++)
		RULE(&b, "rules", NULL, (struct location){.line = i + 1},
		     {.kind = VERDICT_JUMP, .name = "nowhere"});
	sample_finish(wanted);
	ck_assert_int_eq(kernel_receive_buffer(kernel, 2048), 0);
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), APPLY_REFUSED);
	ck_assert_uint_eq(applied.refusal.at.line, 1);
	ck_assert(!table_is_there());
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_commit_whose_answer_is_lost_is_unknown_and_found_by_reading_back)
{
	struct ruleset *wanted = sample_rules(3);
	struct wire wire = {};
	struct refusal refusal;
	struct delta *delta;
	uint32_t generation;

	ck_assert_int_eq(kernel_generation(kernel, &generation), 0);
	ck_assert_int_eq(ruleset_diff(NULL, wanted, &delta), 0);
	/* Answers that nobody reads fill the buffer, so that there is no room for the commit's. */
	ck_assert_int_eq(kernel_receive_buffer(kernel, 2048), 0);
	table_request(&wire, kernel, NFT_MSG_GETGEN, 0);
	wire_end(&wire);
	for (unsigned i = 0; i < 100; i++)
		(void)send(kernel_commit_fd(kernel), wire.bytes, wire.length, 0);
	ck_assert_int_eq(table_commit(kernel, delta, generation, &refusal), COMMIT_UNKNOWN);
	sample_check(kernel, wanted);
	wire_done(&wire);
	delta_free(delta);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_batch_too_big_for_the_send_buffer_is_refused_and_the_old_table_stays)
{
	if (namespace_has_force_options()) {
		printf("skipped: without a user namespace the kernel gives us any send buffer\n");
		return;
	}
	/* The kernel doubles what is asked for, and an element is more than 32 bytes. */
	struct ruleset *before = sample_addresses(100);
	struct ruleset *wanted = sample_addresses(send_limit * 2 / 32);
	struct applied applied;

	sample_apply(kernel, before);
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), APPLY_REFUSED);
	ck_assert_int_eq(applied.refusal.error, -EMSGSIZE);
	sample_check(kernel, before);
	ruleset_free(before);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_hundred_thousand_elements_go_in_one_batch_and_one_more_alone)
{
	struct ruleset *wanted = sample_addresses(100000), *more = sample_addresses(100001);
	struct applied applied = sample_apply(kernel, wanted);

	ck_assert_uint_eq(applied.elements_added, 100000);
	sample_check(kernel, wanted);
	applied = sample_apply(kernel, more);
	ck_assert_uint_eq(applied.elements_added, 1);
	ck_assert_uint_eq(applied.elements_deleted, 0);
	ck_assert_uint_eq(applied.sets_added, 0);
	sample_check(kernel, more);
	ruleset_free(wanted);
	ruleset_free(more);
}
END_TEST

static size_t read_send_limit(void)
{
	FILE *file = fopen("/proc/sys/net/core/wmem_max", "re");
	size_t limit = 0;

	if (!file || fscanf(file, "%zu", &limit) != 1)
		limit = 0;
	if (file)
		fclose(file);
	return limit;
}

int main(void)
{
	Suite *suite = suite_create("kernel commit");
	TCase *poor = tcase_create("in a user namespace");
	TCase *rich = tcase_create("as root");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(poor, 120);
	tcase_add_checked_fixture(poor, setup, teardown);
	tcase_add_test(poor, a_batch_for_another_generation_changes_nothing);
	tcase_add_test(poor, a_refused_element_leads_back_to_its_line);
	tcase_add_test(poor, a_refused_rule_leads_back_to_its_line_and_the_old_table_stays);
	tcase_add_test(poor, a_comment_that_is_too_long_is_refused_before_anything_is_sent);
	tcase_add_test(poor, a_receive_buffer_of_two_kilobytes_does_not_hide_a_commit);
	tcase_add_test(poor, a_receive_buffer_of_two_kilobytes_does_not_hide_a_refusal);
	tcase_add_test(poor, a_commit_whose_answer_is_lost_is_unknown_and_found_by_reading_back);
	send_limit = read_send_limit();
	if (send_limit > 0 && send_limit <= 16 * 1024 * 1024)
		tcase_add_test(
		        poor,
		        a_batch_too_big_for_the_send_buffer_is_refused_and_the_old_table_stays);
	else
		puts("skipped: net.core.wmem_max is too large to be exceeded");
	suite_add_tcase(suite, poor);

	if (namespace_network_possible()) {
		tcase_set_timeout(rich, 120);
		tcase_add_checked_fixture(rich, setup_network, teardown);
		tcase_add_test(rich,
		               a_hundred_thousand_elements_go_in_one_batch_and_one_more_alone);
		suite_add_tcase(suite, rich);
	} else {
		puts("skipped: big batches need a send buffer that only root may ask for");
	}
	return run_suite(suite);
}
