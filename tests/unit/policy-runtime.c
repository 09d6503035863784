/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"
#include "requests.h"

#include "policy/request_text.h"

#include <errno.h>

static const char office[] =
        "gateway = { inside = [ \"lan0\" ]; };\n"                                        /* 1 */
        "networks = { loghost = [ \"192.0.2.53\" ]; };\n"                                /* 2 */
        "services = { backup = [ \"tcp/8710\" ]; };\n"                                   /* 3 */
        "roles = { desk = { outbound = [ \"http\" ]; mode = \"audit\"; };\n"             /* 4 */
        "          server = { }; };\n"                                                   /* 5 */
        "hosts = ( { name = \"office\"; role = \"desk\"; address = \"10.0.0.0/8\"; },\n" /* 6 */
        "  { name = \"www1\"; role = \"server\"; address = \"10.0.0.80\"; },\n"          /* 7 */
        "  { name = \"gw\"; role = \"server\"; address = \"10.0.0.0/30\"; self = true; });\n";

static struct policy *policy;
static struct requests requests;

static void setup(void)
{
	policy = assert_loads(office);
	requests = (struct requests){.next_id = 1};
}

static void teardown(void)
{
	policy = policy_free(policy);
	requests_done(&requests);
}

static void assert_wrong(struct request_entry request, const char *expected)
{
	struct problems problems = {};
	ck_assert_int_eq(request_check(policy, &request, &problems), 0);
	_cleanup_free_ char *text = problems_text(&problems);
	ck_assert_str_eq(text, expected);
	problems_done(&problems);
	request_done(&request);
}

START_TEST(a_request_that_makes_sense_has_no_problems)
{
	assert_wrong(assignment_of("10.1.2.3", "desk", 0), "");
	assert_wrong(assignment_of("2001:db8::5", "server", HOUR), "");
	assert_wrong(permit_of("www1", "backup", NULL, HOUR), "");
	assert_wrong(permit_of("www1", "tcp/9999", "loghost", HOUR), "");
	assert_wrong(permit_of("office", "http", "host:www1", HOUR), "");
	assert_wrong(permit_of("gw", "dns", "role:server", HOUR), "");
	assert_wrong(permit_of("192.168.7.7", "ping", "192.0.2.0/24", HOUR), "");
}
END_TEST

START_TEST(an_unknown_name_is_refused_with_the_nearest_known_one)
{
	assert_wrong(assignment_of("10.1.2.3", "dsek", 0),
	             "assign: unknown role \"dsek\"; did you mean \"desk\"?\n");
	assert_wrong(assignment_of("10.1.2.3", "teletubby", 0),
	             "assign: unknown role \"teletubby\"; the configuration has none of that "
	             "name\n");
	assert_wrong(permit_of("www2", "http", NULL, HOUR),
	             "permit: unknown host \"www2\"; did you mean \"www1\"?\n");
	assert_wrong(permit_of("x", "http", NULL, HOUR),
	             "permit: unknown host \"x\"; name one of the configuration, or an address\n");
	assert_wrong(permit_of("www1", "backpu", NULL, HOUR),
	             "permit: unknown service \"backpu\"; did you mean \"backup\"?\n");
	assert_wrong(permit_of("www1", "http", "loghots", HOUR),
	             "permit: unknown network \"loghots\"; did you mean \"loghost\"?\n");
}
END_TEST

START_TEST(an_address_that_the_configuration_names_is_not_assigned)
{
	assert_wrong(assignment_of("10.0.0.80", "desk", 0),
	             "assign: 10.0.0.80 is already host \"www1\" at a.conf:7; change its role "
	             "there\n");
	assert_wrong(assignment_of("10.0.0.1", "desk", 0),
	             "assign: 10.0.0.1 is the gateway itself, host \"gw\" at a.conf:8\n");
	assert_wrong(permit_of("10.0.0.1", "http", NULL, HOUR),
	             "permit: 10.0.0.1 is the gateway itself; name it by its host, \"gw\"\n");
	assert_wrong(assignment_of("224.0.0.1", "desk", 0),
	             "assign: 224.0.0.1 is the address of no host\n");
	assert_wrong(assignment_of("::", "desk", 0), "assign: :: is the address of no host\n");
	assert_wrong(permit_of("ff02::1", "http", NULL, HOUR),
	             "permit: ff02::1 is the address of no host\n");
}
END_TEST

