/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_UNIT_TOOL_ANSWERS_H
#define EGRESSD_TESTS_UNIT_TOOL_ANSWERS_H

#include "tool-clock.h"
#include "tool-fixture.h"

#include "server.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* What the daemon of a gateway answers that has a few hosts, of which one tries much. */

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
	if (host && strcmp(host, "www9") == 0) {
		json_t *answers = blocked("192.0.2.9", host, "198.51.100.9", 1025, NULL,
		                          "quarantine", 0, AT(5));
		json_object_set_new(answers, "packets", json_integer(12));
		return request_reply(request, json_pack("{s:[o]}", "blocked", answers));
	}
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
        {"utc_offset_since", PARAMETER_INT, false},
        {"utc_offset_before", PARAMETER_INT, false},
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

#endif
