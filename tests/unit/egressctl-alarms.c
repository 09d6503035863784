/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "alarm.h"
#include "ecs.h"
#include "hunt.h"
#include "sums.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW ((usec_t)1795356131 * USEC_PER_SEC) /* 2026-11-22 14:02:11 UTC */

static const char beacon_event[] =
        "{\"kind\": \"alarm\", \"time\": 1795356131250000, \"change\": \"opened\", \"lost\": 0,"
        " \"text\": \"\", \"alarm\": {\"id\": 3, \"kind\": \"beacon\", \"severity\": \"warning\","
        " \"state\": \"open\", \"host\": \"pc7\", \"role\": \"desk\", \"source\": \"192.168.0.7\","
        " \"destination\": \"203.0.113.9\", \"protocol\": \"tcp\", \"port\": 25, \"attempts\": 4,"
        " \"first\": 1795356041000000, \"last\": 1795356131000000, \"score\": 0.625,"
        " \"text\": \"pc7 (192.168.0.7, desk) tries tcp/25 at 203.0.113.9 every 30 s: 4 attempts"
        " since 14:00:41.\"},"
        " \"card\": {\"mac\": \"52:54:00:12:34:ab\", \"interface\": \"lan0\", \"detail\": \"http\","
        " \"changed\": 1795356131000000, \"quiet\": 86400000000, \"danger\": 1,"
        " \"period\": 30000000, \"expected\": [1795356161000000, 1795356191000000],"
        " \"strobe\": false, \"rita\": {\"total\": 0.625, \"category\": \"base\","
        " \"window\": 3600000000, \"timestamps\": 1.0, \"sizes\": 1.0, \"histogram\": 0.0,"
        " \"duration\": 0.5}, \"distinct\": null, \"succeeded\": null, \"span\": null, "
        "\"evidence\":"
        " [{\"time\": 1795356131000000, \"source\": \"192.168.0.7\","
        " \"destination\": \"203.0.113.9\", \"protocol\": \"tcp\", \"port\": 25,"
        " \"source_port\": 40004}], \"services\": [{\"protocol\": \"tcp\", \"port\": 25,"
        " \"attempts\": 4}, {\"protocol\": \"tcp\", \"port\": 4444, \"attempts\": 1},"
        " {\"protocol\": \"udp\", \"port\": 69, \"attempts\": 1}]}}";

/* clang-format off */
static const char hunt_golden[] =
	"Alarm       3, warning beacon, open\n"
	"            pc7 (192.168.0.7, desk) tries tcp/25 at 203.0.113.9 every 30 s: 4\n"
	"            attempts since 14:00:41.\n"
	"Host        pc7, role desk\n"
	"Source      192.168.0.7, MAC 52:54:00:12:34:ab, on lan0\n"
	"May         http\n"
	"First       2026-11-22 14:00:41 UTC (1 min ago)\n"
	"Last        2026-11-22 14:02:11 UTC (just now)\n"
	"State       open since 2026-11-22 14:02:11 UTC (just now)\n"
	"Clears      by itself after 24 h 0 min without another\n"
	"Period      30 s\n"
	"Expected    2026-11-22 14:02:41 UTC\n"
	"            2026-11-22 14:03:11 UTC\n"
	"RITA score  0.625 (base) over 1 h 0 min: timestamps 1.000, sizes 1.000,\n"
	"            histogram 0.000, duration 0.500\n"
	"psad        danger level 1 of 5\n"
	"Tried       tcp/25: 4 attempts\n"
	"            tcp/4444: 1 attempt\n"
	"            udp/69: 1 attempt\n"
	"\n"
	"Time                     From         Source port  To           Service\n"
	"2026-11-22 14:02:11 UTC  192.168.0.7        40004  203.0.113.9  tcp/25\n"
	"\n"
	"On that machine, which process it is (as root; again and again, as a refused socket is gone at once):\n"
	"  Linux    ss -tnp 'dport = :25 or dport = :4444'\n"
	"  Windows  netstat -ano -p tcp | findstr \":25 :4444\"\n"
	"  any Unix lsof -nP -iTCP:25,4444\n"
	"  Linux    ss -unp 'dport = :69'\n"
	"  Windows  netstat -ano -p udp\n"
	"  any Unix lsof -nP -iUDP:69\n";
