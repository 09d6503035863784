/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "tool-fixture.h"

#include "base/array.h"
#include "duration.h"
#include "server.h"
#include "units.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW ((usec_t)1795356131 * USEC_PER_SEC) /* 2026-11-22 14:02:11 UTC */

/* A moment so many seconds from now. */
static json_int_t in(json_int_t seconds)
{
	return (json_int_t)NOW + seconds * (json_int_t)USEC_PER_SEC;
}

static json_t *end(const json_t *seconds)
{
	return seconds ? json_integer(in(json_integer_value(seconds))) : json_null();
}

/* And what is peculiar to the method, or NULL; taken over. */
static int changed(struct request *request, const char *name, json_t *entry, bool kept,
                   json_t *peculiar)
{
	json_t *reply = json_pack("{s:o, s:i, s:f, s:b, s:s}", name, entry, "flows_cut",
	                          peculiar ? 1 : 2, "milliseconds", 1.84, "kept", kept, "text",
	                          "it will be lost at a restart");
	json_object_update(reply, peculiar);
	json_decref(peculiar);
	return request_reply(request, reply);
}

static int assign(struct request *request, json_t *parameters, void *userdata)
{
	const char *address = json_string_value(json_object_get(parameters, "address"));
	const char *why = json_string_value(json_object_get(parameters, "why"));
	if (strcmp(address, "nonsense") == 0)
		return request_invalid_parameter(request, "address");
	if (strcmp(address, "192.0.2.80") == 0)
		return request_error(
		        request, "io.egressd.RequestRejected",
		        json_pack("{s:[{s:s, s:i, s:s}]}", "problems", "file", "assign", "line", 0,
		                  "text",
		                  "192.0.2.80 is www1 in /etc/egressd/egressd.conf:31; change its "
		                  "role there"));
	json_t *entry = json_pack("{s:s, s:O, s:I, s:o, s:s, s:i, s:s?}", "address", address,
	                          "role", json_object_get(parameters, "role"), "since", in(0),
	                          "until", end(json_object_get(parameters, "seconds")), "user",
	                          "alice", "uid", 1000, "why", why);
	return changed(request, "assignment", entry, strcmp(address, "192.0.2.9") != 0,
	               strcmp(address, "192.168.0.51") != 0
	                       ? NULL
	                       : json_pack("{s:{s:s, s:I, s:s, s:s}, s:[s]}", "replaced", "role",
	                                   "guest", "until", in(60), "user", "bob", "why",
	                                   "a visitor", "notes", "it goes before host office"));
}

static int unassign(struct request *request, json_t *parameters, void *userdata)
{
	return request_error(request, "io.egressd.NoSuchAssignment", json_incref(parameters));
}

static int permit(struct request *request, json_t *parameters, void *userdata)
{
	json_t *entry = json_pack("{s:i, s:I, s:o, s:s}", "id", 3, "since", in(0), "until",
	                          end(json_object_get(parameters, "seconds")), "user", "alice");
	json_object_update(entry, parameters);
	return changed(request, "permit", entry, true, NULL);
}

static int end_permit(struct request *request, json_t *parameters, void *userdata)
{
	json_int_t id = json_integer_value(json_object_get(parameters, "id"));
	if (id == 4)
		return request_error(request, "io.egressd.NoSuchPermit", json_incref(parameters));
	return changed(request, "permit",
	               json_pack("{s:I, s:s, s:s, s:n}", "id", id, "host", "www1", "service",
	                         "https", "to"),
	               true, NULL);
}

static int list_assignments(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(
	        request,
	        json_pack("{s:[{s:s, s:s, s:I, s:I, s:s, s:i, s:s}, {s:s, s:s, s:I, s:n, s:s, s:i, "
	                  "s:n}]}",
	                  "assignments", "address", "192.168.0.50", "role", "desk", "since",
	                  in(-60), "until", in(7199), "user", "alice", "uid", 1000, "why",
	                  "printer \033[31mrepair", "address", "2001:db8::50", "role", "guest",
	                  "since", in(-60), "until", "user", "root", "uid", 0, "why"));
}

static int list_permits(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(request, json_pack("{s:[]}", "permits"));
}

