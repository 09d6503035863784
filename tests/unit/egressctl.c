/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "tool-fixture.h"

#include "base/array.h"
#include "columns.h"
#include "field.h"
#include "local_time.h"
#include "plain.h"
#include "server.h"
#include "since.h"
#include "units.h"
#include "verb.h"

#include <check.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW             ((usec_t)1795356131 * USEC_PER_SEC) /* 2026-11-22 14:02:11 UTC */
#define AT(seconds_ago) (1795356131LL - (seconds_ago))

static json_t *count(int packets, int bytes)
{
	return json_pack("{s:i, s:i}", "packets", packets, "bytes", bytes);
}

static json_t *blocked(const char *source, const char *host, const char *destination, int port,
                       const char *service, const char *reason, int attempts, long long last)
{
	return json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:i, s:s?, s:s, s:i, s:i, s:I, s:I}",
	                 "source", source, "host", host, "role", host ? "desk" : NULL,
	                 "destination", destination, "protocol", "tcp", "port", port, "service",
	                 service, "reason", reason, "attempts", attempts, "packets", attempts * 2,
	                 "first", (json_int_t)(last * 1000000), "last",
	                 (json_int_t)(last * 1000000));
}

static int get_status(struct request *request, json_t *parameters, void *userdata)
{
	json_t *roles = json_pack(
	        "[{s:s, s:i, s:o, s:o, s:o}, {s:s, s:i, s:o, s:o, s:o}]", "role", "desk", "hosts",
	        35, "permitted", count(123456, 7654321), "blocked", count(1234, 61700), "revoked",
	        count(3, 180), "role", "a-role-whose-name-is-so-long-that-it-cannot-fit", "hosts",
	        1, "permitted", count(0, 0), "blocked", count(0, 0), "revoked", count(0, 0));
	json_t *sources =
	        json_pack("[{s:s, s:s, s:s, s:i, s:i}, {s:s, s:n, s:n, s:i, s:i}]", "source",
	                  "192.168.0.7", "host", "pc7\033[31mred", "role", "desk", "packets", 1200,
	                  "bytes", 60000, "source", "2001:db8:1234:5678:9abc:def0:1234:5678",
	                  "host", "role", "packets", 34, "bytes", 1700);
	return request_reply(
	        request,
	        json_pack("{s:s, s:[s], s:s, s:I, s:s, s:{s:s, s:s, s:I, s:i, s:i}, s:o, s:[{s:s, "
	                  "s:i, s:i}, {s:s, s:i, s:i}], s:o, s:o, s:{s:i, s:i}, s:i, s:[s, s, s], "
	                  "s:[s]}",
	                  "state", "degraded", "degraded",
	                  "the configuration has mistakes since 13:59, and the policy that was in "
	                  "force before them stays",
	                  "mode", "enforce", "since", (json_int_t)(AT(200) * 1000000), "version",
	                  "0.1.0", "policy", "file", "/etc/egressd/egressd.conf", "digest",
	                  "3fa9c1d2e4b5a6978877665544332211", "loaded",
	                  (json_int_t)(AT(90000) * 1000000), "hosts", 38, "roles", 9, "roles",
	                  roles, "reasons", "reason", "role", "packets", 1200, "bytes", 60000,
	                  "reason", "spoofed", "packets", 0, "bytes", 0, "blocked",
	                  count(1234, 61700), "sources", sources, "events", "received", 1230,
	                  "lost", 4, "alarms", 2, "inside", "lan0", "dmz*", "eth7", "missing",
	                  "eth7"));
}

/* Takes away what is not of that source; all are for NULL. */
static void keep_source(json_t *list, const char *source)
{
	for (size_t i = json_array_size(list); source && i > 0; i--) {
		const json_t *of = json_object_get(json_array_get(list, i - 1), "source");
		if (strcmp(json_string_value(of), source) != 0)
			json_array_remove(list, i - 1);
	}
}