START_TEST(all_that_is_wrong_with_a_permit_is_said_at_once)
{
	struct request_entry request = permit_of("nowhere", "tcp/70000", "10.0.0.1/8", 0);
	free(request.why);
	request.why = NULL;
	assert_wrong(request,
	             "permit: a permit ends; say for how long it is needed\n"
	             "permit: a permit has a reason; say why\n"
	             "permit: unknown host \"nowhere\"; name one of the configuration, or an "
	             "address\n"
	             "permit: \"tcp/70000\": a port must be 1 to 65535\n"
	             "permit: 10.0.0.1/8 has host bits set; did you mean 10.0.0.0/8, or 10.0.0.1 "
	             "for the one address?\n");
}
END_TEST

START_TEST(a_quarantine_is_of_a_host_or_an_address_and_never_of_the_gateway)
{
	assert_wrong(quarantine_of("www1", 0), "");
	assert_wrong(quarantine_of("10.1.2.3", HOUR), "");
	assert_wrong(quarantine_of("192.168.7.7", HOUR), "");
	assert_wrong(quarantine_of("www2", HOUR),
	             "quarantine: unknown host \"www2\"; did you mean \"www1\"?\n");
	assert_wrong(quarantine_of("gw", HOUR),
	             "quarantine: gw is the gateway itself, host \"gw\" at a.conf:8, which is "
	             "never put in quarantine\n");
	assert_wrong(quarantine_of("10.0.0.1", HOUR),
	             "quarantine: 10.0.0.1 is the gateway itself, host \"gw\" at a.conf:8, which "
	             "is never put in quarantine\n");
	assert_wrong(quarantine_of("ff02::1", HOUR),
	             "quarantine: ff02::1 is the address of no host\n");
}
END_TEST

START_TEST(who_is_in_quarantine_is_found_by_address_and_by_host)
{
	const struct host *owner = NULL;
	struct address www1 = address_of("10.0.0.80"), one = address_of("10.1.2.3");
	struct address other = address_of("10.1.2.4"), stranger = address_of("192.168.7.7");
	ck_assert_ptr_null(policy_quarantine(policy, &one, NULL, NULL));
	uint64_t host = ask(&requests, quarantine_of("www1", 0));
	uint64_t address = ask(&requests, quarantine_of("10.1.2.3", HOUR));
	uint64_t nobody = ask(&requests, quarantine_of("192.168.7.7", HOUR));
	bind_all(policy, &requests, ASKED_AT);

	ck_assert_uint_eq(policy_quarantine(policy, &www1, NULL, &owner)->id, host);
	ck_assert_str_eq(owner->name, "www1");
	ck_assert_uint_eq(policy_quarantine(policy, &one, NULL, &owner)->id, address);
	ck_assert_str_eq(owner->name, "office");
	ck_assert_ptr_null(policy_quarantine(policy, &other, NULL, NULL));
	ck_assert_uint_eq(policy_quarantine(policy, &stranger, NULL, &owner)->id, nobody);
	ck_assert_ptr_null(owner);
	ck_assert_str_eq(policy_quarantine(policy, &one, NULL, NULL)->comment,
	                 "until 2026-11-18 12:06:40 UTC, by alice: a worm");
	bind_all(policy, &requests, ASKED_AT + HOUR);
	ck_assert_ptr_null(policy_quarantine(policy, &one, NULL, NULL));
	ck_assert_ptr_nonnull(policy_quarantine(policy, &www1, NULL, NULL));
}
END_TEST

START_TEST(the_quarantine_of_a_host_ends_with_it_and_that_of_an_address_stays)
{
	ask(&requests, quarantine_of("www1", 0));
	uint64_t stays = ask(&requests, quarantine_of("10.0.0.80", 0));
	_cleanup_(policy_freep) struct policy *next =
	        assert_loads(GATEWAY "roles = { server = { }; };\n"
	                             "hosts = ( { name = \"x\"; role = \"server\"; address = "
	                             "\"10.9.9.9\"; } );\n");
	struct problems problems = {};
	struct runtime *runtime = NULL;
	ck_assert_int_eq(runtime_bind(next, &requests, ASKED_AT, &problems, &runtime), 0);
	_cleanup_free_ char *text = problems_text(&problems);
	ck_assert_str_eq(text, "quarantine: the quarantine of www1 by alice is over: unknown host "
	                       "\"www1\"; name one of the configuration, or an address\n");
	ck_assert_uint_eq(runtime->quarantines.count, 1);
	ck_assert_uint_eq(runtime->quarantines.items[0].id, stays);
	runtime_free(runtime);
	problems_done(&problems);
}
END_TEST