/* "office" has 253 addresses, "lab6" more than anybody counts, "roaming" only a MAC. */
static int quarantine(struct request *request, json_t *parameters, void *userdata)
{
	const char *host = json_string_value(json_object_get(parameters, "host"));
	bool address = strchr(host, '.') != NULL;
	json_int_t addresses = strcmp(host, "lab6") == 0     ? INT64_MAX
	                       : strcmp(host, "office") == 0 ? 253
	                                                     : address;
	json_t *entry =
	        json_pack("{s:i, s:s, s:s, s:s, s:I, s:o, s:s, s:i, s:b, s:I}", "id", 7, "host",
	                  host, "of", address ? "office" : host, "role", "desk", "since", in(0),
	                  "until", end(json_object_get(parameters, "seconds")), "user", "alice",
	                  "uid", 1000, "automatic", false, "addresses", addresses);
	return changed(request, "quarantine", entry, true,
	               strcmp(host, "www2") != 0 ? NULL
	                                         : json_pack("{s:{s:n, s:s, s:n}}", "replaced",
	                                                     "until", "user", "bob", "why"));
}

static int release(struct request *request, json_t *parameters, void *userdata)
{
	const char *host = json_string_value(json_object_get(parameters, "host"));
	if (strcmp(host, "192.168.0.7") == 0)
		return request_error(request, "io.egressd.NotInQuarantine",
		                     json_pack("{s:s, s:s}", "host", host, "text",
		                               "192.168.0.7 is in quarantine as an address of host "
		                               "office; release that"));
	json_t *remaining = NULL;
	if (strcmp(host, "192.168.0.8") == 0)
		remaining = json_pack("{s:[{s:s, s:s, s:I}]}", "remaining", "host", "office", "of",
		                      "office", "until", in(3600));
	else if (strcmp(host, "office") == 0)
		remaining = json_pack("{s:[{s:s, s:s, s:n}]}", "remaining", "host", "192.168.0.9",
		                      "of", "office", "until");
	return changed(request, "quarantine", json_pack("{s:s}", "host", host), true, remaining);
}

static int list_quarantined(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(
	        request,
	        json_pack("{s:[{s:s, s:s, s:s, s:I, s:s, s:s}, {s:s, s:s, s:s, s:n, s:s, s:s}, "
	                  "{s:s, s:n, s:n, s:n, s:s, s:n}]}",
	                  "quarantined", "host", "192.168.0.7", "of", "office", "role", "desk",
	                  "until", in(7199), "user", "egressd", "why", "beacon, alarm 3", "host",
	                  "www1", "of", "www1", "role", "web", "until", "user", "alice", "why",
	                  "rootkit", "host", "10.9.9.9", "of", "role", "until", "user", "root",
	                  "why"));
}

static const struct parameter quarantine_parameters[] = {
        {"host", PARAMETER_STRING, true},
        {"seconds", PARAMETER_INT, false},
        {"why", PARAMETER_STRING, false},
        {},
};
static const struct parameter release_parameters[] = {{"host", PARAMETER_STRING, true}, {}};

static const struct parameter assign_parameters[] = {
        {"address", PARAMETER_STRING, true},
        {"role", PARAMETER_STRING, true},
        {"seconds", PARAMETER_INT, false},
        {"why", PARAMETER_STRING, false},
        {},
};
static const struct parameter unassign_parameters[] = {{"address", PARAMETER_STRING, true}, {}};
static const struct parameter permit_parameters[] = {
        {"host", PARAMETER_STRING, true}, {"service", PARAMETER_STRING, true},
        {"to", PARAMETER_STRING, false},  {"seconds", PARAMETER_INT, true},
        {"why", PARAMETER_STRING, true},  {},
};
static const struct parameter revoke_parameters[] = {{"id", PARAMETER_INT, true}, {}};

