/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "tool-answers.h"

#include "base/array.h"
#include "plain.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
static const char status_golden[] =
	"State       degraded since 2026-11-22 13:58:51 UTC (3 min ago)\n"
	"Because     the configuration has mistakes since 13:59, and the policy that was\n"
	"            in force before them stays\n"
	"Mode        enforce\n"
	"Version     0.1.0\n"
	"Policy      /etc/egressd/egressd.conf, digest 3fa9c1d2e4b5\n"
	"            in force since 2026-11-21 13:02:11 UTC (25 h ago): 38 hosts, 9 roles\n"
	"Inside      lan0, dmz*, eth7 (no such interface now)\n"
	"Blocked     1.2k packets, 60 KiB in all\n"
	"Events      1.2k received, 4 lost (the counters have them all the same)\n"
	"Alarms      2 open; see egressctl alarms\n"
	"            7, critical: www1 (192.0.2.80, web) tried tcp/21 to 203.0.113.9:\n"
	"            role web may initiate nothing. 3 attempts since 14:02:11.\n"
	"            5, warning: pc7 tries tcp/25.\n"
	"\n"
	"Role                         Hosts  Permitted    Bytes  Blocked   Bytes  Revoked\n"
	"desk                            35       123k  7.2 MiB     1.2k  60 KiB        3\n"
	"a-role-whose-name-is-so-lo…      1          0      0 B        0     0 B        0\n"
	"\n"
	"Blocked for the reason  Packets   Bytes\n"
	"role                       1.2k  58 KiB\n"
	"\n"
	"Source                                  Host         Role  Packets    Bytes\n"
	"192.168.0.7                             pc7?[31mred  desk     1.2k   58 KiB\n"
	"2001:db8:1234:5678:9abc:def0:1234:5678  -            -          34  1.6 KiB\n"
	"\n"
	"Tried              Service        Reason      Attempts       Last\n"
	"192.168.0.7 (pc7)\n"
	"  198.51.100.10    tcp/25 (smtp)  role             900    5 s ago\n"
	"  198.51.100.9     tcp/25 (smtp)  role              40   31 s ago\n"
	"  198.51.100.11    tcp/6667       role              40    2 h ago\n"
	"  … and 1 more: egressctl blocked --host pc7\n"
	"2001:db8:1234:5678:9abc:def0:1234:5678\n"
	"  2001:db8:ff::25  tcp/25 (smtp)  unassigned        17  3 min ago\n";
/* clang-format on */

START_TEST(status_is_a_screen_of_80_columns)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "status"), OUTCOME_DONE);
	ck_assert_str_eq(f.errors, "");
	ck_assert_str_eq(f.out, status_golden);
	for (const char *line = f.out; *line;) {
		char copy[512];
		size_t length = strcspn(line, "\n");
		snprintf(copy, sizeof(copy), "%.*s", (int)length, line);
		ck_assert_uint_le(plain_width(copy), 80);
		line += length + 1;
	}
	tear_down(&f);
}
END_TEST

START_TEST(json_is_the_parameters_of_the_reply)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "--json status"), OUTCOME_DONE);
	json_t *status = json_loads(f.out, 0, NULL);
	ck_assert_ptr_nonnull(status);
	ck_assert_str_eq(json_string_value(json_object_get(status, "state")), "degraded");
	ck_assert_uint_eq(json_object_size(status), 14);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(status, "missing"), 0)),
	                 "eth7");
	ck_assert_ptr_null(strchr(f.out, '\033'));
	json_decref(status);

	ck_assert_int_eq(run(&f, "watch --json"), OUTCOME_DONE);
	ck_assert_ptr_eq(strchr(f.out, '\n'), f.out + strlen(f.out) - 1);
	json_t *event = json_loads(f.out, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(event, "kind")), "blocked");
	json_decref(event);
	tear_down(&f);
}
END_TEST

START_TEST(explain_ends_with_0_for_permitted_and_1_for_blocked)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "explain 192.168.0.7 198.51.100.9 https"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out, "Verdict     permitted\n"));
	ck_assert_int_eq(run(&f, "explain 192.168.0.7 198.51.100.9 smtp --interface lan0"),
	                 OUTCOME_REFUSED);
	ck_assert_ptr_nonnull(strstr(
	        f.out,
	        "Verdict     would be blocked for the reason role, but it passes: mode audit\n"));
	ck_assert_ptr_nonnull(strstr(f.out, "office.conf:12\n"));
	ck_assert_int_eq(run(&f, "explain --json 192.168.0.7 198.51.100.9 smtp"), OUTCOME_REFUSED);
	tear_down(&f);
}
END_TEST