START_TEST(an_end_before_the_beginning_and_endless_words_are_refused)
{
	struct request_entry request = assignment_of("10.1.2.3", "desk", HOUR);
	request.until = request.since;
	free(request.user);
	request.user = calloc(1, REQUEST_USER_MAX + 2);
	request.why = calloc(1, REQUEST_WHY_MAX + 2);
	memset(request.user, 'u', REQUEST_USER_MAX + 1);
	memset(request.why, 'w', REQUEST_WHY_MAX + 1);
	assert_wrong(request, "assign: it would end before it begins; say for how long\n"
	                      "assign: the reason has 161 bytes; 160 are room enough for one\n"
	                      "assign: the name of the user has 65 bytes; 64 is the most\n");
}
END_TEST

START_TEST(an_assigned_address_is_a_host_of_its_own)
{
	ask(&requests, assignment_of("10.1.2.3", "server", HOUR));
	ask(&requests, assignment_of("2001:db8::5", "desk", 0));
	ask(&requests, assignment_of("9.9.9.9", "desk", 0));
	struct address inside = address_of("10.1.2.3"), beside = address_of("10.1.2.4");
	struct address outside = address_of("2001:db8::5"), nobody = address_of("2001:db8::6");
	ck_assert_str_eq(policy_host_at(policy, &inside)->name, "office");
	bind_all(policy, &requests, ASKED_AT);

	const struct host *host = policy_host_at(policy, &inside);
	ck_assert_str_eq(host->name, "10.1.2.3");
	ck_assert_str_eq(host->role->name, "server");
	ck_assert_int_eq(host->effective_mode, MODE_ENFORCE);
	ck_assert_str_eq(host->at.file, "assigned by alice");
	ck_assert_uint_eq(host->range_count, 1);
	ck_assert_str_eq(policy_host_at(policy, &beside)->name, "office");
	ck_assert_str_eq(policy_host_at(policy, &outside)->role->name, "desk");
	ck_assert_int_eq(policy_host_at(policy, &outside)->effective_mode, MODE_AUDIT);
	ck_assert_ptr_null(policy_host_at(policy, &nobody));
	ck_assert_str_eq(policy_assignment(policy, &inside)->comment,
	                 "until 2026-11-18 12:06:40 UTC, by alice");
	ck_assert_str_eq(policy_claim_at(policy, &inside)->host->name, "office");

	runtime_free(policy_use_runtime(policy, NULL));
	ck_assert_str_eq(policy_host_at(policy, &inside)->name, "office");
}
END_TEST

START_TEST(what_has_ended_is_left_out_silently)
{
	uint64_t ends = ask(&requests, assignment_of("10.1.2.3", "server", HOUR));
	uint64_t stays = ask(&requests, assignment_of("10.1.2.4", "server", 0));
	uint64_t permit = ask(&requests, permit_of("www1", "http", NULL, HOUR));
	bind_all(policy, &requests, ASKED_AT + HOUR - 1);
	ck_assert(runtime_has(policy->runtime, ends));
	ck_assert(runtime_has(policy->runtime, permit));
	bind_all(policy, &requests, ASKED_AT + HOUR);
	ck_assert(!runtime_has(policy->runtime, ends));
	ck_assert(!runtime_has(policy->runtime, permit));
	ck_assert(runtime_has(policy->runtime, stays));
}
END_TEST