static int list_blocked(struct request *request, json_t *parameters, void *userdata)
{
	const char *host = json_string_value(json_object_get(parameters, "host"));
	const char *source = json_string_value(json_object_get(parameters, "source"));
	const char *role = json_string_value(json_object_get(parameters, "role"));
	const json_t *since = json_object_get(parameters, "since");
	if (source && strcmp(source, "www1") == 0)
		return request_invalid_parameter(request, "source");
	if ((role && strcmp(role, "mail") == 0) || (host && strcmp(host, "pc9") == 0))
		return request_reply(request, json_pack("{s:[]}", "blocked"));
	if (since && json_integer_value(since) == (json_int_t)((NOW - 600 * USEC_PER_SEC)))
		return request_reply(request, json_pack("{s:[]}", "blocked"));
	if (host && strcmp(host, "nobody") == 0)
		return request_error(request, "io.egressd.NoSuchHost",
		                     json_pack("{s:s}", "host", host));
	json_t *answer = json_pack(
	        "{s:[o, o, o, o, o, o]}", "blocked",
	        blocked("192.168.0.7", "pc7", "198.51.100.9", 25, "smtp", "role", 40, AT(31)),
	        blocked("192.168.0.7", "pc7", "198.51.100.10", 25, "smtp", "role", 900, AT(5)),
	        blocked("192.168.0.7", "pc7", "198.51.100.11", 6667, NULL, "role", 40, AT(7200)),
	        blocked("192.168.0.7", "pc7", "198.51.100.12", 6667, NULL, "role", 3, AT(400000)),
	        blocked("2001:db8:1234:5678:9abc:def0:1234:5678", NULL, "2001:db8:ff::25", 25,
	                "smtp", "unassigned", 17, AT(180)),
	        blocked("192.168.0.8", "pc8", "198.51.100.9", 22, "ssh", "role", 1, AT(180)));
	keep_source(json_object_get(answer, "blocked"), source);
	return request_reply(request, answer);
}

static int explain(struct request *request, json_t *parameters, void *userdata)
{
	const char *service = json_string_value(json_object_get(parameters, "service"));
	const char *source = json_string_value(json_object_get(parameters, "source"));
	if (strcmp(source, "nonsense") == 0)
		return request_invalid_parameter(request, "source");
	if (strcmp(json_string_value(json_object_get(parameters, "destination")), "2001:db8::80") ==
	    0)
		return request_invalid_parameter(request, "destination");
	if (strchr("25t", *service) && strcmp(service, "tcp/25") != 0)
		return request_invalid_parameter(request, "service");
	bool permitted = strcmp(service, "https") == 0;
	return request_reply(request,
	                     json_pack("{s:s, s:s?, s:s, s:s, s:s, s:i, s:s, s:s}", "verdict",
	                               permitted ? "permitted" : "blocked", "reason",
	                               permitted ? NULL : "role", "host", "pc7", "role", "desk",
	                               "file", "office.conf", "line", 12, "mode", "audit", "text",
	                               "role desk may initiate http, https, dns"));
}

static int reload(struct request *request, json_t *parameters, void *userdata)
{
	return request_error(request, "io.egressd.PolicyRejected",
	                     json_pack("{s:[{s:s, s:i, s:s}]}", "problems", "file", "a.conf",
	                               "line", 7, "text", "there is no role \"dsek\"\033[2J"));
}

static int list_hosts(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(request,
	                     json_pack("{s:[{s:s, s:s, s:[s, s], s:[s], s:s, s:b, s:s, s:i}]}",
	                               "hosts", "name", "www1", "role", "web", "addresses",
	                               "192.0.2.80", "2001:db8::80", "macs", "52:54:00:12:34:56",
	                               "mode", "enforce", "self", 0, "file", "a.conf", "line", 3));
}

