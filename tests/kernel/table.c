/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "table-fixture.h"

#include "kernel/read.h"
#include "ruleset/print.h"

#include <check.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

START_TEST(a_table_with_every_statement_and_set_type_reads_back_as_applied)
{
	struct ruleset *wanted = sample_everything();
	struct applied applied = sample_apply(kernel, wanted);

	ck_assert(applied.changed);
	ck_assert_uint_eq(applied.attempts, 1);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(applying_the_same_table_again_sends_nothing)
{
	struct ruleset *wanted = sample_everything();
	uint32_t generation = sample_apply(kernel, wanted).generation;
	struct applied applied = sample_apply(kernel, wanted);

	ck_assert(!applied.changed);
	ck_assert_uint_eq(applied.attempts, 0);
	ck_assert_uint_eq(applied.generation, generation);
	ruleset_free(wanted);
}
END_TEST

START_TEST(nft_lists_our_table_as_it_lists_the_printed_text_loaded_by_itself)
{
	struct ruleset *wanted = sample_everything();
	char *text = NULL, *ours, *theirs;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(out);
	sample_apply(kernel, wanted);
	ours = namespace_output("nft list table inet egressd");
	ck_assert_int_eq(ruleset_print(wanted, out), 0);
	fclose(out);

	namespace_enter_network();
	ck_assert_int_eq(namespace_run("nft -f -", text), 0);
	theirs = namespace_output("nft list table inet egressd");
	ck_assert_str_eq(ours, theirs);
	free(ours);
	free(theirs);
	free(text);
	ruleset_free(wanted);
}
END_TEST

START_TEST(what_nft_loads_from_the_printed_text_reads_back_as_ours)
{
	struct ruleset *wanted = sample_everything();
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(ruleset_print(wanted, out), 0);
	fclose(out);
	ck_assert_int_eq(namespace_run("nft -f -", text), 0);
	sample_check(kernel, wanted);
	free(text);
	ruleset_free(wanted);
}
END_TEST

static const char *const whole_ranges[] = {
        "0.0.0.0/0",
        "0.0.0.0",
        "255.255.255.255",
        "240.0.0.0/4",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "0.0.0.1-255.255.255.254",
        "::/0",
        "::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ff00::/8",
        "8000::/1",
};

START_TEST(ranges_at_the_ends_of_the_address_space_come_and_go)
{
	for (int map = 0; map <= 1; map++) {
		struct ruleset *none = sample_ranges(map);
		struct ruleset *wanted = sample_ranges(map);
		struct applied applied;

		sample_add(wanted, whole_ranges[_i], map ? "one" : NULL, 1);
		sample_finish(none);
		sample_finish(wanted);
		sample_apply(kernel, none);
		applied = sample_apply(kernel, wanted);
		ck_assert_uint_eq(applied.elements_added, 1);
		sample_check(kernel, wanted);
		applied = sample_apply(kernel, none);
		ck_assert_uint_eq(applied.elements_deleted, 1);
		sample_check(kernel, none);
		ruleset_free(none);
		ruleset_free(wanted);
		ck_assert_int_eq(table_remove(kernel, &applied), 0);
	}
}
END_TEST

/* Cuts the addresses into pieces, some of them touching, some of them at the very ends. */
static struct ruleset *random_ranges(unsigned *seed)
{
	struct ruleset *ruleset = sample_ranges(true);
	uint32_t at = rand_r(seed) % 4 ? (uint32_t)rand_r(seed) % 1000 : 0;
	struct builder b = {.ruleset = ruleset};

	for (unsigned i = 0; i < 40; i++) {
		uint32_t room = UINT32_MAX - at,
		         length = (uint32_t)rand_r(seed) % 4 ? (uint32_t)rand_r(seed) % 200
		                                             : (uint32_t)rand_r(seed) % 100000000;
		uint32_t to = length < room ? at + length : UINT32_MAX;
		uint8_t from_key[4] = {(uint8_t)(at >> 24), (uint8_t)(at >> 16), (uint8_t)(at >> 8),
		                       (uint8_t)at};
		uint8_t to_key[4] = {(uint8_t)(to >> 24), (uint8_t)(to >> 16), (uint8_t)(to >> 8),
		                     (uint8_t)to};

		if (i == 39 && rand_r(seed) % 2)
			memset(to_key, 0xff, sizeof(to_key));
		build_range(&b, SAMPLE_SET4, from_key, to_key, 4, rand_r(seed) % 2 ? "one" : "two",
		            (struct location){});
		if (to >= UINT32_MAX - 1000)
			break;
		at = to + 1 + (rand_r(seed) % 2 ? 0 : (uint32_t)rand_r(seed) % 300);
	}
	sample_finish(ruleset);
	return ruleset;
}

START_TEST(any_disjoint_ranges_turn_into_any_others)
{
	unsigned seed = 7;

	for (unsigned i = 0; i < 60; i++) {
		struct ruleset *wanted = random_ranges(&seed);

		sample_apply(kernel, wanted);
		sample_check(kernel, wanted);
		ruleset_free(wanted);
	}
}
END_TEST

/* Shell commands that change our table behind our back. */
static const char *const tamperings[] = {
        "nft add table inet egressd '{ flags dormant; }'",
        "nft delete table inet egressd",
        "nft flush ruleset",
        "nft add chain inet egressd forward '{ policy accept; }'",
        "nft insert rule inet egressd forward accept",
        "nft add rule inet egressd forward accept",
        "nft add rule inet egressd forward ct state related meta l4proto '{ tcp, udp }' accept",
        "nft insert rule inet egressd forward tcp dport vmap '{ 22 : accept }'",
        "nft insert rule inet egressd forward jump '{ accept; }'",
        "nft insert rule inet egressd forward limit rate 10/second accept",
        "nft flush chain inet egressd refuse",
        "nft add chain inet egressd stranger",
        "nft add chain inet egressd hole '{ type filter hook forward priority -5; }'",
        "nft add chain inet egressd nat '{ type nat hook prerouting priority -5; }'",
        "nft add set inet egressd stranger '{ type ipv4_addr; flags timeout; }'",
        "nft add set inet egressd stranger '{ type ipv4_addr . mark; }'",
        "nft add map inet egressd stranger '{ type ipv4_addr : mark; }'",
        "nft add element inet egressd host4 '{ 203.0.113.9 }'",
        "nft delete element inet egressd host4 '{ 192.0.2.1 }'",
        "nft add element inet egressd net4 '{ 203.0.113.0/24 }'",
        "nft delete element inet egressd net4 '{ 240.0.0.0/4 }'",
        "nft add element inet egressd source4 '{ 203.0.113.9 : accept }'",
        "nft add element inet egressd source4 '{ 203.0.113.9 : goto role_desk }'",
        "nft delete element inet egressd source4 '{ 192.0.2.2 : goto refuse }'",
        "nft add element inet egressd source_net6 '{ ::/64 : drop }'",
        "nft flush set inet egressd services",
        "nft add counter inet egressd stranger",
        "nft add quota inet egressd stranger '{ 1 mbytes }'",
        "nft add limit inet egressd stranger '{ rate 1/second ; }'",
        "nft add chain inet egressd stranger '{ type filter hook forward priority -5; }'; "
        "nft add quota inet egressd q '{ 1 mbytes }'; "
        "nft add rule inet egressd stranger quota name q accept",
};

START_TEST(what_others_change_is_found_and_repaired)
{
	struct ruleset *wanted = sample_everything();
	struct applied applied;

	sample_apply(kernel, wanted);
	ck_assert_int_eq(namespace_run(tamperings[_i], NULL), 0);
	ck_assert(sample_differs(kernel, wanted));
	applied = sample_apply(kernel, wanted);
	ck_assert(applied.changed);
	ck_assert_uint_eq(applied.attempts, 1);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
}
END_TEST

/* A bucket of the sample, and others that are not the same. */
#define BUCKET "limit rate 10/second burst 100 packets\n\t\ttimeout 10s"
static const char *const other_buckets[] = {
        "limit rate over 10/second burst 100 packets\n\t\ttimeout 10s",
        "limit rate 11/second burst 100 packets\n\t\ttimeout 10s",
        "limit rate 10/minute burst 100 packets\n\t\ttimeout 10s",
        "limit rate 10/second burst 101 packets\n\t\ttimeout 10s",
        "limit rate 10 kbytes/second burst 100 bytes\n\t\ttimeout 10s",
        "limit rate 10/second burst 100 packets\n\t\ttimeout 11s",
        "limit rate 10/second burst 100 packets",
        "limit rate 10/second burst 100 packets counter\n\t\ttimeout 10s",
        "counter\n\t\ttimeout 10s",
        "timeout 10s",
};

START_TEST(a_bucket_that_is_not_the_wanted_one_is_made_anew)
{
	struct ruleset *wanted = sample_everything();
	_cleanup_free_ char *text = NULL, *other = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	char *bucket;

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(ruleset_print(wanted, out), 0);
	fclose(out);
	bucket = strstr(text, BUCKET);
	ck_assert_ptr_nonnull(bucket);
	*bucket = '\0';
	ck_assert_int_gt(
	        asprintf(&other, "%s%s%s", text, other_buckets[_i], bucket + strlen(BUCKET)), 0);
	ck_assert_int_eq(namespace_run("nft -f -", other), 0);
	ck_assert(sample_differs(kernel, wanted));
	ck_assert_uint_eq(sample_apply(kernel, wanted).sets_added, 1);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_table_is_applied_while_another_process_commits_all_the_time)
{
	struct ruleset *one = sample_everything(), *two = sample_ranges(true);
	struct applied applied;
	pid_t child;

	sample_finish(two);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (;;)
			if (system("nft add table inet other; nft delete table inet other") != 0)
				_exit(1);
	}
	for (unsigned i = 0; i < 20; i++) {
		struct ruleset *wanted = i % 2 ? one : two;
		int r = table_apply(kernel, wanted, &applied);

		ck_assert_msg(r == 0 || r == APPLY_BUSY, "%d: %s", r, applied.refusal.text);
		if (r == 0)
			sample_check(kernel, wanted);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ruleset_free(one);
	ruleset_free(two);
}
END_TEST

START_TEST(a_removed_table_is_gone_and_others_stay)
{
	struct ruleset *wanted = sample_everything();
	struct applied applied;

	ck_assert_int_eq(namespace_run("nft add table inet other", NULL), 0);
	sample_apply(kernel, wanted);
	ck_assert_int_eq(table_remove(kernel, &applied), 0);
	ck_assert(applied.changed);
	ck_assert(!table_is_there());
	ck_assert_int_eq(table_remove(kernel, &applied), 0);
	ck_assert(!applied.changed);
	ck_assert_int_eq(namespace_run("nft list table inet other >/dev/null", NULL), 0);
	ruleset_free(wanted);
}
END_TEST

START_TEST(a_table_that_another_socket_owns_is_read_but_not_changed)
{
	struct ruleset *owned = ruleset_new(), *wanted = sample_ranges(true);
	struct step step = {.kind = STEP_ADD_TABLE, .ruleset = owned};
	struct delta delta = {.steps = {.items = &step, .count = 1}};
	struct kernel *owner;
	struct applied applied;
	struct refusal refusal;

	sample_finish(wanted);
	owned->flags = NFT_TABLE_F_OWNER;
	ck_assert_int_eq(kernel_open(&owner), 0);
	ck_assert_int_eq(table_commit(owner, &delta, 0, &refusal), 0);
	sample_check(kernel, owned);
	ck_assert_int_eq(table_apply(kernel, wanted, &applied), APPLY_REFUSED);
	ck_assert_int_eq(applied.refusal.error, -EPERM);
	sample_check(kernel, owned);
	kernel_free(owner);
	/* It is gone with its owner, and no generation tells of that. */
	sample_apply(kernel, wanted);
	sample_check(kernel, wanted);
	ruleset_free(owned);
	ruleset_free(wanted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel table");
	TCase *poor = tcase_create("in a user namespace");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(poor, 120);
	tcase_add_checked_fixture(poor, setup, teardown);
	tcase_add_test(poor, a_table_with_every_statement_and_set_type_reads_back_as_applied);
	tcase_add_test(poor, applying_the_same_table_again_sends_nothing);
	tcase_add_test(poor, nft_lists_our_table_as_it_lists_the_printed_text_loaded_by_itself);
	tcase_add_test(poor, what_nft_loads_from_the_printed_text_reads_back_as_ours);
	tcase_add_loop_test(poor, ranges_at_the_ends_of_the_address_space_come_and_go, 0,
	                    ELEMENTS_OF(whole_ranges));
	tcase_add_test(poor, any_disjoint_ranges_turn_into_any_others);
	tcase_add_loop_test(poor, what_others_change_is_found_and_repaired, 0,
	                    ELEMENTS_OF(tamperings));
	tcase_add_loop_test(poor, a_bucket_that_is_not_the_wanted_one_is_made_anew, 0,
	                    ELEMENTS_OF(other_buckets));
	tcase_add_test(poor, a_table_is_applied_while_another_process_commits_all_the_time);
	tcase_add_test(poor, a_removed_table_is_gone_and_others_stay);
	tcase_add_test(poor, a_table_that_another_socket_owns_is_read_but_not_changed);
	suite_add_tcase(suite, poor);
	return run_suite(suite);
}