/* clang-format on */

/* Where a verb's text goes. */
struct paper {
	char *text;
	size_t size;
	struct command command;
};

static void paper_new(struct paper *paper)
{
	*paper = (struct paper){};
	FILE *out = open_memstream(&paper->text, &paper->size);
	ck_assert_ptr_nonnull(out);
	paper->command.writer = (struct writer){.out = out, .width = 80};
	paper->command.errors = out;
	paper->command.now = NOW;
}

static void assert_paper(struct paper *paper, const char *expected)
{
	ck_assert_int_eq(fclose(paper->command.writer.out), 0);
	ck_assert_str_eq(paper->text, expected);
	free(paper->text);
}

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(json);
	return json;
}

START_TEST(a_card_has_sentence_evidence_expectations_and_the_commands_to_type)
{
	json_t *event = parse(beacon_event);
	struct paper paper;
	paper_new(&paper);
	hunt_print(&paper.command, json_object_get(event, "alarm"), json_object_get(event, "card"));
	assert_paper(&paper, hunt_golden);
	json_decref(event);
}
END_TEST

START_TEST(a_beacon_that_has_stopped_is_not_expected_in_the_past)
{
	static const struct {
		usec_t later;
		const char *expected;
	} cases[] = {
	        {44 * USEC_PER_SEC, "Expected    2026-11-22 14:02:41 UTC\n"
	                            "            2026-11-22 14:03:11 UTC\n"},
	        {46 * USEC_PER_SEC, "Expected    2026-11-22 14:02:41 UTC, and it did not come\n"
	                            "            2026-11-22 14:03:11 UTC\n"},
	        {660 * USEC_PER_SEC, "Expected    2026-11-22 14:02:41 UTC, and it did not come\n"
	                             "            2026-11-22 14:03:11 UTC, and it did not come\n"},
	};
	json_t *event = parse(beacon_event);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct paper paper;
		paper_new(&paper);
		paper.command.now = NOW + cases[i].later;
		hunt_print(&paper.command, json_object_get(event, "alarm"),
		           json_object_get(event, "card"));
		fclose(paper.command.writer.out);
		ck_assert_ptr_nonnull(strstr(paper.text, cases[i].expected));
		free(paper.text);
	}
	json_decref(event);
}
END_TEST

START_TEST(a_card_of_a_sender_that_is_no_host_names_the_next_step)
{
	json_t *alarm = json_pack("{s:s, s:s, s:s}", "kind", "unassigned", "state", "open",
	                          "source", "192.168.0.90");
	struct paper paper;
	paper_new(&paper);
	hunt_print(&paper.command, alarm, NULL);
	fclose(paper.command.writer.out);
	ck_assert_ptr_nonnull(
	        strstr(paper.text, "\n  egressctl assign 192.168.0.90 ROLE --for 8h --why TEXT\n"));
	free(paper.text);
	json_decref(alarm);
}
END_TEST