START_TEST(a_new_configuration_ends_what_no_longer_makes_sense_and_says_why)
{
	ask(&requests, assignment_of("10.1.2.3", "desk", HOUR));
	ask(&requests, assignment_of("10.1.2.4", "server", HOUR));
	ask(&requests, permit_of("www1", "backup", NULL, HOUR));
	uint64_t stays = ask(&requests, permit_of("office", "http", NULL, HOUR));
	bind_all(policy, &requests, ASKED_AT);

	_cleanup_(policy_freep) struct policy *next = assert_loads(
	        GATEWAY "roles = { server = { }; };\n"
	                "hosts = ( { name = \"office\"; role = \"server\"; address = [\n"
	                "  \"10.1.2.4\" ]; } );\n");
	struct problems problems = {};
	struct runtime *runtime = NULL;
	ck_assert_int_eq(runtime_bind(next, &requests, ASKED_AT, &problems, &runtime), 0);
	_cleanup_free_ char *text = problems_text(&problems);
	ck_assert_str_eq(
	        text,
	        "assign: the role \"desk\" of 10.1.2.3, assigned by alice, is over: unknown role "
	        "\"desk\"; the configuration has none of that name\n"
	        "assign: the role \"server\" of 10.1.2.4, assigned by alice, is over: 10.1.2.4 is "
	        "already host \"office\" at a.conf:3; change its role there\n"
	        "permit: permit 3, backup for www1 by alice, is over: unknown host \"www1\"; name "
	        "one of the configuration, or an address\n"
	        "permit: permit 3, backup for www1 by alice, is over: unknown service \"backup\"; "
	        "define it in services, or write a literal such as \"tcp/8443\"\n");
	ck_assert_uint_eq(runtime->assignments.count, 0);
	ck_assert_uint_eq(runtime->permits.count, 1);
	ck_assert_uint_eq(runtime->permits.items[0].id, stays);
	ck_assert_ptr_eq(runtime->permits.items[0].host, policy_host(next, "office"));
	ck_assert_str_eq(runtime->permits.items[0].permission.at.file, "permitted by alice");
	runtime_free(runtime);
	problems_done(&problems);
}
END_TEST

START_TEST(a_second_assignment_takes_the_place_of_the_first)
{
	uint64_t first = ask(&requests, assignment_of("10.1.2.3", "desk", HOUR));
	uint64_t permit = ask(&requests, permit_of("www1", "http", NULL, 2 * HOUR));
	uint64_t second = ask(&requests, assignment_of("10.1.2.3", "server", 3 * HOUR));
	struct address address = address_of("10.1.2.3");

	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(second, 3);
	ck_assert_uint_eq(requests.list.count, 2);
	ck_assert_str_eq(requests_assignment(&requests, &address)->role, "server");
	ck_assert_ptr_null(requests_by_id(&requests, first));
	ck_assert_uint_eq(requests_next_end(&requests), ASKED_AT + 2 * HOUR);
	requests_remove(&requests, permit);
	ck_assert_uint_eq(requests_next_end(&requests), ASKED_AT + 3 * HOUR);
	requests_remove(&requests, second);
	ck_assert_uint_eq(requests_next_end(&requests), 0);
	ck_assert_ptr_null(requests_assignment(&requests, &address));
}
END_TEST

START_TEST(a_second_quarantine_of_the_same_takes_the_place_of_the_first)
{
	uint64_t first = ask(&requests, quarantine_of("www1", 0));
	uint64_t address = ask(&requests, quarantine_of("10.0.0.80", 0));
	uint64_t second = ask(&requests, quarantine_of("www1", HOUR));
	ck_assert_uint_eq(requests.list.count, 2);
	ck_assert_ptr_null(requests_by_id(&requests, first));
	ck_assert_uint_eq(requests_quarantine(&requests, "www1")->id, second);
	ck_assert_uint_eq(requests_quarantine(&requests, "10.0.0.80")->id, address);
	ck_assert_ptr_null(requests_quarantine(&requests, "office"));
}
END_TEST

START_TEST(ids_that_come_with_a_request_are_not_given_again)
{
	struct request_entry old = permit_of("www1", "http", NULL, HOUR);
	old.id = 41;
	ck_assert_uint_eq(ask(&requests, old), 41);
	ck_assert_uint_eq(ask(&requests, permit_of("www1", "http", NULL, HOUR)), 42);
}
END_TEST

START_TEST(there_is_room_for_so_many_requests_and_no_more)
{
	for (unsigned i = 0; i < REQUESTS_MAX; i++)
		ask(&requests, (struct request_entry){.kind = REQUEST_PERMIT});
	struct request_entry one_more = permit_of("www1", "http", NULL, HOUR);
	ck_assert_int_eq(requests_add(&requests, &one_more), -ENOSPC);
	ck_assert_str_eq(one_more.host, "www1");
	request_done(&one_more);
}
END_TEST

