/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"
#include "sample.h"

#include "kernel/ownership.h"
#include "kernel/read.h"
#include "ruleset/build.h"
#include "ruleset/compile.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kernel *kernel;
static struct ruleset *wanted;

static struct kernel *open_owner(void)
{
	struct kernel *opened;

	ck_assert_int_eq(kernel_open(&opened), 0);
	ck_assert_int_eq(owner_wish(opened, true), 0);
	return opened;
}

static void setup(void)
{
	namespace_enter();
	kernel = open_owner();
	wanted = sample_everything();
}

static void teardown(void)
{
	kernel = kernel_free(kernel);
	wanted = ruleset_free(wanted);
}

/* As it is now, read by somebody who has no part in it. */
static enum ownership whose(const struct kernel *asking)
{
	struct kernel *reader;
	struct ruleset *table;
	enum ownership ownership;
	uint32_t generation;

	ck_assert_int_eq(kernel_open_asking(&reader), 0);
	ck_assert_int_eq(table_read(reader, &table, &generation), 0);
	ownership = owner_of(asking, table);
	kernel_free(reader);
	ruleset_free(table);
	return ownership;
}

START_TEST(asking_whether_the_kernel_can_leaves_nothing_and_makes_no_generation)
{
	uint32_t before, after;

	ck_assert_int_eq(kernel_generation(kernel, &before), 0);
	ck_assert_int_eq(owner_possible(kernel), 1);
	ck_assert_int_eq(kernel_generation(kernel, &after), 0);
	ck_assert_uint_eq(before, after);
	ck_assert_int_eq(namespace_run("test -z \"$(nft list tables)\"", NULL), 0);
}
END_TEST

static const char *const attacks[] = {
        "nft add table inet egressd '{ flags dormant; }'",
        "nft delete table inet egressd",
        "nft add chain inet egressd forward '{ policy accept; }'",
        "nft insert rule inet egressd forward accept",
        "nft flush chain inet egressd forward",
        "nft add element inet egressd host4 '{ 203.0.113.9 }'",
        "nft flush set inet egressd services",
        "nft add counter inet egressd stranger",
        "nft add chain inet egressd stranger",
};

START_TEST(a_table_of_ours_is_changed_by_nobody_else_but_read_by_all)
{
	sample_apply(kernel, wanted);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
	ck_assert_int_ne(namespace_run(attacks[_i], NULL), 0);
	ck_assert_int_eq(namespace_run("nft flush ruleset", NULL), 0);
	ck_assert_int_eq(namespace_run("nft list table inet egressd | grep -q 'flags owner'", NULL),
	                 0);
	sample_check(kernel, wanted);
	ck_assert(!sample_apply(kernel, wanted).changed);
}
END_TEST

START_TEST(what_others_commit_elsewhere_does_not_have_our_table_read_again)
{
	const struct ruleset *before, *after;
	uint32_t then, now;

	sample_apply(kernel, wanted);
	ck_assert_int_eq(table_view(kernel, &before, &then), 0);
	ck_assert_int_eq(namespace_run("nft add table ip other", NULL), 0);
	ck_assert_int_eq(table_view(kernel, &after, &now), 0);
	ck_assert_uint_eq(now, then + 1);
	ck_assert_ptr_eq(before, after);
}
END_TEST

START_TEST(an_orphan_stays_and_its_next_owner_changes_nothing_but_that)
{
	struct applied applied;

	sample_apply(kernel, wanted);
	kernel_free(kernel);
	kernel = open_owner();
	ck_assert_int_eq(whose(kernel), OWNERSHIP_ORPHAN);
	applied = sample_apply(kernel, wanted);
	ck_assert(applied.changed);
	ck_assert_uint_eq(applied.attempts, 1);
	ck_assert_uint_eq(applied.rules_added + applied.rules_deleted + applied.sets_added +
	                          applied.chains_added,
	                  0);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
}
END_TEST