START_TEST(explain_says_what_it_could_not_make_sense_of_and_what_would_be_right)
{
	static const struct {
		const char *line;
		const char *errors;
	} wrong[] = {
	        {"explain nonsense 198.51.100.9 smtp",
	         "egressctl: \"nonsense\" is no address; write one as 192.0.2.7 or 2001:db8::7 "
	         "(egressctl hosts has those of all hosts)\n"},
	        {"explain 192.168.0.7 2001:db8::80 smtp",
	         "egressctl: 2001:db8::80 is IPv6, which 192.168.0.7 is not: no connection has "
	         "both\n"},
	        {"explain 192.168.0.7 198.51.100.9 25",
	         "egressctl: \"25\" is no service: a name such as smtp, or a literal such as "
	         "tcp/25\n"},
	        {"blocked --source www1",
	         "egressctl: \"www1\" is no address; write one as 192.0.2.7 or 2001:db8::7 "
	         "(egressctl hosts has those of all hosts)\n"},
	};
	struct fixture f;
	set_up(&f);
	for (size_t i = 0; i < ELEMENTS_OF(wrong); i++) {
		ck_assert_int_eq(run(&f, wrong[i].line), OUTCOME_REFUSED);
		ck_assert_str_eq(f.errors, wrong[i].errors);
		ck_assert_str_eq(f.out, "");
	}
	ck_assert_int_eq(run(&f, "explain 192.168.0.7 198.51.100.9 tcp/x"), OUTCOME_REFUSED);
	ck_assert_ptr_nonnull(strstr(f.errors, "\"tcp/x\" is no service: "));
	tear_down(&f);
}
END_TEST

START_TEST(a_rejected_reload_ends_with_1_and_shows_the_mistakes)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "reload"), OUTCOME_REFUSED);
	ck_assert_str_eq(f.errors,
	                 "egressctl: the configuration has 1 mistake; the policy in force stays:\n"
	                 "a.conf:7: there is no role \"dsek\"?[2J\n");
	ck_assert_int_eq(run(&f, "reload --json"), OUTCOME_REFUSED);
	json_t *reply = json_loads(f.out, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(reply, "error")),
	                 "io.egressd.PolicyRejected");
	json_decref(reply);
	tear_down(&f);
}
END_TEST

START_TEST(blocked_lists_and_narrows_down)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "blocked"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out, "31 s ago    pc7   192.168.0.7 "));
	ck_assert_int_eq(run(&f, "blocked --since 10min"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "Nothing like that was blocked.\n");
	ck_assert_int_eq(run(&f, "blocked --host pc9"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "Nothing like that was blocked.\n");
	ck_assert_int_eq(run(&f, "blocked --source 192.168.0.7 --role mail"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "Nothing like that was blocked since the daemon began to listen; "
	                        "egressctl status has the kernel's own counts.\n");
	ck_assert_int_eq(run(&f, "blocked --host www9"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out,
	                             "quarantine  none, 12 packets\nPackets without an attempt "
	                             "begin no connection: answers of a host in quarantine"));
	ck_assert_int_eq(run(&f, "blocked --host nobody"), OUTCOME_REFUSED);
	ck_assert_str_eq(f.errors, "egressctl: there is no host \"nobody\"\n");
	ck_assert_int_eq(run(&f, "blocked --since noon"), OUTCOME_USAGE);
	ck_assert_int_eq(run(&f, "blocked --last 2"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out, " 198.51.100.10 "));
	ck_assert_ptr_null(strstr(f.out, " 198.51.100.11 "));
	ck_assert_ptr_null(strstr(f.out, "(ever)"));
	ck_assert_int_eq(run(&f, "blocked --last 100 --since today"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out, " 198.51.100.12 "));
	ck_assert_ptr_nonnull(strstr(f.out, "Attempts (ever)"));
	ck_assert_int_eq(run(&f, "blocked --last 0"), OUTCOME_USAGE);
	ck_assert_str_eq(f.errors, "egressctl: \"0\" is no number of entries; say --last 20\n");
	tear_down(&f);
}
END_TEST

START_TEST(a_table_shows_everything_where_there_is_no_terminal)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "blocked"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out, "2001:db8:1234:5678:9abc:def0:1234:5678  "));
	ck_assert_ptr_nonnull(strstr(f.out, " tcp/25 (smtp) "));
	ck_assert_ptr_nonnull(strstr(f.out, " tcp/6667 "));
	ck_assert_ptr_null(strstr(f.out, "…"));
	tear_down(&f);
}
END_TEST