START_TEST(a_description_is_one_line_that_nft_can_quote)
{
	char text[REQUEST_TEXT_MAX];
	struct request_entry request = assignment_of("10.1.2.3", "desk", HOUR);
	request.why = copy_of("a \"new\"\nprinter");
	ck_assert_str_eq(request_describe(&request, text),
	                 "until 2026-11-18 12:06:40 UTC, by alice: a 'new' printer");
	request.until = 0;
	ck_assert_str_eq(request_describe(&request, text), "by alice: a 'new' printer");
	free(request.why);
	request.why = NULL;
	ck_assert_str_eq(request_describe(&request, text), "by alice");
	request_done(&request);
}
END_TEST

/* So many letters before the umlauts that the end falls before, into or behind the first byte. */
START_TEST(a_description_too_long_ends_with_a_whole_character)
{
	char text[REQUEST_TEXT_MAX], why[200];
	struct request_entry request = assignment_of("10.1.2.3", "desk", 0);
	for (size_t letters = 100; letters < 128; letters++) {
		memset(why, 'x', letters);
		why[letters] = '\0';
		strcat(why, "\303\244\342\202\254\360\237\230\200\303\244\303\244\303\244");
		free(request.why);
		request.why = copy_of(why);
		request_describe(&request, text);
		size_t n = strlen(text);
		ck_assert_uint_lt(n, REQUEST_TEXT_MAX);
		ck_assert_uint_gt(n, REQUEST_TEXT_MAX - 5);
		/* What was left out begins with the first byte of a character. */
		const char *rest = why + (n - strlen("by alice: "));
		ck_assert_int_ne((unsigned char)*rest & 0xc0, 0x80);
	}
	request_done(&request);
}
END_TEST

START_TEST(a_description_is_read_again_with_the_host_that_it_is_marked_with)
{
	char text[REQUEST_TEXT_MAX], mark[REQUEST_TEXT_MAX];
	struct request_words words;
	struct request_entry request = assignment_of("10.1.2.3", "desk", HOUR);
	request.why = copy_of("port 53: a worm, by hand");
	request_read(request_mark("www1", request_describe(&request, text), mark), &words);
	ck_assert_str_eq(words.host, "www1");
	ck_assert_str_eq(words.user, "alice");
	ck_assert_str_eq(words.why, "port 53: a worm, by hand");
	ck_assert_uint_eq(words.until, (ASKED_AT + HOUR) / USEC_PER_SEC * USEC_PER_SEC);
	request_read(text, &words);
	ck_assert_ptr_null(words.host);
	ck_assert_str_eq(words.user, "alice");
	request.until = 0;
	request_read(request_describe(&request, text), &words);
	ck_assert_uint_eq(words.until, 0);
	ck_assert_str_eq(words.user, "alice");
	request_done(&request);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("runtime");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_request_that_makes_sense_has_no_problems);
	tcase_add_test(tests, an_unknown_name_is_refused_with_the_nearest_known_one);
	tcase_add_test(tests, an_address_that_the_configuration_names_is_not_assigned);
	tcase_add_test(tests, all_that_is_wrong_with_a_permit_is_said_at_once);
	tcase_add_test(tests, a_quarantine_is_of_a_host_or_an_address_and_never_of_the_gateway);
	tcase_add_test(tests, who_is_in_quarantine_is_found_by_address_and_by_host);
	tcase_add_test(tests, the_quarantine_of_a_host_ends_with_it_and_that_of_an_address_stays);
	tcase_add_test(tests, an_end_before_the_beginning_and_endless_words_are_refused);
	tcase_add_test(tests, an_assigned_address_is_a_host_of_its_own);
	tcase_add_test(tests, what_has_ended_is_left_out_silently);
	tcase_add_test(tests, a_new_configuration_ends_what_no_longer_makes_sense_and_says_why);
	tcase_add_test(tests, a_second_assignment_takes_the_place_of_the_first);
	tcase_add_test(tests, a_second_quarantine_of_the_same_takes_the_place_of_the_first);
	tcase_add_test(tests, ids_that_come_with_a_request_are_not_given_again);
	tcase_add_test(tests, there_is_room_for_so_many_requests_and_no_more);
	tcase_add_test(tests, a_description_is_one_line_that_nft_can_quote);
	tcase_add_test(tests, a_description_too_long_ends_with_a_whole_character);
	tcase_add_test(tests, a_description_is_read_again_with_the_host_that_it_is_marked_with);
	return run_tests(tests);
}