START_TEST(an_orphan_may_be_adopted_without_knowing_what_it_is_to_be)
{
	struct ruleset *have;
	uint32_t generation;

	sample_apply(kernel, wanted);
	kernel_free(kernel);
	kernel = open_owner();
	ck_assert_int_eq(table_read(kernel, &have, &generation), 0);
	ck_assert_int_eq(owner_adopt(kernel, have, generation), 0);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
	sample_check(kernel, wanted);
	ruleset_free(have);
}
END_TEST

START_TEST(an_orphan_that_was_put_to_sleep_wakes_in_the_batch_that_adopts_it)
{
	struct ruleset asleep = {.exists = true, .flags = NFT_TABLE_F_DORMANT | 4};
	struct step step = {.kind = STEP_ADD_TABLE, .ruleset = &asleep};
	struct delta delta = {.steps = {.items = &step, .count = 1}};
	struct kernel *attacker;
	struct refusal refusal;
	struct applied applied;

	sample_apply(kernel, wanted);
	kernel_free(kernel);
	ck_assert_int_eq(kernel_open(&attacker), 0);
	ck_assert_int_eq(table_commit(attacker, &delta, 0, &refusal), 0);
	kernel_free(attacker);

	kernel = open_owner();
	applied = sample_apply(kernel, wanted);
	ck_assert_uint_eq(applied.attempts, 1);
	sample_check(kernel, wanted);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
}
END_TEST

START_TEST(an_orphan_that_lacks_base_chains_is_adopted_and_gets_them)
{
	struct ruleset *closed;

	ck_assert_int_eq(ruleset_closed(&closed), 0);
	sample_apply(kernel, closed);
	ruleset_free(closed);
	kernel_free(kernel);
	kernel = open_owner();
	sample_apply(kernel, wanted);
	sample_check(kernel, wanted);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
}
END_TEST

START_TEST(a_sleeping_table_that_lost_base_chains_wakes_and_gets_them_back)
{
	ck_assert_int_eq(owner_wish(kernel, false), 0);
	sample_apply(kernel, wanted);
	ck_assert_int_eq(namespace_run("nft flush chain inet egressd output; "
	                               "nft delete chain inet egressd output && "
	                               "nft add table inet egressd '{ flags dormant; }'",
	                               NULL),
	                 0);
	sample_apply(kernel, wanted);
	sample_check(kernel, wanted);
}
END_TEST

START_TEST(a_dormant_table_is_woken_by_one_message_whatever_else_is_wrong_with_it)
{
	struct ruleset *have;
	uint32_t generation;

	ck_assert_int_eq(owner_wish(kernel, false), 0);
	sample_apply(kernel, wanted);
	ck_assert_int_eq(namespace_run("nft 'flush chain inet egressd refuse; "
	                               "add table inet egressd { flags dormant; }'",
	                               NULL),
	                 0);
	for (int dormant = 1; dormant >= 0; dormant--) {
		ck_assert_int_eq(table_header(kernel, &have, &generation), 0);
		ck_assert_int_eq(owner_wake(kernel, have, generation), dormant);
		ruleset_free(have);
	}
	ck_assert(sample_apply(kernel, wanted).changed);
	sample_check(kernel, wanted);
}
END_TEST

START_TEST(a_table_made_without_an_owner_never_gets_one_and_is_kept_right_all_the_same)
{
	ck_assert_int_eq(owner_wish(kernel, false), 0);
	sample_apply(kernel, wanted);
	ck_assert_int_eq(owner_wish(kernel, true), 0);
	ck_assert(!sample_apply(kernel, wanted).changed);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_NONE);
	ck_assert_int_eq(namespace_run("nft flush chain inet egressd forward", NULL), 0);
	ck_assert(sample_apply(kernel, wanted).changed);
	ck_assert_int_eq(namespace_run("nft delete table inet egressd", NULL), 0);
	sample_apply(kernel, wanted);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
}
END_TEST

