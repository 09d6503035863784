/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "golden.h"
#include "policy-text.h"
#include "requests.h"

#include "ruleset/compile.h"
#include "ruleset/diff.h"
#include "ruleset/recover.h"

#include <errno.h>

/* What is asked for at run time, as parts of the table. */

static struct policy *policy;
static struct requests requests;
static struct delta *delta;

static void setup(void)
{
	struct problems problems = {};
	_cleanup_free_ char *path = NULL;
	ck_assert_int_gt(asprintf(&path, "%s/tests/golden/runtime.conf", EGRESSD_SOURCE_ROOT), 0);
	ck_assert_int_eq(policy_load(path, NULL, &problems, &policy), 0);
	requests = (struct requests){.next_id = 1};
}

static void teardown(void)
{
	delta = delta_free(delta);
	policy = policy_free(policy);
	requests_done(&requests);
}

/* As if it were read back: every rule has a handle. */
static struct ruleset *compile_at(usec_t now)
{
	struct ruleset *ruleset = NULL;
	uint64_t handle = 1;
	bind_all(policy, &requests, now);
	ck_assert_int_eq(ruleset_compile(policy, now, &ruleset), 0);
	ARRAY_FOREACH (chain, &ruleset->chains)
		ARRAY_FOREACH (rule, &chain->rules)
			rule->handle = handle++;
	return ruleset;
}

/* The steps from one to the other, which stay in `delta`. */
static void assert_difference(const struct ruleset *have, const struct ruleset *wanted,
                              const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	delta = delta_free(delta);
	ck_assert_int_eq(ruleset_diff(have, wanted, &delta), 0);
	FILE *out = open_memstream(&text, &size);
	delta_print(delta, out);
	fclose(out);
	ck_assert_str_eq(text, expected);
}

