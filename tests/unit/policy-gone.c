/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "golden.h"
#include "past-fixture.h"
#include "policy/load.h"
#include "ruleset/compile.h"
#include "ruleset/diff.h"
#include "track/ledger.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A reload frees the policy before. What is still there then, and was made of that policy, has
 * strings of its own; a build with sanitizers reports any other.
 */

#define ENTRIES 2000 /* many slices of a save */
#define EVERY   (20 * USEC_PER_MSEC)

static const struct policy *load(const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct problems problems = {};
	struct policy *policy;
	ck_assert_int_gt(asprintf(&path, "%s/%s", EGRESSD_SOURCE_ROOT, name), 0);
	ck_assert_int_eq(policy_load(path, NULL, &problems, &policy), 0);
	return policy;
}

/* Nobody else keeps it. */
static void forget(const struct policy *policy)
{
	policy_free((struct policy *)(uintptr_t)policy);
}

static const struct ledger_entry *note_lent(struct ledger *ledger, unsigned number,
                                            const char *host)
{
	struct packet packet = {.protocol = 6, .has_ports = true, .destination_port = 25};
	struct expected_entry expected;
	const uint8_t source[4] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};
	packet.source = packet.destination = address_from_bytes(FAMILY_IPV4, source);
	ledger_expect(ledger, &packet, REASON_ROLE, &expected);
	return ledger_note_expected(ledger, &expected, &packet, host, "desk", NULL, true,
	                            1000 + number);
}

START_TEST(an_entry_that_was_saved_has_the_names_of_a_policy_that_is_gone)
{
	_cleanup_(ledger_freep) struct ledger *ledger = NULL;
	char *host = strdup("the-name-of-a-host-of-before");
	struct ledger_saved saved;
	ck_assert_int_eq(ledger_new(8, &ledger), 0);
	ledger_save(note_lent(ledger, 1, host), &saved);
	ledger_keep_names(ledger);
	free(host);
	ck_assert_str_eq(saved.host, "the-name-of-a-host-of-before");
	ck_assert_str_eq(saved.role, "desk");
	ck_assert_uint_eq(saved.noted.last, 1001);
	ck_assert_str_eq(ledger_host(ledger_first(ledger, NULL)), saved.host);
}
END_TEST

START_TEST(a_ledger_of_another_size_has_the_names_of_a_policy_that_is_gone)
{
	_cleanup_(ledger_freep) struct ledger *ledger = NULL;
	char *host = strdup("the-name-of-a-host-of-before");
	ck_assert_int_eq(ledger_new(8, &ledger), 0);
	note_lent(ledger, 1, host);
	ck_assert_int_eq(ledger_resize(&ledger, 16), 0);
	free(host);
	ck_assert_str_eq(ledger_host(ledger_first(ledger, NULL)), "the-name-of-a-host-of-before");
	ck_assert_str_eq(ledger_role(ledger_first(ledger, NULL)), "desk");
}
END_TEST

/* Lets the loop turn until there is such a file, or none any more. */
static void turn_until(struct run *run, const char *path, bool there)
{
	while ((access(path, F_OK) == 0) != there)
		ck_assert_int_ge(sd_event_run(run->event, 20 * USEC_PER_SEC), 0);
}

START_TEST(a_reload_between_two_slices_of_a_save_changes_no_name_in_it)
{
	char directory[] = "/tmp/egressd-test-XXXXXX", file[64], draft[72];
	char *host = strdup("the-name-of-a-host-of-before");
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/" PAST_LEDGER_NAME, directory);
	snprintf(draft, sizeof(draft), "%s.new", file);
	begin_writing_every(&run, directory, EVERY);
	for (unsigned i = 0; i < ENTRIES; i++)
		note_lent(events_ledger(run.events), i, host);

	turn_until(&run, draft, true);
	ledger_keep_names(events_ledger(run.events));
	free(host);
	ck_assert_msg(access(file, F_OK) != 0, "it is not written in one turn");
	turn_until(&run, draft, false);
	end(&run);

	unsigned count = 0;
	begin_writing_every(&run, directory, EVERY);
	const struct ledger *ledger = events_ledger(run.events);
	for (const struct ledger_entry *e = ledger_first(ledger, NULL); e;
	     e = ledger_next(ledger, NULL, e), count++) {
		ck_assert_str_eq(ledger_host(e), "the-name-of-a-host-of-before");
		ck_assert_str_eq(ledger_role(e), "desk");
	}
	ck_assert_uint_eq(count, ENTRIES);
	end(&run);
	unlink(file);
	rmdir(directory);
}
END_TEST

static bool is_of_file(struct location at)
{
	return at.file && strstr(at.file, ".conf");
}

/* How many of its parts tell the file that they are written in. */
static size_t count_places(const struct ruleset *ruleset)
{
	size_t count = 0;
	ARRAY_FOREACH (counter, &ruleset->counters)
		count += is_of_file(counter->at);
	ARRAY_FOREACH (helper, &ruleset->helpers)
		count += is_of_file(helper->at);
	ARRAY_FOREACH (chain, &ruleset->chains) {
		count += is_of_file(chain->at);
		ARRAY_FOREACH (rule, &chain->rules)
			count += is_of_file(rule->at);
	}
	ARRAY_FOREACH (set, &ruleset->sets) {
		count += is_of_file(set->at);
		ARRAY_FOREACH (element, &set->elements)
			count += is_of_file(element_location(ruleset, element));
	}
	return count;
}

/* What is known of the kernel's table is the ruleset that was committed. */
START_TEST(a_table_that_is_known_outlives_its_policy)
{
	_cleanup_(ruleset_freep) struct ruleset *known = NULL, *wanted = NULL;
	_cleanup_(delta_freep) struct delta *delta = NULL;
	const struct policy *before = load("tests/golden/everything.conf");
	const struct policy *after = load("tests/golden/everything.conf");
	ck_assert_int_eq(ruleset_compile(before, 0, &known), 0);
	ck_assert_int_eq(ruleset_compile(after, 0, &wanted), 0);
	size_t places = count_places(known);
	forget(before);

	ck_assert_uint_gt(places, 100);
	ck_assert_uint_eq(count_places(known), places);
	_cleanup_free_ char *text = print_ruleset(known);
	assert_golden(text, "everything.nft");
	ck_assert_int_eq(ruleset_diff(known, wanted, &delta), 0);
	ck_assert_uint_eq(delta->steps.count, 0);
	forget(after);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-gone");
	TCase *tests = tcase_create("policy-gone");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, an_entry_that_was_saved_has_the_names_of_a_policy_that_is_gone);
	tcase_add_test(tests, a_ledger_of_another_size_has_the_names_of_a_policy_that_is_gone);
	tcase_add_test(tests, a_reload_between_two_slices_of_a_save_changes_no_name_in_it);
	tcase_add_test(tests, a_table_that_is_known_outlives_its_policy);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