static const struct method methods[] = {
        {"Assign", ACCESS_CHANGE, false, assign, assign_parameters},
        {"Unassign", ACCESS_CHANGE, false, unassign, unassign_parameters},
        {"ListAssignments", ACCESS_READ, false, list_assignments, NULL},
        {"Permit", ACCESS_CHANGE, false, permit, permit_parameters},
        {"Revoke", ACCESS_CHANGE, false, end_permit, revoke_parameters},
        {"ListPermits", ACCESS_READ, false, list_permits, NULL},
        {"Quarantine", ACCESS_CHANGE, false, quarantine, quarantine_parameters},
        {"Release", ACCESS_CHANGE, false, release, release_parameters},
        {"ListQuarantined", ACCESS_READ, false, list_quarantined, NULL},
        {},
};

static void set_up(struct fixture *fixture)
{
	fixture_set_up(fixture, methods);
}

/* The words of a line are set apart by bars. */
static enum outcome run(struct fixture *fixture, const char *line)
{
	return fixture_run(fixture, line, "|", NOW);
}

static const struct {
	const char *line;
	const char *text;
} answers[] = {
        {"assign|192.168.0.50|desk|--for|2h|--why|printer repair",
         "192.168.0.50 has role desk now, until 2026-11-22 16:02:11 UTC (2 h 0 min).\n"
         "Cut         2 connections\n"
         "Took        1.8 ms\n"},
        {"assign|192.0.2.9|desk",
         "192.0.2.9 has role desk now, until egressctl unassign 192.0.2.9.\n"
         "Cut         2 connections\n"
         "Took        1.8 ms\n"
         "But         it will be lost at a restart\n"},
        {"assign|192.168.0.51|desk",
         "192.168.0.51 has role desk now, until egressctl unassign 192.168.0.51.\n"
         "Was         role guest, until 2026-11-22 14:03:11 UTC (1 min), by bob: a visitor\n"
         "Cut         1 connection\n"
         "Took        1.8 ms\n"
         "Note        it goes before host office\n"},
        {"permit|www1|https|to|mirror|--for|90s|--why|updates",
         "www1 may initiate https to mirror now, until 2026-11-22 14:03:41 UTC (1 min).\n"
         "Permit      3; egressctl revoke 3 ends it\n"
         "Cut         2 connections\n"
         "Took        1.8 ms\n"},
        {"revoke|3", "Permit 3 is over: https for www1.\n"
                     "Cut         2 connections\n"
                     "Took        1.8 ms\n"},
        {"permits", "Nothing is permitted but by the configuration.\n"},
        {"assignments", "Address       Role   Ends in     By     Why\n"
                        "192.168.0.50  desk   1 h 59 min  alice  printer ?[31mrepair\n"
                        "2001:db8::50  guest  never       root   -\n"},
        {"quarantine|office|--for|2h|--why|a worm",
         "office (253 addresses) is in quarantine now, until 2026-11-22 16:02:11 UTC (2 h 0 min).\n"
         "Cut         2 connections\n"
         "Took        1.8 ms\n"},
        {"quarantine|192.168.0.7",
         "192.168.0.7 (office) is in quarantine now, until egressctl release 192.168.0.7.\n"
         "Cut         2 connections\n"
         "Took        1.8 ms\n"},
        {"quarantine|lab6",
         "lab6 (all its addresses) is in quarantine now, until egressctl release lab6.\n"
         "Cut         2 connections\n"
         "Took        1.8 ms\n"},
        {"quarantine|roaming",
         "roaming (by its MAC) is in quarantine now, until egressctl release roaming.\n"
         "Cut         2 connections\n"
         "Took        1.8 ms\n"},
        {"release|www1", "The quarantine of www1 is over.\n"
                         "Cut         2 connections\n"
                         "Took        1.8 ms\n"},
        {"quarantine|www2",
         "www2 (by its MAC) is in quarantine now, until egressctl release www2.\n"
         "Was         until egressctl release www2, by bob\n"
         "Cut         1 connection\n"
         "Took        1.8 ms\n"},
        {"release|192.168.0.8",
         "The quarantine of 192.168.0.8 is over.\n"
         "But         192.168.0.8 stays in quarantine, as an address of host office, until\n"
         "            2026-11-22 15:02:11 UTC (1 h 0 min)\n"
         "            egressctl release office ends that\n"
         "Cut         1 connection\n"
         "Took        1.8 ms\n"},
        {"release|office",
         "The quarantine of office is over.\n"
         "But         192.168.0.9 of host office stays in quarantine, until egressctl\n"
         "            release 192.168.0.9\n"
         "Cut         1 connection\n"
         "Took        1.8 ms\n"},
        {"quarantined", "Host         Of         Role  Ends in     By       Why\n"
                        "192.168.0.7  office     desk  1 h 59 min  egressd  beacon, alarm 3\n"
                        "www1         all of it  web   never       alice    rootkit\n"
                        "10.9.9.9     nobody     -     never       root     -\n"},
};

