/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt.h"

#include "alarm.h"
#include "base/cleanup.h"
#include "columns.h"
#include "field.h"
#include "units.h"
#include "user.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PORTS_MAX 8 /* that a command looks for */

static void print_who(const struct command *command, const json_t *alarm, const json_t *card)
{
	const struct writer *writer = &command->writer;
	const char *host = field_text(alarm, "host", NULL), *role = field_text(alarm, "role", NULL);
	const char *source = field_text(alarm, "source", NULL);
	const char *mac = field_text(card, "mac", NULL);
	const char *interface = field_text(card, "interface", NULL);

	if (host)
		writer_field(writer, "Host", COLOUR_NONE, "%s%s%s", host, role ? ", role " : "",
		             role ? role : "");
	if (source)
		writer_field(writer, "Source", COLOUR_NONE, "%s%s%s%s%s", source,
		             mac ? ", MAC " : "", mac ? mac : "", interface ? ", on " : "",
		             interface ? interface : "");
}

/* Who acknowledged or cleared it, and when. */
static void print_deed(const struct command *command, const json_t *alarm, const char *what)
{
	const json_t *deed = json_object_get(alarm, what);
	char when[WHEN_TEXT_MAX];
	if (json_is_object(deed))
		writer_field(&command->writer, "By", COLOUR_NONE, "%s (uid %lld), %s %s",
		             field_text(deed, "user", "?"), (long long)field_number(deed, "uid"),
		             what, when_print(field_number(deed, "time"), command->now, when));
}

/* What became of the attempts: "4 blocked", "4 would be blocked, but audit let them pass". */
static void print_outcome(const struct command *command, const json_t *alarm)
{
	int64_t attempts = field_number(alarm, "attempts"), passed = field_number(alarm, "passed");
	int64_t blocked = attempts - passed;
	if (!passed)
		return;
	if (blocked > 0)
		writer_field(&command->writer, "Outcome", COLOUR_WARNING,
		             "%lld would be blocked, but audit let %s pass; %lld %s blocked",
		             (long long)passed, plural(passed, "it", "them"), (long long)blocked,
		             plural(blocked, "was", "were"));
	else
		writer_field(&command->writer, "Outcome", COLOUR_WARNING,
		             "%s would be blocked, but audit let %s pass",
		             attempts == 1 ? "it" : "all", plural(attempts, "it", "them"));
}

static void print_times(const struct command *command, const json_t *alarm, const json_t *card)
{
	const struct writer *writer = &command->writer;
	char when[WHEN_TEXT_MAX], left[UNIT_TEXT_MAX];
	int64_t quiet = field_number(card, "quiet");

	writer_field(writer, "First", COLOUR_NONE, "%s",
	             when_print(field_number(alarm, "first"), command->now, when));
	writer_field(writer, "Last", COLOUR_NONE, "%s",
	             when_print(field_number(alarm, "last"), command->now, when));
	writer_field(writer, "State", COLOUR_NONE, "%s since %s", field_text(alarm, "state", "?"),
	             when_print(field_number(card, "changed"), command->now, when));
	print_deed(command, alarm, "acknowledged");
	print_deed(command, alarm, "cleared");
	if (quiet && strcmp(field_text(alarm, "state", ""), "cleared") != 0)
		writer_field(writer, "Clears", COLOUR_NONE, "by itself after %s without another",
		             left_print(quiet, 0, left));
}

static void print_beacon(const struct command *command, const json_t *card)
{
	const struct writer *writer = &command->writer;
	const json_t *expected = json_object_get(card, "expected"), *time;
	int64_t period = field_number(card, "period");
	char left[UNIT_TEXT_MAX], when[UNIT_TEXT_MAX];
	size_t i;

	int64_t until = field_number(card, "regular_until");
	if (period)
		writer_field(writer, "Period", COLOUR_NONE, "%s%s%s", left_print(period, 0, left),
		             until ? " until " : "", until ? time_print(until, when) : "");
	json_array_foreach(expected, i, time)
	{
		/* It may well be late by some of its period. */
		int64_t late = json_integer_value(time) + period / 2;
		bool missed = late < (int64_t)command->now;
		writer_field(writer, i ? "" : "Expected", missed ? COLOUR_NONE : COLOUR_BOLD,
		             "%s%s", time_print(json_integer_value(time), when),
		             missed ? ", and it did not come" : "");
	}
}