START_TEST(hosts_roles_and_events_are_shown)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "hosts"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "Host  Role  Mode     Addresses     MAC\n"
	                        "www1  web   enforce  192.0.2.80    52:54:00:12:34:56\n"
	                        "                     2001:db8::80  \n");
	ck_assert_int_eq(run(&f, "roles"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "desk\n"
	                        "  hosts     35, mode enforce, tripwire\n"
	                        "  from      base, office\n"
	                        "  outbound  http, https; smtp to loghost\n"
	                        "  inbound   not judged\n"
	                        "  throttle  100 new destinations in 1m30s\n"
	                        "  permitted 5 packets, 300 B\n"
	                        "  blocked   0 packets, 0 B\n"
	                        "  at        a.conf:9\n");
	ck_assert_int_eq(run(&f, "watch"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "(3 events were lost here: too slow for them)\n"
	                        "2026-11-22 14:02:11 UTC blocked: pc7 192.168.0.7 -> 198.51.100.9 "
	                        "tcp/25 (smtp), role\n");
	tear_down(&f);
}
END_TEST

START_TEST(without_a_daemon_it_ends_with_3)
{
	struct fixture f;
	set_up(&f);
	stop_daemon(&f);
	ck_assert_int_eq(run(&f, "status"), OUTCOME_NO_DAEMON); /* its file is still there */
	ck_assert_int_eq(unlink(f.path), 0);
	static const char *const lines[] = {"status",        "roles",  "hosts", "blocked",
	                                    "explain a b c", "reload", "watch", "status --json"};
	for (size_t i = 0; i < ELEMENTS_OF(lines); i++) {
		ck_assert_int_eq(run(&f, lines[i]), OUTCOME_NO_DAEMON);
		ck_assert_ptr_nonnull(strstr(f.errors, "is egressd running?"));
		ck_assert_str_eq(f.out, "");
	}
	tear_down(&f);
}
END_TEST

static void expect_check(struct fixture *fixture, const char *text, enum outcome outcome)
{
	char path[64], line[96];
	snprintf(path, sizeof(path), "%s/test.conf", fixture->directory);
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	snprintf(line, sizeof(line), "check %s", path);
	ck_assert_int_eq(run(fixture, line), outcome);
	snprintf(line, sizeof(line), "check --json %s", path);
	free(fixture->errors);
	fixture->errors = fixture->out;
	fixture->out = NULL;
	ck_assert_int_eq(run(fixture, line), outcome);
	json_t *answer = json_loads(fixture->out, 0, NULL);
	ck_assert_int_eq(json_is_true(json_object_get(answer, "good")), outcome == OUTCOME_DONE);
	json_decref(answer);
	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(check_ends_with_0_or_1_and_needs_no_daemon)
{
	struct fixture f;
	set_up(&f);
	stop_daemon(&f);
	expect_check(
	        &f,
	        "gateway = { inside = [ \"lan0\" ]; };\n"
	        "roles = { desk = { outbound = [ \"https\" ]; }; };\n"
	        "hosts = ( { name = \"pc1\"; role = \"desk\"; address = [ \"192.0.2.1\" ]; } );\n",
	        OUTCOME_DONE);
	expect_check(&f, "gateway = { inside = [ \"lan0\" ]; };\nrolls = { };\n", OUTCOME_REFUSED);
	ck_assert_int_eq(run(&f, "check /nonexistent/file"), OUTCOME_REFUSED);
	ck_assert_int_eq(run(&f, "table /nonexistent/file"), OUTCOME_REFUSED);
	ck_assert_str_eq(f.out, "");
	tear_down(&f);
}
END_TEST

int main(void)
{
	if (!place_reader())
		return EXIT_FAILURE;

	Suite *suite = suite_create("egressctl");
	TCase *tests = tcase_create("egressctl");
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, status_is_a_screen_of_80_columns);
	tcase_add_test(tests, json_is_the_parameters_of_the_reply);
	tcase_add_test(tests, explain_ends_with_0_for_permitted_and_1_for_blocked);
	tcase_add_test(tests, explain_says_what_it_could_not_make_sense_of_and_what_would_be_right);
	tcase_add_test(tests, a_rejected_reload_ends_with_1_and_shows_the_mistakes);
	tcase_add_test(tests, blocked_lists_and_narrows_down);
	tcase_add_test(tests, a_table_shows_everything_where_there_is_no_terminal);
	tcase_add_test(tests, hosts_roles_and_events_are_shown);
	tcase_add_test(tests, without_a_daemon_it_ends_with_3);
	tcase_add_test(tests, check_ends_with_0_or_1_and_needs_no_daemon);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