START_TEST(a_change_and_what_is_in_force_are_told_in_few_words)
{
	struct fixture fixture;
	set_up(&fixture);
	ck_assert_int_eq(run(&fixture, answers[_i].line), OUTCOME_DONE);
	ck_assert_str_eq(fixture.out, answers[_i].text);
	ck_assert_str_eq(fixture.errors, "");
	tear_down(&fixture);
}
END_TEST

static const struct {
	const char *line;
	const char *text;
	enum outcome outcome;
} refusals[] = {
        {"assign|192.0.2.80|desk",
         "egressctl: 192.0.2.80 is www1 in /etc/egressd/egressd.conf:31; change its role there\n",
         OUTCOME_REFUSED},
        {"assign|nonsense|desk",
         "egressctl: \"nonsense\" is no address; write one as 192.0.2.7 or 2001:db8::7 "
         "(egressctl hosts has those of all hosts)\n",
         OUTCOME_REFUSED},
        {"assign|192.168.0.50|desk|--for|8",
         "egressctl: \"8\" is no duration; say it as 90s, 30min, 2h30m, 7d or 2w\n", OUTCOME_USAGE},
        {"assign|192.168.0.50|desk|--for|4000d",
         "egressctl: \"4000d\" is too long; at most 3650 days are possible\n", OUTCOME_USAGE},
        {"unassign|192.168.0.51",
         "egressctl: 192.168.0.51 has no role by assignment; egressctl assignments lists those "
         "that have\n",
         OUTCOME_REFUSED},
        {"permit|www1|https",
         "egressctl: a permit needs --for, how long it lasts, and --why, a word on what it is for, "
         "as in\n"
         "egressctl:   egressctl permit www1 https --for 2h --why \"new kernel, ticket 4711\"\n",
         OUTCOME_USAGE},
        {"permit|www1|https|to|mirror|--for|1h",
         "egressctl: a permit needs --why, a word on what it is for, as in\n"
         "egressctl:   egressctl permit www1 https to mirror --for 1h --why \"new kernel, ticket "
         "4711\"\n",
         OUTCOME_USAGE},
        {"permit|www1|https|mirror|--for|1h|--why|x",
         "egressctl: usage: egressctl permit HOST SERVICE [to DEST] --for TIME --why TEXT\n",
         OUTCOME_USAGE},
        {"permit|www1|https|to|--for|1h|--why|x",
         "egressctl: usage: egressctl permit HOST SERVICE [to DEST] --for TIME --why TEXT\n",
         OUTCOME_USAGE},
        {"permit|www1", "egressctl: usage: egressctl permit HOST SERVICE [to DEST] --for TIME --why TEXT\n",
         OUTCOME_USAGE},
        {"revoke|4",
         "egressctl: there is no permit 4 (it may have ended); egressctl permits lists those that "
         "are in force\n",
         OUTCOME_REFUSED},
        {"revoke|www1", "egressctl: \"www1\" is no permit's number; egressctl permits lists them\n",
         OUTCOME_USAGE},
        {"release|192.168.0.7",
         "egressctl: 192.168.0.7 is in quarantine as an address of host office; release that\n",
         OUTCOME_REFUSED},
        {"quarantine", "egressctl: usage: egressctl quarantine HOST [--for TIME] [--why TEXT]\n", OUTCOME_USAGE},
        {"quarantine|www1|--for|soon",
         "egressctl: \"soon\" is no duration; say it as 90s, 30min, 2h30m, 7d or 2w\n",
         OUTCOME_USAGE},
        {"status|--for|1h", "egressctl: status takes no option --for\n", OUTCOME_USAGE},
};