static void print_scores(const struct command *command, const json_t *alarm, const json_t *card)
{
	const struct writer *writer = &command->writer;
	const json_t *rita = json_object_get(card, "rita");
	int64_t danger = field_number(card, "danger"), distinct = field_number(card, "distinct");
	int64_t span = field_number(card, "span");
	int64_t scored = field_number(card, "scored");
	char left[UNIT_TEXT_MAX], when[UNIT_TEXT_MAX];

	if (json_is_integer(json_object_get(card, "succeeded")))
		writer_field(writer, "Contacts", COLOUR_NONE,
		             "%lld first ones failed and %lld succeeded", (long long)distinct,
		             (long long)field_number(card, "succeeded"));
	/* Of a throttle it is what its role may, which the sentence says. */
	else if (distinct && strcmp(field_text(alarm, "kind", ""), "throttle") != 0)
		writer_field(writer, "Distinct", COLOUR_NONE, "%lld%s%s", (long long)distinct,
		             span ? " within " : "", span ? left_print(span, 0, left) : "");
	if (json_is_object(rita))
		writer_field(writer, "RITA score", COLOUR_NONE,
		             "%.3f (%s) over %s: timestamps %.3f, sizes %.3f, histogram %.3f, "
		             "duration %.3f%s%s",
		             json_number_value(json_object_get(rita, "total")),
		             field_text(rita, "category", "?"),
		             left_print(field_number(rita, "window"), 0, left),
		             json_number_value(json_object_get(rita, "timestamps")),
		             json_number_value(json_object_get(rita, "sizes")),
		             json_number_value(json_object_get(rita, "histogram")),
		             json_number_value(json_object_get(rita, "duration")),
		             scored ? "; of " : "", scored ? time_print(scored, when) : "");
	if (json_is_true(json_object_get(card, "strobe")))
		writer_field(writer, "RITA score", COLOUR_NONE,
		             "none: it is a strobe, a connection a second or more");
	if (danger)
		writer_field(writer, "psad", COLOUR_NONE, "danger level %lld of 5",
		             (long long)danger);
}

static void print_tried(const struct command *command, const json_t *card)
{
	const json_t *list = json_object_get(card, "services"), *tried;
	size_t i;

	json_array_foreach(list, i, tried)
	{
		size_t traffic;
		_cleanup_free_ char *service = field_service(tried, &traffic);
		int64_t attempts = field_number(tried, "attempts");
		int64_t passed = field_number(tried, "passed");
		char outcome[64] = "";
		if (passed)
			snprintf(outcome, sizeof(outcome), ", %lld passed", (long long)passed);
		writer_field(&command->writer, i ? "" : "Tried", COLOUR_NONE, "%s: %lld %s%s",
		             service ? service : "?", (long long)attempts,
		             plural(attempts, "attempt", "attempts"), outcome);
	}
}

/* What the gateway itself tried has a column more, and so has what audit let pass. */
static void choose_evidence_columns(bool users, bool outcomes, struct column titles[static 8])
{
	size_t n = 0;
	titles[n++] = (struct column){"Time", false, YIELD_NEVER};
	titles[n++] = (struct column){"From", false, YIELD_FIRST};
	titles[n++] = (struct column){"Source port", true, YIELD_AWAY};
	titles[n++] = (struct column){"To", false, YIELD_NEVER};
	titles[n++] = (struct column){"Service", false, YIELD_FIRST};
	if (users)
		titles[n++] = (struct column){"User", false, YIELD_FIRST};
	if (outcomes)
		titles[n++] = (struct column){"Outcome", false, YIELD_NEVER};
	titles[n] = (struct column){};
}

/* True when audit let any of these attempts pass. */
static bool any_passed(const json_t *list)
{
	const json_t *attempt;
	size_t i;
	json_array_foreach(
	        list, i, attempt) if (json_is_true(json_object_get(attempt, "passed"))) return true;
	return false;
}