static int list_roles(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(
	        request,
	        json_pack("{s:[{s:s, s:s, s:i, s:[s, s], s:[s, s], s:n, s:b, s:{s:i, s:i}, s:o, "
	                  "s:o, s:s, s:i}]}",
	                  "roles", "name", "desk", "mode", "enforce", "hosts", 35, "inherits",
	                  "base", "office", "outbound", "http, https", "smtp to loghost", "inbound",
	                  "tripwire", 1, "throttle", "destinations", 100, "per", 90000000,
	                  "permitted", count(5, 300), "blocked", count(0, 0), "file", "a.conf",
	                  "line", 9));
}

static int monitor(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(request, json_pack("{s:s, s:I, s:o, s:s, s:i}", "kind", "blocked",
	                                        "time", (json_int_t)NOW, "attempt",
	                                        blocked("192.168.0.7", "pc7", "198.51.100.9", 25,
	                                                "smtp", "role", 1, AT(0)),
	                                        "text", "", "lost", 3));
}

static const struct parameter blocked_parameters[] = {
        {"source", PARAMETER_STRING, false},
        {"host", PARAMETER_STRING, false},
        {"role", PARAMETER_STRING, false},
        {"since", PARAMETER_INT, false},
        {},
};
static const struct parameter explain_parameters[] = {
        {"source", PARAMETER_STRING, true},  {"destination", PARAMETER_STRING, true},
        {"service", PARAMETER_STRING, true}, {"interface", PARAMETER_STRING, false},
        {"mac", PARAMETER_STRING, false},    {},
};
static const struct parameter host_parameters[] = {{"role", PARAMETER_STRING, false}, {}};

/* The one in the middle is seen to: the status does not repeat it. */
static int list_alarms(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(
	        request,
	        json_pack("{s:[{s:i, s:s, s:s, s:s}, {s:i, s:s, s:s, s:s}, {s:i, s:s, s:s, s:s}]}",
	                  "alarms", "id", 7, "severity", "critical", "state", "open", "text",
	                  "www1 (192.0.2.80, web) tried tcp/21 to 203.0.113.9: role web may "
	                  "initiate nothing. 3 attempts since 14:02:11.",
	                  "id", 6, "severity", "critical", "state", "acknowledged", "text", "seen",
	                  "id", 5, "severity", "warning", "state", "open", "text",
	                  "pc7 tries tcp/25."));
}

static const struct parameter list_alarms_parameters[] = {
        {"all", PARAMETER_BOOL, false},
        {"utc_offset", PARAMETER_INT, false},
        {},
};

static const struct method methods[] = {
        {.name = "ListAlarms",
         .access = ACCESS_READ,
         .call = list_alarms,
         .parameters = list_alarms_parameters},
        {"GetStatus", ACCESS_READ, false, get_status, NULL},
        {"ListBlocked", ACCESS_READ, false, list_blocked, blocked_parameters},
        {"Explain", ACCESS_READ, false, explain, explain_parameters},
        {"ListHosts", ACCESS_READ, false, list_hosts, host_parameters},
        {"ListRoles", ACCESS_READ, false, list_roles, NULL},
        {"Reload", ACCESS_CHANGE, false, reload, NULL},
        {"Monitor", ACCESS_READ, true, monitor, NULL},
        {},
};

static void set_up(struct fixture *fixture)
{
	fixture_set_up(fixture, methods);
}

/* No word of a line has a space in it. */
static enum outcome run(struct fixture *fixture, const char *line)
{
	return fixture_run(fixture, line, " ", NOW);
}

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
	        f.out, "Verdict     blocked for the reason role, but it passes: mode audit\n"));
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