START_TEST(a_refusal_says_what_is_wrong_and_what_would_be_right)
{
	struct fixture fixture;
	set_up(&fixture);
	ck_assert_int_eq(run(&fixture, refusals[_i].line), refusals[_i].outcome);
	ck_assert_str_eq(fixture.errors, refusals[_i].text);
	ck_assert_str_eq(fixture.out, "");
	tear_down(&fixture);
}
END_TEST

START_TEST(json_is_the_parameters_of_the_reply)
{
	struct fixture fixture;
	set_up(&fixture);
	ck_assert_int_eq(run(&fixture, "--json|permit|www1|https|--for|1d|--why|x"), OUTCOME_DONE);
	json_t *answer = json_loads(fixture.out, 0, NULL);
	const json_t *permit = json_object_get(answer, "permit");
	ck_assert_int_eq(json_integer_value(json_object_get(permit, "until")), in(86400));
	ck_assert_int_eq(json_integer_value(json_object_get(permit, "seconds")), 86400);
	ck_assert_str_eq(json_string_value(json_object_get(permit, "why")), "x");
	ck_assert(!json_object_get(permit, "to")); /* null, which the server takes away */
	json_decref(answer);
	tear_down(&fixture);
}
END_TEST

START_TEST(a_duration_is_read_as_people_say_it)
{
	static const struct {
		const char *text;
		int64_t seconds; /* or a negative errno */
	} cases[] = {
	        {"90s", 90},
	        {"30m", 1800},
	        {"8h", 28800},
	        {"2h30m", 9000},
	        {"7d", 604800},
	        {"1 week", 604800},
	        {"1 h 30 min", 5400},
	        {"1w2d3h4m5s", 604800 + 172800 + 10800 + 240 + 5},
	        {"3650d", 315360000},
	        {"0h5m", 300},
	        {"", -EINVAL},
	        {"8", -EINVAL},
	        {"h", -EINVAL},
	        {"0s", -EINVAL},
	        {"-5m", -EINVAL},
	        {"1.5h", -EINVAL},
	        {"30m2h", -EINVAL},
	        {"5m5m", -EINVAL},
	        {"5y", -EINVAL},
	        {"5M", -EINVAL},
	        {"5mx", -EINVAL},
	        {"2h ago", -EINVAL},
	        {"3651d", -ERANGE},
	        {"999999999w", -ERANGE},
	        {"9999999999s", -ERANGE},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		int64_t seconds = 7;
		int r = duration_parse(cases[i].text, &seconds);
		ck_assert_msg(r < 0 ? r == cases[i].seconds && seconds == 7
		                    : seconds == cases[i].seconds,
		              "\"%s\": %d, %lld", cases[i].text, r, (long long)seconds);
	}
}
END_TEST

START_TEST(what_is_left_is_never_too_much)
{
	static const struct {
		json_int_t seconds;
		const char *text;
	} cases[] = {
	        {-5, "now"},
	        {0, "now"},
	        {1, "1 s"},
	        {59, "59 s"},
	        {60, "1 min"},
	        {3599, "59 min"},
	        {3600, "1 h 0 min"},
	        {7199, "1 h 59 min"},
	        {172799, "47 h 59 min"},
	        {172800, "2 days 0 h"},
	        {315360000, "3650 days 0 h"},
	};
	char buffer[UNIT_TEXT_MAX];
	ck_assert_str_eq(left_print(0, NOW, buffer), "never");
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++)
		ck_assert_str_eq(left_print(in(cases[i].seconds), NOW, buffer), cases[i].text);
	ck_assert_str_eq(left_print(in(2) - 1, NOW, buffer), "1 s");
}
END_TEST

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();

	Suite *suite = suite_create("egressctl-changes");
	TCase *tests = tcase_create("egressctl-changes");
	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, a_change_and_what_is_in_force_are_told_in_few_words, 0,
	                    (int)ELEMENTS_OF(answers));
	tcase_add_loop_test(tests, a_refusal_says_what_is_wrong_and_what_would_be_right, 0,
	                    (int)ELEMENTS_OF(refusals));
	tcase_add_test(tests, json_is_the_parameters_of_the_reply);
	tcase_add_test(tests, a_duration_is_read_as_people_say_it);
	tcase_add_test(tests, what_is_left_is_never_too_much);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