START_TEST(requests_of_every_kind_compile_to_their_golden_table)
{
	ask(&requests, assignment_of("192.168.0.50", "admin", 0));
	ask(&requests, assignment_of("192.168.2.3", "desk", 90 * USEC_PER_SEC));
	ask(&requests, assignment_of("192.168.5.5", "print", 26 * HOUR));
	ask(&requests, assignment_of("2001:db8::50", "admin", HOUR));
	ask(&requests, assignment_of("10.9.9.9", "router", HOUR));
	ask(&requests, permit_of("office", "https", NULL, 2 * HOUR));
	ask(&requests, permit_of("office", "ftp", "role:desk", 2 * HOUR));
	ask(&requests, permit_of("boss", "ping", "loghost", 2 * HOUR));
	ask(&requests, permit_of("bound", "tcp/5000-6000", "host:printers", 2 * HOUR));
	ask(&requests, permit_of("roaming", "gre", NULL, 2 * HOUR));
	ask(&requests, permit_of("gateway", "udp/7-9", NULL, 2 * HOUR));
	ask(&requests, permit_of("192.168.0.50", "https", "loghost", 2 * HOUR));
	ask(&requests, permit_of("10.8.8.8", "dns", NULL, 2 * HOUR));
	ask(&requests, quarantine_of("office", HOUR));
	ask(&requests, quarantine_of("192.168.0.50", 0));
	ask(&requests, quarantine_of("10.8.8.8", HOUR));
	ask(&requests, quarantine_of("2001:db8::50", 26 * HOUR));
	ask(&requests, quarantine_of("boss", HOUR));
	ask(&requests, quarantine_of("roaming", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *ruleset = compile_at(ASKED_AT);
	_cleanup_free_ char *text = print_ruleset(ruleset);
	assert_golden(text, "runtime.nft");
}
END_TEST

START_TEST(the_open_pickup_window_compiles_to_its_golden_table)
{
	ask(&requests, assignment_of("10.9.9.9", "router", HOUR));
	ask(&requests, permit_of("office", "ftp", "role:desk", 2 * HOUR));
	ask(&requests, permit_of("10.8.8.8", "dns", NULL, 2 * HOUR));
	ask(&requests, quarantine_of("office", HOUR));
	ask(&requests, pickup_of(120 * USEC_PER_SEC));
	_cleanup_(ruleset_freep) struct ruleset *ruleset = compile_at(ASKED_AT);
	_cleanup_free_ char *text = print_ruleset(ruleset);
	assert_golden(text, "pickup.nft");
}
END_TEST

START_TEST(a_window_that_opens_again_is_nothing_but_elements)
{
	ask(&requests, pickup_of(120 * USEC_PER_SEC));
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	ask(&requests, pickup_of(600 * USEC_PER_SEC));
	_cleanup_(ruleset_freep) struct ruleset *after = compile_at(ASKED_AT);
	ck_assert_int_eq(ruleset_diff(before, after, &delta), 0);
	ck_assert_uint_eq(delta->rules_added + delta->rules_deleted, 0);
	ck_assert(!delta_can_deny(delta));
}
END_TEST

START_TEST(rules_for_what_was_picked_up_stay_when_the_window_closes)
{
	ask(&requests, pickup_of(120 * USEC_PER_SEC));
	requests.picked_up = true;
	_cleanup_(ruleset_freep) struct ruleset *closed = compile_at(ASKED_AT + HOUR);
	ck_assert_ptr_nonnull(ruleset_set(closed, "picked_up4"));
	ck_assert_ptr_nonnull(ruleset_chain(closed, "swapped_outbound_desk"));
	ck_assert_ptr_null(ruleset_set(closed, "pickup_window"));
	requests.picked_up = false;
	_cleanup_(ruleset_freep) struct ruleset *without = compile_at(ASKED_AT + HOUR);
	ck_assert_ptr_null(ruleset_set(without, "picked_up4"));
	ck_assert_ptr_null(ruleset_chain(without, "swapped_outbound_desk"));
}
END_TEST

START_TEST(an_assignment_to_a_role_that_has_one_is_elements_and_no_rules)
{
	ask(&requests, assignment_of("10.9.9.8", "desk", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	ask(&requests, assignment_of("10.9.9.9", "desk", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *after = compile_at(ASKED_AT);
	assert_difference(before, after,
	                  "add 1 to set assigned_address4\n"
	                  "add 1 to set assigned_to_desk_4\n");
	assert_difference(after, before,
	                  "delete 1 of set assigned_address4\n"
	                  "delete 1 of set assigned_to_desk_4\n");
	ck_assert(delta_can_deny(delta));
}
END_TEST

/* Only the sets of assignments, of the table that was compiled before. */
static struct ruleset *assignments_of(const struct ruleset *have)
{
	struct ruleset *ruleset = NULL;
	struct runtime *runtime = NULL;
	struct problems problems = {};
	ck_assert_int_eq(runtime_bind(policy, &requests, ASKED_AT, &problems, &runtime), 0);
	ck_assert(problems_empty(&problems));
	runtime_free(policy_use_runtime(policy, runtime));
	int r = ruleset_assignments(policy, ASKED_AT, have, &ruleset);
	ck_assert(r == 0 || r == -ENOENT);
	return ruleset;
}

START_TEST(the_sets_of_assignments_can_be_made_alone_as_the_whole_table_has_them)
{
	ask(&requests, assignment_of("10.9.9.8", "desk", HOUR));
	ask(&requests, assignment_of("2001:db9::1", "desk", 0));
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	ask(&requests, assignment_of("10.9.9.9", "desk", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *alone = assignments_of(before);
	_cleanup_(ruleset_freep) struct ruleset *whole = compile_at(ASKED_AT);
	ck_assert_ptr_nonnull(alone);
	ck_assert_uint_ge(alone->sets.count, 3);
	ARRAY_FOREACH (set, &alone->sets) {
		const struct set *other = ruleset_set(whole, set->name);
		ck_assert_ptr_nonnull(other);
		ck_assert_uint_eq(set->elements.count, other->elements.count);
		for (size_t i = 0; i < set->elements.count; i++) {
			const struct element *a = &set->elements.items[i];
			const struct element *b = &other->elements.items[i];
			ck_assert_int_eq(element_compare(a, b), 0);
			ck_assert_uint_eq(a->life->timeout, b->life->timeout);
			ck_assert_str_eq(a->life->comment, b->life->comment);
		}
	}
	ask(&requests, assignment_of("10.9.9.7", "print", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *more = assignments_of(before);
	ck_assert_ptr_null(more); /* that role needs rules */
}
END_TEST

START_TEST(time_that_passes_changes_nothing_until_the_end)
{
	ask(&requests, assignment_of("10.9.9.9", "router", HOUR));
	ask(&requests, permit_of("10.9.9.9", "https", NULL, HOUR));
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	_cleanup_(ruleset_freep) struct ruleset *after = compile_at(ASKED_AT + HOUR - 1);
	assert_difference(before, after, "");
	ck_assert_uint_eq(ruleset_set(before, "assigned_address4")->elements.items[0].life->timeout,
	                  3600);
	ck_assert_uint_eq(ruleset_set(before, "permit_2")->elements.items[0].life->timeout, 3600);
	ck_assert_uint_eq(ruleset_set(after, "assigned_address4")->elements.items[0].life->timeout,
	                  1);

	_cleanup_(ruleset_freep) struct ruleset *late = NULL;
	ck_assert_int_eq(ruleset_compile(policy, ASKED_AT + HOUR, &late), 0);
	ck_assert_uint_eq(ruleset_set(late, "assigned_address4")->elements.count, 0);
	ck_assert_ptr_null(ruleset_set(late, "permit_2"));
}
END_TEST

START_TEST(another_end_replaces_the_elements)
{
	ask(&requests, assignment_of("10.9.9.9", "router", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	ask(&requests, assignment_of("10.9.9.9", "router", 2 * HOUR));
	_cleanup_(ruleset_freep) struct ruleset *after = compile_at(ASKED_AT);
	assert_difference(before, after,
	                  "delete 1 of set assigned_address4\n"
	                  "delete 1 of set assigned_to_router_4\n"
	                  "add 1 to set assigned_address4\n"
	                  "add 1 to set assigned_to_router_4\n");
}
END_TEST

START_TEST(a_permit_comes_without_denying_and_goes_with_all_that_it_brought)
{
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	ask(&requests, permit_of("office", "https", NULL, HOUR));
	ask(&requests, permit_of("10.8.8.8", "https", NULL, HOUR));
	ask(&requests, permit_of("gateway", "https", NULL, HOUR));
	_cleanup_(ruleset_freep) struct ruleset *after = compile_at(ASKED_AT);
	ck_assert_int_eq(ruleset_diff(before, after, &delta), 0);
	ck_assert(delta->steps.count > 0);
	ck_assert(!delta_can_deny(delta));

	delta = delta_free(delta);
	ck_assert_int_eq(ruleset_diff(after, before, &delta), 0);
	ck_assert(delta_can_deny(delta));
}
END_TEST

START_TEST(a_quarantine_judges_no_flows_anew_when_it_comes_or_goes)
{
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	ask(&requests, quarantine_of("boss", HOUR));
	ask(&requests, quarantine_of("10.8.8.8", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *after = compile_at(ASKED_AT);
	ck_assert_int_eq(ruleset_diff(before, after, &delta), 0);
	ck_assert_uint_eq(delta->chains_added, 5);
	ck_assert(!delta_can_deny(delta));
	delta = delta_free(delta);
	ck_assert_int_eq(ruleset_diff(after, before, &delta), 0);
	ck_assert_uint_eq(delta->chains_deleted, 5);
	ck_assert(!delta_can_deny(delta));
	ARRAY_FOREACH (step, &delta->steps)
		ck_assert_int_ne(step->kind, STEP_DELETE_COUNTER);
}
END_TEST

START_TEST(one_more_in_quarantine_is_elements_and_of_two_ends_the_later_counts)
{
	struct ruleset *more = NULL;
	ask(&requests, quarantine_of("boss", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *before = compile_at(ASKED_AT);
	uint64_t other = ask(&requests, quarantine_of("192.168.0.9", 0));
	bind_all(policy, &requests, ASKED_AT);
	ck_assert_int_eq(ruleset_quarantine_sets(policy, ASKED_AT, before, &more), -ENOENT);
	requests_remove(&requests, other);

	const struct host *boss = policy_host(policy, "boss");
	char text[ADDRESS_TEXT_MAX];
	ask(&requests, quarantine_of(address_print(&boss->ranges[0].range.from, text), 2 * HOUR));
	bind_all(policy, &requests, ASKED_AT);
	ck_assert_int_eq(ruleset_quarantine_sets(policy, ASKED_AT, before, &more), 0);
	_cleanup_(ruleset_freep) struct ruleset *wanted = more;
	uint32_t longest = 0;
	ARRAY_FOREACH (set, &wanted->sets)
		ARRAY_FOREACH (element, &set->elements)
			longest =
			        element->life->timeout > longest ? element->life->timeout : longest;
	ck_assert_uint_eq(longest, 7200);
	_cleanup_(ruleset_freep) struct ruleset *whole = compile_at(ASKED_AT);
	ARRAY_FOREACH (set, &wanted->sets) {
		const struct set *same = ruleset_set(whole, set->name);
		ck_assert_ptr_nonnull(same);
		ck_assert_uint_eq(same->elements.count, set->elements.count);
		for (size_t i = 0; i < set->elements.count; i++)
			ck_assert_uint_eq(same->elements.items[i].life->timeout,
			                  set->elements.items[i].life->timeout);
	}
}
END_TEST

/* The table may outlive the requests that it was made of. */
START_TEST(a_ruleset_does_not_borrow_from_the_runtime)
{
	ask(&requests, assignment_of("10.9.9.9", "router", HOUR));
	ask(&requests, permit_of("office", "https", "loghost", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *ruleset = compile_at(ASKED_AT);
	runtime_free(policy_use_runtime(policy, NULL));
	_cleanup_free_ char *text = print_ruleset(ruleset);
	ck_assert_ptr_nonnull(strstr(text, "10.9.9.9 timeout 1h comment \"until"));
	ARRAY_FOREACH (file, &ruleset->files)
		ck_assert(strlen(*file) > 0);
}
END_TEST

/* As if it were read back so many seconds later. */
static void let_pass(struct ruleset *ruleset, uint32_t seconds)
{
	ARRAY_FOREACH (set, &ruleset->sets) {
		if (!set->timed)
			continue;
		ARRAY_FOREACH (element, &set->elements) {
			struct life *life = (struct life *)element->life;
			life->left = life->timeout ? life->timeout - seconds : 0;
		}
	}
}

/* The requests that the table alone tells of then are those of the list from now on. */
static struct recovered recover_at(struct ruleset *table, usec_t now)
{
	struct recovered recovered;
	requests_done(&requests);
	ck_assert_int_eq(ruleset_recover(table, now, &requests, &recovered), 0);
	return recovered;
}

START_TEST(a_table_tells_what_is_in_quarantine_and_assigned_so_that_nothing_in_it_changes)
{
	ask(&requests, assignment_of("192.168.0.50", "admin", 0));
	ask(&requests, assignment_of("10.9.9.9", "router", HOUR + 700));
	ask(&requests, assignment_of("2001:db8::50", "admin", HOUR));
	ask(&requests, quarantine_of("office", HOUR + 999999));
	ask(&requests, quarantine_of("192.168.0.50", 0));
	ask(&requests, quarantine_of("10.8.8.8", HOUR));
	ask(&requests, quarantine_of("2001:db8::51", 26 * HOUR));
	ask(&requests, quarantine_of("roaming", HOUR));
	ask(&requests, quarantine_of("root", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *table = compile_at(ASKED_AT);
	let_pass(table, 60);
	const usec_t later = ASKED_AT + 60 * USEC_PER_SEC;
	struct recovered recovered = recover_at(table, later);
	ck_assert_uint_eq(recovered.quarantines, 6);
	ck_assert_uint_eq(recovered.assignments, 3);
	ck_assert_uint_eq(recovered.permits + recovered.untold, 0);

	const struct request_entry *office = requests_quarantine(&requests, "office");
	ck_assert_ptr_nonnull(office);
	ck_assert_str_eq(office->user, "alice");
	ck_assert_str_eq(office->why, "a worm");
	ck_assert_uint_eq(office->uid, REQUEST_UID_UNKNOWN);
	ck_assert(!office->automatic);
	ck_assert_uint_eq(office->since, later);
	ck_assert_uint_ge(office->until, ASKED_AT + HOUR + 999999);
	ck_assert_uint_lt(office->until, ASKED_AT + HOUR + USEC_PER_SEC);
	_cleanup_(ruleset_freep) struct ruleset *again = compile_at(later);
	assert_difference(table, again, "");
}
END_TEST

START_TEST(an_end_goes_by_what_is_left_where_the_clock_was_set)
{
	ask(&requests, quarantine_of("10.8.8.8", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *table = compile_at(ASKED_AT);
	let_pass(table, 60);
	recover_at(table, ASKED_AT + 24 * HOUR);
	ck_assert_uint_eq(requests.list.items[0].until, ASKED_AT + 25 * HOUR - 60 * USEC_PER_SEC);
	recover_at(table, ASKED_AT - 24 * HOUR);
	ck_assert_uint_eq(requests.list.items[0].until, ASKED_AT - 23 * HOUR - 60 * USEC_PER_SEC);
}
END_TEST

START_TEST(permits_cannot_be_told_from_a_table_but_counted_and_their_numbers_are_not_given_again)
{
	ask(&requests, permit_of("office", "https", NULL, HOUR));
	ask(&requests, permit_of("10.8.8.8", "dns", NULL, 2 * HOUR));
	_cleanup_(ruleset_freep) struct ruleset *table = compile_at(ASKED_AT);
	ck_assert_uint_eq(recover_at(table, ASKED_AT + 60).permits, 2);
	ck_assert_uint_eq(requests.list.count, 0);
	ck_assert_uint_eq(requests.next_id, 3);
	ck_assert_uint_eq(recover_at(table, ASKED_AT + HOUR + USEC_PER_SEC).permits, 1);
}
END_TEST

/* The comment of the one element that is in quarantine in that table. */
static const char **comment_in(struct ruleset *table, const char *name)
{
	struct set *set = ruleset_set(table, name);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_eq(set->elements.count, 1);
	return &((struct life *)set->elements.items[0].life)->comment;
}

START_TEST(what_others_wrote_into_the_table_is_in_quarantine_as_far_as_it_tells_whom)
{
	static const char *const odd[] = {NULL,
	                                  "",
	                                  "by ",
	                                  "host ",
	                                  "host x",
	                                  "until ",
	                                  "a\nb",
	                                  "until 2026-11-18 10:53:20 UTC",
	                                  "by a\x1b[2J: \n",
	                                  "host a\nb, by x"};
	ask(&requests, quarantine_of("10.8.8.8", 0));
	ask(&requests, quarantine_of("roaming", 0));
	_cleanup_(ruleset_freep) struct ruleset *table = compile_at(ASKED_AT);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		bool told = odd[i] && strncmp(odd[i], "host a", 6) == 0;
		*comment_in(table, "quarantined4") = odd[i];
		*comment_in(table, "quarantined_desk_mac") = odd[i];
		struct recovered recovered = recover_at(table, ASKED_AT);
		ck_assert_uint_eq(recovered.quarantines, told ? 0 : 1);
		ck_assert_uint_eq(recovered.untold, told ? 2 : 1);
		ARRAY_FOREACH (request, &requests.list) {
			ck_assert_str_eq(request->host, "10.8.8.8");
			ck_assert_str_eq(request->user, "unknown");
			ck_assert_ptr_null(request->why);
		}
	}
}
END_TEST

START_TEST(a_set_of_quarantine_that_others_made_unreadable_is_counted)
{
	ask(&requests, quarantine_of("10.8.8.8", 0));
	ask(&requests, quarantine_of("root", 0));
	_cleanup_(ruleset_freep) struct ruleset *table = compile_at(ASKED_AT);
	ruleset_set(table, "quarantined4")->foreign = true;
	struct recovered recovered = recover_at(table, ASKED_AT);
	ck_assert_uint_eq(recovered.quarantines, 1);
	ck_assert_uint_eq(recovered.untold, 1);
}
END_TEST

START_TEST(what_is_known_of_a_request_is_not_replaced_by_what_the_table_tells)
{
	struct recovered recovered;
	ask(&requests, quarantine_of("root", HOUR));
	ask(&requests, assignment_of("10.9.9.9", "router", HOUR));
	_cleanup_(ruleset_freep) struct ruleset *table = compile_at(ASKED_AT);
	let_pass(table, 0);
	ck_assert_int_eq(ruleset_recover(table, ASKED_AT, &requests, &recovered), 0);
	ck_assert_uint_eq(requests.list.count, 2);
	ck_assert_uint_eq(recovered.quarantines + recovered.assignments, 0);
	ck_assert_uint_eq(requests.list.items[0].uid, 1000);
	ck_assert_uint_eq(requests.list.items[0].until, ASKED_AT + HOUR);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("ruleset");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, requests_of_every_kind_compile_to_their_golden_table);
	tcase_add_test(tests, the_open_pickup_window_compiles_to_its_golden_table);
	tcase_add_test(tests, a_window_that_opens_again_is_nothing_but_elements);
	tcase_add_test(tests, rules_for_what_was_picked_up_stay_when_the_window_closes);
	tcase_add_test(tests, an_assignment_to_a_role_that_has_one_is_elements_and_no_rules);
	tcase_add_test(tests,
	               the_sets_of_assignments_can_be_made_alone_as_the_whole_table_has_them);
	tcase_add_test(tests, time_that_passes_changes_nothing_until_the_end);
	tcase_add_test(tests, another_end_replaces_the_elements);
	tcase_add_test(tests, a_permit_comes_without_denying_and_goes_with_all_that_it_brought);
	tcase_add_test(tests, a_quarantine_judges_no_flows_anew_when_it_comes_or_goes);
	tcase_add_test(tests, one_more_in_quarantine_is_elements_and_of_two_ends_the_later_counts);
	tcase_add_test(tests, a_ruleset_does_not_borrow_from_the_runtime);
	tcase_add_test(
	        tests,
	        a_table_tells_what_is_in_quarantine_and_assigned_so_that_nothing_in_it_changes);
	tcase_add_test(tests, an_end_goes_by_what_is_left_where_the_clock_was_set);
	tcase_add_test(
	        tests,
	        permits_cannot_be_told_from_a_table_but_counted_and_their_numbers_are_not_given_again);
	tcase_add_test(tests,
	               what_others_wrote_into_the_table_is_in_quarantine_as_far_as_it_tells_whom);
	tcase_add_test(tests, what_is_known_of_a_request_is_not_replaced_by_what_the_table_tells);
	tcase_add_test(tests, a_set_of_quarantine_that_others_made_unreadable_is_counted);
	return run_tests(tests);
}