START_TEST(protocol_and_port_are_shown_with_the_name_of_the_service)
{
	static const struct {
		const char *protocol;
		int port; /* -1: none */
		const char *service;
		const char *text;
		size_t traffic;
	} cases[] = {
	        {"tcp", 21, "ftp", "tcp/21 (ftp)", 6},
	        {"udp", 40000, NULL, "udp/40000", 9},
	        {"icmp", 8, NULL, "icmp/echo-request", 17},
	        {"icmp", 8, "ping", "icmp/echo-request (ping)", 17},
	        {"icmpv6", 128, NULL, "icmpv6/echo-request", 19},
	        {"icmp", 77, NULL, "icmp/77", 7},
	        {"icmp", 264, NULL, "icmp/264", 8},
	        {"gre", -1, NULL, "gre", 3},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		size_t traffic = 0;
		json_t *entry = json_pack("{s:s, s:s?}", "protocol", cases[i].protocol, "service",
		                          cases[i].service);
		json_object_set_new(entry, "port",
		                    cases[i].port < 0 ? json_null() : json_integer(cases[i].port));
		char *text = field_service(entry, &traffic);
		ck_assert_str_eq(text, cases[i].text);
		ck_assert_uint_eq(traffic, cases[i].traffic);
		free(text);
		json_decref(entry);
	}
}
END_TEST

static const struct column narrow_columns[] = {
        {"Name", false, YIELD_FIRST},   {"Address", false, YIELD_NEVER},
        {"Reason", false, YIELD_AWAY},  {"Service", false, YIELD_FIRST},
        {"Attempts", true, YIELD_AWAY}, {},
};