START_TEST(who_acknowledged_and_who_cleared_an_alarm_is_shown)
{
	json_t *alarm = json_pack("{s:i, s:s, s:s, s:s, s:i, s:I, s:s, s:{s:s, s:i, s:I}, s:n}",
	                          "id", 3, "severity", "warning", "kind", "scan", "state",
	                          "acknowledged", "attempts", 2, "last", (json_int_t)NOW, "text",
	                          "pc7 scans.", "acknowledged", "user", "alice", "uid", 1000,
	                          "time", (json_int_t)(NOW - 300 * USEC_PER_SEC), "cleared");
	struct paper paper;
	paper_new(&paper);
	alarm_print(&paper.command, alarm);
	assert_paper(&paper, "3           warning scan, acknowledged by alice 5 min ago; last just "
	                     "now\n            pc7 scans.\n");

	json_object_set_new(alarm, "state", json_string("cleared"));
	paper_new(&paper);
	alarm_print(&paper.command, alarm);
	hunt_print(&paper.command, alarm, NULL);
	fclose(paper.command.writer.out);
	ck_assert_ptr_nonnull(strstr(paper.text, "warning scan, cleared; last"));
	ck_assert_ptr_nonnull(strstr(paper.text, "\nBy          alice (uid 1000), acknowledged "
	                                         "2026-11-22 13:57:11 UTC (5 min ago)\n"));
	free(paper.text);

	json_t *event = json_pack("{s:s, s:O}", "change", "acknowledged", "alarm", alarm);
	json_t *record = ecs_from_event(event);
	json_t *user = json_pack("{s:s, s:s}", "id", "1000", "name", "alice");
	ck_assert(json_equal(json_object_get(record, "user"), user));
	json_decref(user);
	json_decref(record);
	json_decref(event);
	json_decref(alarm);
}
END_TEST

START_TEST(a_command_for_more_ports_than_it_can_name_names_none)
{
	json_t *card = json_pack("{s:[]}", "services");
	for (int port = 1; port <= 9; port++)
		json_array_append_new(json_object_get(card, "services"),
		                      json_pack("{s:s, s:i, s:i}", "protocol", "tcp", "port", port,
		                                "attempts", 1));
	json_t *alarm = json_object();
	struct paper paper;
	paper_new(&paper);
	hunt_print(&paper.command, alarm, card);
	fclose(paper.command.writer.out);
	ck_assert_ptr_nonnull(strstr(paper.text, "  Linux    ss -tnp\n"));
	ck_assert_ptr_nonnull(strstr(paper.text, "  any Unix lsof -nP -iTCP\n"));
	free(paper.text);
	json_decref(card);
	json_decref(alarm);
}
END_TEST

START_TEST(a_card_of_a_daemon_that_tells_nothing_is_printed_all_the_same)
{
	struct paper paper;
	paper_new(&paper);
	hunt_print(&paper.command, NULL, NULL);
	fclose(paper.command.writer.out);
	ck_assert_ptr_nonnull(strstr(paper.text, "Alarm       0, ? ?, ?\n"));
	free(paper.text);
}
END_TEST

START_TEST(an_alarm_is_told_in_the_names_of_the_elastic_common_schema)
{
	json_t *event = parse(beacon_event);
	json_t *record = ecs_from_event(event);
	char *text = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(4));
	ck_assert_str_eq(
	        text,
	        "{\"@timestamp\":\"2026-11-22T14:02:11.250Z\",\"ecs\":{\"version\":\"8.11.0\"},"
	        "\"event\":{\"kind\":\"alert\",\"category\":[\"intrusion_detection\"],"
	        "\"type\":[\"denied\"],\"action\":\"alarm-opened\",\"severity\":73,"
	        "\"module\":\"egressd\",\"dataset\":\"egressd.alarm\",\"provider\":\"egressd\","
	        "\"start\":\"2026-11-22T14:00:41.000Z\",\"end\":\"2026-11-22T14:02:11.000Z\"},"
	        "\"message\":\"pc7 (192.168.0.7, desk) tries tcp/25 at 203.0.113.9 every 30 s: 4 "
	        "attempts since 14:00:41.\",\"rule\":{\"name\":\"beacon\",\"ruleset\":\"egressd\"},"
	        "\"host\":{\"name\":\"pc7\"},\"source\":{\"ip\":\"192.168.0.7\","
	        "\"address\":\"192.168.0.7\",\"port\":40004,\"mac\":\"52-54-00-12-34-AB\"},"
	        "\"destination\":{\"ip\":\"203.0.113.9\",\"address\":\"203.0.113.9\",\"port\":25},"
	        "\"network\":{\"transport\":\"tcp\",\"type\":\"ipv4\"},\"observer\":{"
	        "\"vendor\":\"egressd\",\"product\":\"egressd\",\"type\":\"firewall\","
	        "\"ingress\":{\"interface\":{\"name\":\"lan0\"}}},\"egressd\":{\"alarm\":{\"id\":3,"
	        "\"kind\":\"beacon\",\"severity\":\"warning\",\"state\":\"open\",\"role\":\"desk\","
	        "\"attempts\":4,\"score\":0.625,\"danger\":1,\"period\":30000000,\"lost\":0}}}");
	free(text);
	json_decref(record);
	json_decref(event);
}
END_TEST

