/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"
#include "sample.h"

#include "kernel/read.h"
#include "kernel/wire.h"
#include "ruleset/build.h"
#include "ruleset/print.h"

#include <check.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct kernel *kernel;
static size_t send_limit; /* net.core.wmem_max, as it was before any namespace was entered */

static void open_kernel(void)
{
	ck_assert_int_eq(kernel_open(&kernel), 0);
}

static void setup(void)
{
	namespace_enter();
	open_kernel();
}

static void setup_network(void)
{
	namespace_enter_network();
	open_kernel();
}

static void teardown(void)
{
	kernel = kernel_free(kernel);
}

static bool table_is_there(void)
{
	bool exists;
	uint32_t generation;

	ck_assert_int_eq(table_exists(kernel, &exists, &generation), 0);
	return exists;
}

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
	Suite *suite = suite_create("kernel table");
	TCase *poor = tcase_create("in a user namespace");
	TCase *rich = tcase_create("as root");

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
	tcase_add_test(poor, a_table_is_applied_while_another_process_commits_all_the_time);
	tcase_add_test(poor, a_removed_table_is_gone_and_others_stay);
	tcase_add_test(poor, a_table_that_another_socket_owns_is_read_but_not_changed);
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