/* The same table, fitted to a terminal of that many columns. */
static void expect_columns(size_t width, const char *expected)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	struct writer writer = {.out = out, .width = width, .utf8 = true, .terminal = true};
	struct columns columns;
	columns_init(&columns, &writer, narrow_columns);
	columns_add_across(&columns, COLOUR_NONE, "%s", "from side to side");
	columns_add(&columns, COLOUR_NONE, "%s", "a-name-of-some-length");
	columns_add(&columns, COLOUR_NONE, "%s", "2001:db8::7");
	columns_add(&columns, COLOUR_NONE, "%s", "role");
	columns_add(&columns, COLOUR_NONE, "%s", "tcp/6667 (internet-relay)");
	columns_keep(&columns, 8);
	columns_add(&columns, COLOUR_NONE, "%s", "7");
	columns_print(&columns);
	columns_done(&columns);
	fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(names_yield_first_then_columns_and_addresses_never)
{
	expect_columns(120,
	               "Name                   Address      Reason  Service                    "
	               "Attempts\n"
	               "from side to side\n"
	               "a-name-of-some-length  2001:db8::7  role    tcp/6667 (internet-relay)  "
	               "       7\n");
	expect_columns(50, "Name      Address      Reason  Service    Attempts\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  role    tcp/6667…         7\n");
	expect_columns(48, "Name          Address      Reason  Service\n"
	                   "from side to side\n"
	                   "a-name-of-s…  2001:db8::7  role    tcp/6667 (in…\n");
	expect_columns(40, "Name      Address      Reason  Service\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  role    tcp/6667…\n");
	expect_columns(32, "Name      Address      Service\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  tcp/6667…\n");
	expect_columns(20, "Name      Address      Service\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  tcp/6667…\n");
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

START_TEST(wrong_usage_ends_with_2_and_says_what_would_be_right)
{
	static const struct {
		const char *line;
		const char *errors;
	} wrong[] = {
	        {"statsu", "egressctl: there is no verb \"statsu\"; did you mean \"status\"?\n"},
	        {"frobnicate",
	         "egressctl: there is no verb \"frobnicate\"; see egressctl --help\n"},
	        {"explain 192.0.2.1",
	         "egressctl: usage: egressctl explain SRC DST SERVICE [--interface NAME] [--mac "
	         "MAC]\n"},
	        {"status now", "egressctl: usage: egressctl status\n"},
	        {"check", "egressctl: usage: egressctl check FILE\n"},
	        {"status --role desk", "egressctl: status takes no option --role\n"},
	        {"--frob", "egressctl: there is no option --frob; see egressctl --help\n"},
	        {"blocked --since", "egressctl: --since needs a value; see egressctl --help\n"},
	};
	struct fixture f;
	set_up(&f);
	for (size_t i = 0; i < ELEMENTS_OF(wrong); i++) {
		ck_assert_int_eq(run(&f, wrong[i].line), OUTCOME_USAGE);
		ck_assert_str_eq(f.errors, wrong[i].errors);
		ck_assert_str_eq(f.out, "");
	}
	ck_assert_int_eq(run(&f, ""), OUTCOME_USAGE);
	ck_assert_ptr_nonnull(strstr(f.errors, "Usage: "));
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

START_TEST(help_fits_80_columns_and_has_every_verb)
{
	static const char *const names[] = {"status",  "roles",    "hosts",       "blocked",
	                                    "explain", "check",    "table",       "reload",
	                                    "assign",  "unassign", "assignments", "permit",
	                                    "revoke",  "permits",  "watch"};
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "--help"), OUTCOME_DONE);
	for (const char *line = f.out; *line; line += strcspn(line, "\n") + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 80);
	for (size_t i = 0; i < ELEMENTS_OF(names); i++) {
		char start[32];
		snprintf(start, sizeof(start), "\n  %s ", names[i]);
		ck_assert_ptr_nonnull(strstr(f.out, start));
	}
	ck_assert_int_eq(run(&f, "--version"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "egressctl " EGRESSD_VERSION "\n");
	tear_down(&f);
}
END_TEST

/* The words of a line are set apart by bars; the last one is being typed. */
static void expect_completions(const char *line, const char *expected)
{
	char program[] = "egressctl", complete[] = "--complete", words[128], *text = NULL;
	char *argv[16] = {program, complete}, *rest = words;
	size_t length;
	int argc = 2;
	snprintf(words, sizeof(words), "%s", line);
	while (rest)
		argv[argc++] = strsep(&rest, "|");
	FILE *out = open_memstream(&text, &length);
	ck_assert_int_eq(egressctl_run(argc, argv, out, stderr, NOW), OUTCOME_DONE);
	fclose(out);
	ck_assert_msg(strcmp(text, expected) == 0, "%s: %s", line, text);
	free(text);
}

START_TEST(a_shell_is_told_what_may_come_next)
{
	expect_completions("re", "reload\nrevoke\nrelease\n");
	expect_completions("--so", "--socket\n");
	expect_completions("blocked|--so", "--socket\n--source\n");
	expect_completions("--json|blocked|--by|",
	                   "source\ndestination\nhost\nservice\nreason\nrole\n");
	expect_completions("blocked|--by=r", "reason\nrole\n");
	expect_completions("blocked|--since|t", "today\n");
	expect_completions("blocked|--since|today|", "");
	expect_completions("check|", ":files\n");
	expect_completions("check|a.conf|", "");
	expect_completions("--socket|", ":files\n");
	expect_completions("alarms|", "show\nack\nclear\n");
	expect_completions("permit|www1|https|", "to\n");
	expect_completions("permit|www1|submi", "submission\nsubmissions\n");
	expect_completions("permit|www1|https|--for|2h|t", "to\n");
	expect_completions("statsu|", "");
	expect_completions("status|", "");
}
END_TEST

START_TEST(a_shell_is_told_the_names_that_the_daemon_knows_and_nothing_without_one)
{
	struct fixture f;
	set_up(&f);
	char line[128];
	static const struct {
		const char *words;
		const char *expected;
	} cases[] = {
	        {"explain|", "www1\n"},
	        {"blocked|--host|w", "www1\n"},
	        {"hosts|--role|", "desk\n"},
	        {"assign|192.0.2.9|d", "desk\n"},
	        {"alarms|ack|", "7\n6\n5\n"},
	        {"permit|www1|https|to|", "host:www1\nrole:desk\n"},
	        {"permit|www1|https|to|role:d", "role:desk\n"},
	        {"permit|www1|https|to|host:x", ""},
	        {"release|", ""}, /* that daemon does not know who is in quarantine */
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		snprintf(line, sizeof(line), "--socket|%s|%s", f.path, cases[i].words);
		expect_completions(line, cases[i].expected);
	}
	stop_daemon(&f);
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		snprintf(line, sizeof(line), "--socket=%s|%s", f.path, cases[i].words);
		expect_completions(line, "");
	}
	tear_down(&f);
}
END_TEST