static void print_evidence(const struct command *command, const json_t *card)
{
	const json_t *list = json_object_get(card, "evidence"), *attempt;
	struct column titles[8];
	struct columns columns;
	size_t i;

	if (!json_array_size(list))
		return;
	bool outcomes = any_passed(list);
	bool users = json_is_integer(json_object_get(json_array_get(list, 0), "uid"));
	writer_gap(&command->writer);
	choose_evidence_columns(users, outcomes, titles);
	columns_init(&columns, &command->writer, titles);
	json_array_foreach(list, i, attempt)
	{
		size_t traffic;
		_cleanup_free_ char *service = field_service(attempt, &traffic);
		char time[UNIT_TEXT_MAX], port[32] = "-";
		if (json_is_integer(json_object_get(attempt, "source_port")))
			snprintf(port, sizeof(port), "%lld",
			         (long long)field_number(attempt, "source_port"));
		columns_add(&columns, COLOUR_NONE, "%s",
		            time_print(field_number(attempt, "time"), time));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(attempt, "source", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", port);
		columns_add(&columns, COLOUR_NONE, "%s", field_text(attempt, "destination", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", service ? service : "?");
		if (users) {
			char buffer[USER_TEXT_MAX];
			const char *user = user_print(attempt, buffer);
			columns_add(&columns, COLOUR_NONE, "%s", user ? user : "-");
		}
		if (outcomes)
			columns_add(&columns, COLOUR_NONE, "%s",
			            json_is_true(json_object_get(attempt, "passed")) ? "passed"
			                                                             : "blocked");
	}
	columns_print(&columns);
	columns_done(&columns);
}

/* What was seen of the gateway's own processes; command lines are too long for a table. */
static void print_processes(const struct command *command, const json_t *card)
{
	const struct writer *writer = &command->writer;
	const json_t *list = json_object_get(card, "processes"), *process;
	size_t i;

	if (!json_array_size(list))
		return;
	writer_gap(writer);
	writer_line(writer, COLOUR_NONE,
	            "Processes of the gateway that made these attempts, at that time, by best "
	            "effort:");
	json_array_foreach(list, i, process)
	{
		size_t traffic;
		_cleanup_free_ char *service = field_service(process, &traffic);
		char buffer[PROCESS_TEXT_MAX], user[USER_TEXT_MAX], when[WHEN_TEXT_MAX];
		const char *who = process_print(process, buffer);
		const char *executable = field_text(process, "executable", NULL);
		const char *line = field_text(process, "command", NULL);
		int64_t attempts = field_number(process, "attempts");
		int64_t started = field_number(process, "started");
		bool seen = json_is_integer(json_object_get(process, "pid"));

		writer_field(writer, seen ? "Process" : "Gone", seen ? COLOUR_BOLD : COLOUR_NONE,
		             "%s%s", seen ? who : "before it could be looked at; of ",
		             seen ? "" : user_print(process, user));
		writer_field(writer, "", COLOUR_NONE, "%s to %s, %lld %s, last %s",
		             service ? service : "?", field_text(process, "destination", "?"),
		             (long long)attempts, plural(attempts, "attempt", "attempts"),
		             when_print(field_number(process, "last"), command->now, when));
		if (!seen)
			continue;
		writer_field(writer, "", COLOUR_NONE, "user %s%s%s", user_print(process, user),
		             started ? ", started " : "",
		             started ? when_print(started, command->now, when) : "");
		if (executable)
			writer_field(writer, "", COLOUR_NONE, "program %s", executable);
		if (line)
			writer_field(writer, "", COLOUR_NONE, "command %s", line);
	}
}

/* The ports of one protocol that were tried, the latest first. */
struct ports {
	int64_t items[PORTS_MAX];
	size_t count;
	bool more; /* than there is room for */
};

static struct ports ports_of(const json_t *card, const char *protocol)
{
	const json_t *tried;
	struct ports ports = {};
	size_t i;

	json_array_foreach(json_object_get(card, "services"), i, tried)
	{
		const json_t *port = json_object_get(tried, "port");
		if (strcmp(field_text(tried, "protocol", ""), protocol) != 0 ||
		    !json_is_integer(port))
			continue;
		if (ports.count < PORTS_MAX)
			ports.items[ports.count++] = json_integer_value(port);
		else
			ports.more = true;
	}
	return ports;
}

/* Prints the ports, each behind a word, with another one in between. */
static void put_ports(const struct ports *ports, const char *word, const char *between, FILE *out)
{
	for (size_t i = 0; i < ports->count; i++)
		fprintf(out, "%s%s%lld", i ? between : "", word, (long long)ports->items[i]);
}

/* One command, made by the ports in between what stands before and behind them. */
static void print_command(const struct command *command, const struct ports *ports,
                          const char *system, const char *before, const char *word,
                          const char *between, const char *behind)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	if (!ports->more)
		put_ports(ports, word, between, out);
	if (fclose(out) == 0)
		writer_line(&command->writer, COLOUR_BOLD, "  %-9s%s%s%s", system, before, text,
		            ports->more ? "" : behind);
}

/* Where a socket shows only while it waits, the same is looked at again and again. */
static void print_commands(const struct command *command, const json_t *alarm, const json_t *card)
{
	int64_t passed = field_number(alarm, "passed");
	bool refused = !passed || passed < field_number(alarm, "attempts");
	const struct ports tcp = ports_of(card, "tcp"), udp = ports_of(card, "udp");
	const struct writer *writer = &command->writer;

	if (!tcp.count && !udp.count)
		return;
	writer_gap(writer);
	writer_line(writer, COLOUR_NONE, "On that machine, which process it is (as root%s):",
	            refused ? "; again and again, as a refused socket is gone at once" : "");
	if (tcp.count) {
		print_command(command, &tcp, "Linux", tcp.more ? "ss -tnp" : "ss -tnp '",
		              "dport = :", " or ", "'");
		print_command(command, &tcp, "Windows",
		              tcp.more ? "netstat -ano -p tcp" : "netstat -ano -p tcp | findstr \"",
		              ":", " ", "\"");
		print_command(command, &tcp, "any Unix",
		              tcp.more ? "lsof -nP -iTCP" : "lsof -nP -iTCP:", "", ",", "");
	}
	if (udp.count) {
		print_command(command, &udp, "Linux", udp.more ? "ss -unp" : "ss -unp '",
		              "dport = :", " or ", "'");
		/* There the other side of a datagram is not listed. */
		writer_line(writer, COLOUR_BOLD, "  Windows  netstat -ano -p udp");
		print_command(command, &udp, "any Unix",
		              udp.more ? "lsof -nP -iUDP" : "lsof -nP -iUDP:", "", ",", "");
	}
}

/* A sender that is no host is one that has been forgotten, or has no business there. */
static void print_next(const struct command *command, const json_t *alarm)
{
	const char *source = field_text(alarm, "source", NULL);
	if (!source || strcmp(field_text(alarm, "kind", ""), "unassigned") != 0 ||
	    strcmp(field_text(alarm, "state", ""), "cleared") == 0)
		return;
	writer_gap(&command->writer);
	writer_line(&command->writer, COLOUR_NONE,
	            "If it belongs there, make it a host in the configuration, or for a while:");
	writer_line(&command->writer, COLOUR_BOLD, "  egressctl assign %s ROLE --for 8h --why TEXT",
	            source);
}

void hunt_print(const struct command *command, const json_t *alarm, const json_t *card)
{
	const struct writer *writer = &command->writer;
	const char *detail = field_text(card, "detail", NULL);

	writer_field(writer, "Alarm", alarm_colour(alarm), "%lld, %s %s, %s",
	             (long long)field_number(alarm, "id"), field_text(alarm, "severity", "?"),
	             field_text(alarm, "kind", "?"), field_text(alarm, "state", "?"));
	writer_field(writer, "", COLOUR_BOLD, "%s", field_text(alarm, "text", ""));
	print_who(command, alarm, card);
	/* What happened is in the sentence already. */
	if (detail && field_text(alarm, "role", NULL) &&
	    strcmp(field_text(alarm, "kind", ""), "quarantine") != 0)
		writer_field(writer, "May", COLOUR_NONE, "%s", detail);
	print_outcome(command, alarm);
	print_times(command, alarm, card);
	print_beacon(command, card);
	print_scores(command, alarm, card);
	print_tried(command, card);
	print_evidence(command, card);
	print_processes(command, card);
	print_next(command, alarm);
	print_commands(command, alarm, card);
}