START_TEST(what_audit_let_pass_is_allowed_and_a_success_of_whoever_tried)
{
	static const struct {
		int attempts, passed;
		const char *type, *outcome;
	} cases[] = {
	        {4, 4, "[\"allowed\"]", "success"},
	        {4, 1, "[\"allowed\",\"denied\"]", "success"},
	        {4, 0, "[\"denied\"]", "failure"},
	        {0, 0, "[\"denied\"]", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *event = parse(beacon_event), *alarm = json_object_get(event, "alarm");
		json_object_set_new(alarm, "attempts", json_integer(cases[i].attempts));
		json_object_set_new(alarm, "passed", json_integer(cases[i].passed));
		json_t *record = ecs_from_event(event), *part = json_object_get(record, "event");
		char *type = json_dumps(json_object_get(part, "type"), JSON_COMPACT);
		ck_assert_str_eq(type, cases[i].type);
		ck_assert_pstr_eq(json_string_value(json_object_get(part, "outcome")),
		                  cases[i].outcome);
		const json_t *own = json_object_get(json_object_get(record, "egressd"), "alarm");
		ck_assert_int_eq(json_integer_value(json_object_get(own, "passed")),
		                 cases[i].passed);
		free(type);
		json_decref(record);
		json_decref(event);
	}
}
END_TEST

START_TEST(a_card_says_what_audit_let_pass)
{
	json_t *event = parse(beacon_event);
	json_t *alarm = json_object_get(event, "alarm"), *card = json_object_get(event, "card");
	json_object_set_new(alarm, "passed", json_integer(3));
	json_object_set_new(json_array_get(json_object_get(card, "evidence"), 0), "passed",
	                    json_true());
	json_object_set_new(json_array_get(json_object_get(card, "services"), 0), "passed",
	                    json_integer(3));
	struct paper paper;
	paper_new(&paper);
	hunt_print(&paper.command, alarm, card);
	fclose(paper.command.writer.out);
	ck_assert_ptr_nonnull(
	        strstr(paper.text,
	               "Outcome     3 would be blocked, but audit let them pass; 1 was blocked"));
	ck_assert_ptr_nonnull(strstr(paper.text, "Tried       tcp/25: 4 attempts, 3 passed\n"));
	ck_assert_ptr_nonnull(strstr(paper.text, "Service  Outcome\n"));
	ck_assert_ptr_nonnull(strstr(paper.text, "tcp/25   passed\n"));
	free(paper.text);
	json_decref(event);
}
END_TEST

static json_t *entry(const char *host, const char *destination, int port, int attempts, int last)
{
	return json_pack("{s:s?, s:s, s:s, s:i, s:i, s:i, s:i, s:i}", "host", host, "destination",
	                 destination, "protocol", "tcp", "port", port, "attempts", attempts,
	                 "packets", attempts * 2, "first", last - 5, "last", last);
}

START_TEST(what_audit_let_pass_is_summed_up_too)
{
	json_t *blocked = json_array();
	json_array_append_new(blocked, entry("pc7", "203.0.113.9", 25, 3, 100));
	json_array_append_new(blocked, entry("pc7", "203.0.113.9", 80, 9, 300));
	json_object_set_new(json_array_get(blocked, 0), "passed", json_integer(0));
	json_object_set_new(json_array_get(blocked, 1), "passed", json_integer(7));
	json_t *sums = sums_of(blocked, "host");
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(sums, 0), "attempts")),
	                 12);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(sums, 0), "passed")), 7);
	struct paper paper;
	paper_new(&paper);
	sums_print(&paper.command, sums, "host");
	fclose(paper.command.writer.out);
	ck_assert_ptr_nonnull(strstr(paper.text, "Host  Attempts  Passed  Packets"));
	ck_assert_ptr_nonnull(strstr(paper.text, "pc7         12       7       24"));
	ck_assert_ptr_nonnull(strstr(paper.text, "audit let pass; the others were blocked."));
	free(paper.text);
	json_decref(sums);
	json_decref(blocked);
}
END_TEST