START_TEST(a_verb_s_own_help_tells_of_that_verb)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "blocked --help"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(
	        f.out, "Usage: egressctl blocked [--source ADDRESS] [--host NAME] [--role NAME]"));
	ck_assert_ptr_nonnull(strstr(f.out, "destination, host, service, reason or role"));
	ck_assert_ptr_null(strstr(f.out, "quarantine"));
	ck_assert_int_eq(run(&f, "--help permit"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out, " --for TIME --why TEXT\n"));
	ck_assert_ptr_nonnull(strstr(f.out, "host:NAME\nor role:NAME"));
	for (const struct verb *verb = verbs; verb->name; verb++) {
		char line[64];
		snprintf(line, sizeof(line), "%s --help", verb->name);
		ck_assert_int_eq(run(&f, line), OUTCOME_DONE);
		for (const char *rest = strchr(f.out, '\n'); *rest; rest += strcspn(rest, "\n"))
			ck_assert_uint_le(strcspn(++rest, "\n"), 80);
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

START_TEST(numbers_are_short_and_never_too_large)
{
	static const struct {
		int64_t number;
		const char *count;
		const char *bytes;
	} cases[] = {
	        {-5, "0", "0 B"},
	        {0, "0", "0 B"},
	        {999, "999", "999 B"},
	        {1000, "1.0k", "1000 B"},
	        {1299, "1.2k", "1.2 KiB"},
	        {9999, "9.9k", "9.7 KiB"},
	        {34567, "34k", "33 KiB"},
	        {999999, "999k", "976 KiB"},
	        {3565158, "3.5M", "3.3 MiB"},
	        {INT64_MAX, "9223372T", "8388607 TiB"},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char buffer[UNIT_TEXT_MAX];
		ck_assert_str_eq(count_print(cases[i].number, buffer), cases[i].count);
		ck_assert_str_eq(bytes_print(cases[i].number, buffer), cases[i].bytes);
	}
}
END_TEST

START_TEST(times_are_read_as_people_say_them)
{
	static const struct {
		const char *text;
		long long expected;
	} cases[] = {
	        {"10min", AT(600)},
	        {"90 s", AT(90)},
	        {"2h", AT(7200)},
	        {"3 days", AT(3 * 86400)},
	        {"1w", AT(7 * 86400)},
	        {"999999999w", 0},
	        {"today", 1795305600},
	        {"yesterday", 1795219200},
	        {"2026-11-22 14:00", 1795356000},
	        {"2026-11-22 14:00:30", 1795356030},
	        {"2026-11-20", 1795132800},
	        {"13:00", 1795352400},
	        {"", -1},
	        {"10", -1},
	        {"min", -1},
	        {"10 parsecs", -1},
	        {"9999999999s", 0},
	        {"1h30m", AT(5400)},
	        {"1 h 30 min", AT(5400)},
	        {"30m1h", -1},
	        {"0s", -1},
	        {"-5min", -1},
	        {"2026-02-31", -1},
	        {"2026-11-22 14:00 or so", -1},
	        {"tomorrow", -1},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		usec_t time = 0;
		int r = since_parse(cases[i].text, NOW, &time);
		ck_assert_msg(r == (cases[i].expected < 0 ? -EINVAL : 0), "\"%s\": %d",
		              cases[i].text, r);
		if (r == 0)
			ck_assert_msg(time == (usec_t)cases[i].expected * USEC_PER_SEC,
			              "\"%s\": %llu", cases[i].text, (unsigned long long)time);
	}
}
END_TEST

START_TEST(text_from_outside_is_made_safe)
{
	static const struct {
		const char *text;
		const char *utf8;
		const char *ascii;
	} cases[] = {
	        {"plain", "plain", "plain"},
	        {"\033[31mred\007", "?[31mred?", "?[31mred?"},
	        {"a\nb\rc\td\x7f", "a?b?c?d?", "a?b?c?d?"},
	        {"B\xc3\xbcro", "B\xc3\xbcro", "B?ro"},
	        {"\xc2\x9b"
	         "31m",
	         "?31m", "?31m"},
	        {"\xe2\x80\xae"
	         "txt",
	         "?txt", "?txt"},
	        {"bad \xff\xc3", "bad ??", "bad ??"},
	        {"\xc0\xaf\xed\xa0\x80", "?????", "?????"},
	        {"\xf0\x9f\x90\x8c", "\xf0\x9f\x90\x8c", "?"},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char *utf8 = plain_copy(cases[i].text, true, false);
		char *ascii = plain_copy(cases[i].text, false, false);
		ck_assert_str_eq(utf8, cases[i].utf8);
		ck_assert_str_eq(ascii, cases[i].ascii);
		free(utf8);
		free(ascii);
	}
}
END_TEST

START_TEST(times_within_sentences_are_those_of_the_reader)
{
	static const struct {
		const char *text;
		const char *local;
	} cases[] = {
	        {"until 2026-11-22 18:00:00 UTC, by alice",
	         "until 2026-11-22 19:00:00 CET, by alice"},
	        {"2026-07-01 23:30:00 UTC", "2026-07-02 01:30:00 CEST"},
	        {"2026-11-22 18:00:00 UTC to 2026-11-22 18:00:01 UTC.",
	         "2026-11-22 19:00:00 CET to 2026-11-22 19:00:01 CET."},
	        {"2026-11-22 18:00:00 CET, 02026-11-22 18:00:00 UTC, in UTC",
	         "2026-11-22 18:00:00 CET, 02026-11-22 18:00:00 UTC, in UTC"},
	        {"no time at all", "no time at all"},
	        {"", ""},
	};
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char *local = local_times(strdup(cases[i].text));
		ck_assert_str_eq(local, cases[i].local);
		free(local);
	}
	ck_assert_ptr_null(local_times(NULL));
	char buffer[UNIT_TEXT_MAX];
	ck_assert_str_eq(time_print((int64_t)NOW, buffer), "2026-11-22 15:02:11 CET");
}
END_TEST

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	if (!setlocale(LC_ALL, "C.UTF-8"))
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
	tcase_add_test(tests, protocol_and_port_are_shown_with_the_name_of_the_service);
	tcase_add_test(tests, names_yield_first_then_columns_and_addresses_never);
	tcase_add_test(tests, hosts_roles_and_events_are_shown);
	tcase_add_test(tests, wrong_usage_ends_with_2_and_says_what_would_be_right);
	tcase_add_test(tests, without_a_daemon_it_ends_with_3);
	tcase_add_test(tests, help_fits_80_columns_and_has_every_verb);
	tcase_add_test(tests, a_shell_is_told_what_may_come_next);
	tcase_add_test(tests,
	               a_shell_is_told_the_names_that_the_daemon_knows_and_nothing_without_one);
	tcase_add_test(tests, a_verb_s_own_help_tells_of_that_verb);
	tcase_add_test(tests, check_ends_with_0_or_1_and_needs_no_daemon);
	tcase_add_test(tests, numbers_are_short_and_never_too_large);
	tcase_add_test(tests, times_are_read_as_people_say_them);
	tcase_add_test(tests, text_from_outside_is_made_safe);
	tcase_add_test(tests, times_within_sentences_are_those_of_the_reader);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