START_TEST(a_table_that_is_not_to_be_ours_any_more_stays_and_may_be_changed)
{
	sample_apply(kernel, wanted);
	ck_assert_int_eq(owner_wish(kernel, false), 0);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_ORPHAN);
	ck_assert(!sample_apply(kernel, wanted).changed);
	ck_assert_int_eq(namespace_run("nft flush chain inet egressd forward", NULL), 0);
	ck_assert(sample_apply(kernel, wanted).changed);
	sample_check(kernel, wanted);
}
END_TEST

START_TEST(another_owner_is_a_refusal_until_its_socket_is_closed)
{
	struct kernel *other = open_owner();
	struct applied applied;

	sample_apply(other, wanted);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OTHERS);
	/* The table is just as it is wanted, and yet not ours. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(table_apply(kernel, wanted, &applied), APPLY_REFUSED);
		ck_assert_int_eq(applied.refusal.error, -EPERM);
	}
	ck_assert_int_eq(table_remove(kernel, &applied), APPLY_REFUSED);
	ck_assert_int_eq(applied.refusal.error, -EPERM);
	kernel_free(other);
	sample_apply(kernel, wanted);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
}
END_TEST

START_TEST(a_socket_that_was_handed_on_owns_what_it_owned)
{
	struct kernel *next = open_owner();
	int handed;

	sample_apply(kernel, wanted);
	handed = fcntl(kernel_commit_fd(kernel), F_DUPFD_CLOEXEC, 0);
	kernel_free(kernel);
	kernel = next;
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OTHERS);
	ck_assert_int_eq(kernel_take_commit_fd(kernel, handed), 0);
	ck_assert_int_eq(whose(kernel), OWNERSHIP_OURS);
	ck_assert(!sample_apply(kernel, wanted).changed);
	ck_assert_int_eq(namespace_run("nft delete table inet egressd 2>&1", NULL), 1);
}
END_TEST

START_TEST(no_other_descriptor_is_taken_for_the_owner)
{
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(kernel_take_commit_fd(kernel, pipes[0]), -ENOTSOCK);
	sample_apply(kernel, wanted);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

/* Asked in a process of its own, because check's assertions only work within its tests. */
static bool kernel_can(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct kernel *asking;

		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
			_exit(2);
		_exit(kernel_open(&asking) == 0 && owner_possible(asking) == 1 ? 0 : 1);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
	Suite *suite = suite_create("kernel ownership");
	TCase *c = tcase_create("owner");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	if (!kernel_can()) {
		puts("skipped: this kernel has no tables that outlive their owner (Linux 6.9)");
		return 77;
	}
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, asking_whether_the_kernel_can_leaves_nothing_and_makes_no_generation);
	tcase_add_loop_test(c, a_table_of_ours_is_changed_by_nobody_else_but_read_by_all, 0,
	                    ELEMENTS_OF(attacks));
	tcase_add_test(c, what_others_commit_elsewhere_does_not_have_our_table_read_again);
	tcase_add_test(c, an_orphan_stays_and_its_next_owner_changes_nothing_but_that);
	tcase_add_test(c, an_orphan_may_be_adopted_without_knowing_what_it_is_to_be);
	tcase_add_test(c, a_dormant_table_is_woken_by_one_message_whatever_else_is_wrong_with_it);
	tcase_add_test(c, an_orphan_that_was_put_to_sleep_wakes_in_the_batch_that_adopts_it);
	tcase_add_test(c, an_orphan_that_lacks_base_chains_is_adopted_and_gets_them);
	tcase_add_test(c, a_sleeping_table_that_lost_base_chains_wakes_and_gets_them_back);
	tcase_add_test(c,
	               a_table_made_without_an_owner_never_gets_one_and_is_kept_right_all_the_same);
	tcase_add_test(c, a_table_that_is_not_to_be_ours_any_more_stays_and_may_be_changed);
	tcase_add_test(c, another_owner_is_a_refusal_until_its_socket_is_closed);
	tcase_add_test(c, a_socket_that_was_handed_on_owns_what_it_owned);
	tcase_add_test(c, no_other_descriptor_is_taken_for_the_owner);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