START_TEST(what_was_blocked_is_summed_up_by_a_field)
{
	json_t *blocked = json_array();
	json_array_append_new(blocked, entry("pc7", "203.0.113.9", 25, 3, 100));
	json_array_append_new(blocked, entry(NULL, "203.0.113.9", 80, 1, 300));
	json_array_append_new(blocked, entry("pc7", "198.51.100.2", 25, 9, 200));

	json_t *by_destination = sums_of(blocked, "destination");
	char *text = json_dumps(by_destination, JSON_COMPACT);
	ck_assert_str_eq(text, "[{\"destination\":\"198.51.100.2\",\"attempts\":9,\"packets\":18,"
	                       "\"entries\":1,\"first\":195,\"last\":200},"
	                       "{\"destination\":\"203.0.113.9\",\"attempts\":4,\"packets\":8,"
	                       "\"entries\":2,\"first\":95,\"last\":300}]");
	free(text);
	json_decref(by_destination);

	json_t *by_host = sums_of(blocked, "host"), *by_service = sums_of(blocked, "service");
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(by_host, 1), "host")),
	                 "-");
	ck_assert_str_eq(
	        json_string_value(json_object_get(json_array_get(by_service, 0), "service")),
	        "tcp/25");
	json_decref(by_host);
	json_decref(by_service);
	json_decref(blocked);
}
END_TEST

START_TEST(a_field_that_is_none_is_refused_with_the_nearest_one)
{
	struct paper paper;
	paper_new(&paper);
	ck_assert_str_eq(sums_field(&paper.command, "role"), "role");
	ck_assert_ptr_null(sums_field(&paper.command, "destinations"));
	assert_paper(&paper, "egressctl: nothing is summed up by \"destinations\"; did you mean "
	                     "\"destination\"?\n");
}
END_TEST

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	Suite *suite = suite_create("egressctl-alarms");
	TCase *tests = tcase_create("egressctl-alarms");
	tcase_add_test(tests, a_card_has_sentence_evidence_expectations_and_the_commands_to_type);
	tcase_add_test(tests, a_beacon_that_has_stopped_is_not_expected_in_the_past);
	tcase_add_test(tests, a_card_of_a_sender_that_is_no_host_names_the_next_step);
	tcase_add_test(tests, who_acknowledged_and_who_cleared_an_alarm_is_shown);
	tcase_add_test(tests, a_command_for_more_ports_than_it_can_name_names_none);
	tcase_add_test(tests, a_card_of_a_daemon_that_tells_nothing_is_printed_all_the_same);
	tcase_add_test(tests, an_alarm_is_told_in_the_names_of_the_elastic_common_schema);
	tcase_add_test(tests, what_audit_let_pass_is_allowed_and_a_success_of_whoever_tried);
	tcase_add_test(tests, a_card_says_what_audit_let_pass);
	tcase_add_test(tests, what_audit_let_pass_is_summed_up_too);
	tcase_add_test(tests, what_was_blocked_is_summed_up_by_a_field);
	tcase_add_test(tests, a_field_that_is_none_is_refused_with_the_nearest_one);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
