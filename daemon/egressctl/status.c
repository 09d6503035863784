/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "alarm.h"
#include "ask.h"
#include "change.h"
#include "columns.h"
#include "field.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_SHOWN      5
#define DESTINATIONS_SHOWN 3 /* of each source */
#define DIGEST_SHOWN       12

static enum colour state_colour(const char *state)
{
	if (strcmp(state, "enforcing") == 0)
		return COLOUR_GOOD;
	return strcmp(state, "audit") == 0 ? COLOUR_WARNING : COLOUR_BAD;
}

static void print_state(const struct command *command, const json_t *status)
{
	const struct writer *writer = &command->writer;
	const char *state = field_text(status, "state", "?"),
	           *mode = field_text(status, "mode", "?");
	const json_t *reason;
	char when[WHEN_TEXT_MAX];
	size_t i;

	writer_field(writer, "State", state_colour(state), "%s since %s", state,
	             when_print(field_number(status, "since"), command->now, when));
	json_array_foreach(json_object_get(status, "degraded"), i, reason)
	        writer_field(writer, i ? "" : "Because", COLOUR_BAD, "%s",
	                     json_is_string(reason) ? json_string_value(reason) : "?");
	json_array_foreach(json_object_get(status, "notices"), i, reason)
	        writer_field(writer, i ? "" : "Notice", COLOUR_WARNING, "%s",
	                     json_is_string(reason) ? json_string_value(reason) : "?");
	writer_field(writer, "Mode", COLOUR_NONE, "%s%s", mode,
	             strcmp(mode, "audit") == 0 ? " (what is blocked is counted and passes)" : "");
	writer_field(writer, "Version", COLOUR_NONE, "%s", field_text(status, "version", "?"));
}

/* "lan0, eth7 (no such interface now)" */
static void print_inside(const struct writer *writer, const json_t *status)
{
	const json_t *missing = json_object_get(status, "missing");
	const json_t *name;
	_cleanup_free_ char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;

	json_array_foreach(json_object_get(status, "inside"), i, name)
	{
		const json_t *other;
		size_t j;
		fprintf(out, "%s%s", i ? ", " : "",
		        json_is_string(name) ? json_string_value(name) : "?");
		json_array_foreach(missing, j, other) if (json_equal(name, other))
		        fputs(" (no such interface now)", out);
	}
	if (fclose(out) == 0 && *text)
		writer_field(writer, "Inside",
		             json_array_size(missing) ? COLOUR_WARNING : COLOUR_NONE, "%s", text);
}

static void print_policy(const struct command *command, const json_t *status)
{
	const struct writer *writer = &command->writer;
	const json_t *policy = json_object_get(status, "policy");
	const char *file = field_text(policy, "file", "");
	int64_t hosts = field_number(policy, "hosts"), roles = field_number(policy, "roles");
	char when[WHEN_TEXT_MAX];

	const char *digest = field_text(policy, "digest", "");
	/* Nothing is forwarded: the file that there is, is in force in no part. */
	if (!*digest && !field_number(policy, "loaded")) {
		writer_field(writer, "Policy", COLOUR_BAD, "none");
		print_inside(writer, status);
		return;
	}
	writer_field(writer, "Policy", COLOUR_NONE, "%s, digest %.*s", *file ? file : "none",
	             DIGEST_SHOWN, digest);
	writer_field(writer, "", COLOUR_NONE, "in force since %s: %lld %s, %lld %s",
	             when_print(field_number(policy, "loaded"), command->now, when),
	             (long long)hosts, plural(hosts, "host", "hosts"), (long long)roles,
	             plural(roles, "role", "roles"));
	print_inside(writer, status);
}

/* What is in force without being in the configuration. */
static void print_requests(const struct command *command, const json_t *status)
{
	int64_t assignments = field_number(status, "assignments");
	int64_t permits = field_number(status, "permits");
	int64_t hosts = field_number(status, "quarantined_hosts");
	int64_t addresses = field_number(status, "quarantined_addresses");

	if (assignments)
		writer_field(&command->writer, "Assigned", COLOUR_NONE,
		             "%lld %s; see egressctl assignments", (long long)assignments,
		             plural(assignments, "address", "addresses"));
	if (hosts || addresses)
		writer_field(&command->writer, "Quarantine", COLOUR_WARNING,
		             "%lld whole %s, %lld single %s; see egressctl quarantined",
		             (long long)hosts, plural(hosts, "host", "hosts"), (long long)addresses,
		             plural(addresses, "address", "addresses"));
	if (permits)
		writer_field(&command->writer, "Permits", COLOUR_WARNING,
		             "%lld for a while; see egressctl permits", (long long)permits);
}

/* Whether the processes behind what the gateway itself tried are found. */
static void print_processes(const struct command *command, const json_t *status)
{
	const json_t *counts = json_object_get(status, "processes");
	int64_t attempts = field_number(counts, "attempts");
	int64_t wrong = field_number(counts, "failed") + field_number(counts, "unanswered") +
	                field_number(counts, "left_out");
	char texts[4][UNIT_TEXT_MAX];

	if (json_is_object(counts))
		writer_field(&command->writer, "Processes", wrong ? COLOUR_WARNING : COLOUR_NONE,
		             "of %s %s of the gateway itself %s found, %s gone, %s not looked for",
		             count_print(attempts, texts[0]),
		             plural(attempts, "attempt", "attempts"),
		             count_print(field_number(counts, "found"), texts[1]),
		             count_print(field_number(counts, "gone"), texts[2]),
		             count_print(wrong, texts[3]));
}

/* What a flood kept the detectors from; nothing is said while it is nothing. */
static void print_detection(const struct command *command, const json_t *status)
{
	const json_t *counts = json_object_get(status, "detection");
	int64_t skipped = field_number(counts, "skipped");
	int64_t no_room = field_number(counts, "no_room");
	int64_t left_out = field_number(counts, "left_out");
	char texts[2][UNIT_TEXT_MAX];

	if (skipped)
		writer_field(&command->writer, "Detection", COLOUR_WARNING,
		             "of %s attempts %s were too many to be looked at, only counted",
		             count_print(field_number(counts, "attempts"), texts[0]),
		             count_print(skipped, texts[1]));
	if (no_room || left_out)
		writer_field(&command->writer, skipped ? "" : "Detection", COLOUR_WARNING,
		             "%s new %s had no room, %s %s more of hosts with many was left out",
		             count_print(no_room, texts[0]), plural(no_room, "alarm", "alarms"),
		             count_print(left_out, texts[1]),
		             plural(left_out, "beacon", "beacons"));
}

/* Whether it is known whom hosts contact, where that is asked for; a notice says what becomes of
 * it. */
static void print_contacts(const struct command *command, const json_t *status)
{
	const json_t *contacts = json_object_get(status, "contacts");
	int64_t lost = field_number(contacts, "lost");
	char texts[2][UNIT_TEXT_MAX];
	if (!json_is_object(contacts))
		return;
	writer_field(&command->writer, "Contacts",
	             json_is_true(json_object_get(contacts, "known")) ? COLOUR_NONE
	                                                              : COLOUR_WARNING,
	             "%s permitted first ones told, %s lost",
	             count_print(field_number(contacts, "heard"), texts[0]),
	             lost ? count_print(lost, texts[1]) : "none");
}

static void print_health(const struct command *command, const json_t *status)
{
	const struct writer *writer = &command->writer;
	const json_t *events = json_object_get(status, "events");
	int64_t waiting = field_number(events, "waiting");
	int64_t unheard = field_number(events, "unheard");
	int64_t earlier = field_number(events, "earlier");
	int64_t overruns = field_number(events, "overruns"), bad = field_number(events, "bad");
	int64_t lost = field_number(events, "lost"), alarms = field_number(status, "alarms");
	char packets[UNIT_TEXT_MAX], bytes[UNIT_TEXT_MAX], received[UNIT_TEXT_MAX];
	char lost_text[UNIT_TEXT_MAX];

	writer_field(writer, "Blocked", COLOUR_NONE, "%s packets, %s in all",
	             count_print(field_packets(status, "blocked"), packets),
	             bytes_print(field_bytes(status, "blocked"), bytes));
	writer_field(writer, "Events", lost ? COLOUR_WARNING : COLOUR_NONE,
	             "%s received, %s lost%s",
	             count_print(field_number(events, "received"), received),
	             lost ? count_print(lost, lost_text) : "none",
	             lost ? " (the counters have them all the same)" : "");
	if (overruns || bad)
		writer_field(writer, "", COLOUR_WARNING, "no room for them %s %s; %s unreadable",
		             count_print(overruns, received), plural(overruns, "time", "times"),
		             count_print(bad, lost_text));
	if (waiting)
		writer_field(writer, "", COLOUR_NONE, "%s on their way",
		             count_print(waiting, received));
	if (unheard)
		writer_field(writer, "", COLOUR_NONE, "%s blocked while the daemon did not listen",
		             count_print(unheard, received));
	if (earlier)
		writer_field(writer, "", COLOUR_NONE, "%s blocked before this daemon's start",
		             count_print(earlier, received));
	print_processes(command, status);
	print_detection(command, status);
	print_contacts(command, status);
	writer_field(writer, "Alarms", alarms ? COLOUR_BAD : COLOUR_NONE, "%lld open%s",
	             (long long)alarms, alarms ? "; see egressctl alarms" : "");
}

static void add_count(struct columns *columns, int64_t packets, int64_t bytes, enum colour colour)
{
	char packets_text[UNIT_TEXT_MAX], bytes_text[UNIT_TEXT_MAX];
	columns_add(columns, packets ? colour : COLOUR_NONE, "%s",
	            count_print(packets, packets_text));
	columns_add(columns, COLOUR_NONE, "%s", bytes_print(bytes, bytes_text));
}

static const struct column role_columns[] = {
        {"Role", false, YIELD_FIRST},     {"Hosts", true, YIELD_NEVER},
        {"Permitted", true, YIELD_NEVER}, {"Bytes", true, YIELD_NEVER},
        {"Blocked", true, YIELD_NEVER},   {"Bytes", true, YIELD_NEVER},
        {"Revoked", true, YIELD_NEVER},   {},
};

static void print_roles(const struct command *command, const json_t *status)
{
	const json_t *roles = json_object_get(status, "roles"), *role;
	struct columns columns;
	size_t i;

	if (!json_array_size(roles))
		return;
	writer_gap(&command->writer);
	columns_init(&columns, &command->writer, role_columns);
	columns_fit(&columns);
	json_array_foreach(roles, i, role)
	{
		char revoked[UNIT_TEXT_MAX];
		columns_add(&columns, COLOUR_NONE, "%s", field_text(role, "role", "?"));
		columns_add(&columns, COLOUR_NONE, "%lld", (long long)field_number(role, "hosts"));
		add_count(&columns, field_packets(role, "permitted"),
		          field_bytes(role, "permitted"), COLOUR_NONE);
		add_count(&columns, field_packets(role, "blocked"), field_bytes(role, "blocked"),
		          COLOUR_WARNING);
		columns_add(&columns, COLOUR_NONE, "%s",
		            count_print(field_packets(role, "revoked"), revoked));
	}
	columns_print(&columns);
	columns_done(&columns);
}

static const struct column reason_columns[] = {
        {"Blocked for the reason", false, YIELD_NEVER},
        {"Packets", true, YIELD_NEVER},
        {"Bytes", true, YIELD_NEVER},
        {},
};

/* Reasons that have blocked something; the others would only fill the screen. */
static void print_reasons(const struct command *command, const json_t *status)
{
	const json_t *reason;
	struct columns columns;
	size_t i;

	columns_init(&columns, &command->writer, reason_columns);
	columns_fit(&columns);
	json_array_foreach(json_object_get(status, "reasons"), i, reason)
	{
		int64_t packets = field_number(reason, "packets");
		if (!packets)
			continue;
		columns_add(&columns, COLOUR_NONE, "%s", field_text(reason, "reason", "?"));
		add_count(&columns, packets, field_number(reason, "bytes"), COLOUR_NONE);
	}
	if (columns.cells.count) {
		writer_gap(&command->writer);
		columns_print(&columns);
	}
	columns_done(&columns);
}

static const struct column source_columns[] = {
        {"Source", false, YIELD_NEVER}, {"Host", false, YIELD_FIRST}, {"Role", false, YIELD_FIRST},
        {"Packets", true, YIELD_NEVER}, {"Bytes", true, YIELD_NEVER}, {},
};

static const struct column destination_columns[] = {
        {"Tried", false, YIELD_NEVER}, {"Service", false, YIELD_FIRST},
        {"Reason", false, YIELD_AWAY}, {"Attempts", true, YIELD_NEVER},
        {"Last", true, YIELD_AWAY},    {},
};

/* What a source tried most often next to `previous` (NULL: most often of all); NULL when there is
 * no more. Among equals the list's order counts. */
static const json_t *next_destination(const json_t *blocked, const char *source,
                                      const json_t *previous)
{
	int64_t below = previous ? field_number(previous, "attempts") : INT64_MAX;
	const json_t *entry, *best = NULL;
	bool passed = !previous;
	size_t i;

	json_array_foreach(blocked, i, entry)
	{
		int64_t attempts = field_number(entry, "attempts");
		if (entry == previous)
			passed = true;
		if (entry == previous || attempts > below || (attempts == below && !passed) ||
		    strcmp(field_text(entry, "source", ""), source) != 0)
			continue;
		if (!best || attempts > field_number(best, "attempts"))
			best = entry;
	}
	return best;
}

/* How many destinations a source tried. */
static size_t count_destinations(const json_t *blocked, const char *source)
{
	const json_t *entry;
	size_t i, count = 0;
	json_array_foreach(blocked, i,
	                   entry) if (strcmp(field_text(entry, "source", ""), source) == 0) count++;
	return count;
}

/* Says how the others are listed; a command that does not fit has a row of its own. */
static void add_others(const struct command *command, struct columns *columns, size_t others,
                       const char *source, const char *host)
{
	const char *ellipsis = command->writer.utf8 ? "…" : "...";
	char more[64], list[256];
	snprintf(more, sizeof(more), "  %s and %zu more:", ellipsis, others);
	snprintf(list, sizeof(list), "egressctl blocked --%s %s", host ? "host" : "source",
	         host ? host : source);
	if (strlen(more) + 1 + strlen(list) <= command->writer.width) {
		columns_add_across(columns, COLOUR_NONE, "%s %s", more, list);
		return;
	}
	columns_add_across(columns, COLOUR_NONE, "%s", more);
	columns_add_across(columns, COLOUR_NONE, "    %s", list);
}

static void add_destinations(const struct command *command, struct columns *columns,
                             const json_t *blocked, const char *source)
{
	size_t count = count_destinations(blocked, source);
	const json_t *entry = next_destination(blocked, source, NULL);
	const char *host = field_text(entry, "host", NULL);
	if (!entry)
		return;

	columns_add_across(columns, COLOUR_BOLD, "%s%s%s%s", source, host ? " (" : "",
	                   host ? host : "", host ? ")" : "");
	for (unsigned i = 0; i < DESTINATIONS_SHOWN && entry; i++) {
		size_t traffic = 0;
		_cleanup_free_ char *service = field_service(entry, &traffic);
		char attempts[UNIT_TEXT_MAX], ago[UNIT_TEXT_MAX];
		columns_add(columns, COLOUR_NONE, "  %s", field_text(entry, "destination", "?"));
		columns_add(columns, COLOUR_NONE, "%s", service ? service : "?");
		columns_keep(columns, traffic);
		columns_add(columns, COLOUR_NONE, "%s", field_text(entry, "reason", "?"));
		columns_add(columns, COLOUR_NONE, "%s",
		            count_print(field_number(entry, "attempts"), attempts));
		columns_add(columns, COLOUR_NONE, "%s",
		            ago_print(field_number(entry, "last"), command->now, ago));
		entry = next_destination(blocked, source, entry);
	}
	if (count > DESTINATIONS_SHOWN)
		add_others(command, columns, count - DESTINATIONS_SHOWN, source, host);
}

/* Who was blocked most, and below that, where to and how often. */
static void print_sources(const struct command *command, const json_t *status,
                          const json_t *blocked)
{
	const json_t *sources = json_object_get(status, "sources"), *source;
	struct columns who, where;
	size_t i;

	if (!json_array_size(sources))
		return;
	columns_init(&who, &command->writer, source_columns);
	columns_init(&where, &command->writer, destination_columns);
	columns_fit(&who);
	columns_fit(&where);
	json_array_foreach(sources, i, source)
	{
		if (i >= SOURCES_SHOWN)
			break;
		const char *address = field_text(source, "source", "?");
		columns_add(&who, COLOUR_NONE, "%s", address);
		columns_add(&who, COLOUR_NONE, "%s", field_text(source, "host", "-"));
		columns_add(&who, COLOUR_NONE, "%s", field_text(source, "role", "-"));
		add_count(&who, field_number(source, "packets"), field_number(source, "bytes"),
		          COLOUR_WARNING);
		add_destinations(command, &where, blocked, address);
	}
	writer_gap(&command->writer);
	columns_print(&who);
	if (where.cells.count) {
		writer_gap(&command->writer);
		columns_print(&where);
	}
	columns_done(&who);
	columns_done(&where);
	if (json_array_size(sources) > SOURCES_SHOWN)
		writer_line(&command->writer, COLOUR_NONE,
		            "and %zu more sources; `egressctl blocked` has them",
		            json_array_size(sources) - SOURCES_SHOWN);
}

/* Of the sources that are shown: after a flood the list of all is long. */
static enum outcome ask_destinations(const struct command *command, const json_t *status,
                                     json_t **ret_blocked)
{
	_cleanup_(json_decrefp) json_t *blocked = json_array();
	const json_t *source;
	size_t i;

	json_array_foreach(json_object_get(status, "sources"), i, source)
	{
		_cleanup_(json_decrefp) json_t *answer = NULL;
		if (i >= SOURCES_SHOWN)
			break;
		enum outcome outcome =
		        ask(command, "ListBlocked",
		            json_pack("{ss}", "source", field_text(source, "source", "")), ASK_USEC,
		            &answer);
		if (outcome != OUTCOME_DONE)
			return outcome;
		json_array_extend(blocked, json_object_get(answer, "blocked"));
	}
	*ret_blocked = TAKE_POINTER(blocked);
	return OUTCOME_DONE;
}

enum outcome verb_status(const struct command *command)
{
	_cleanup_(json_decrefp) json_t *status = NULL, *blocked = NULL, *alarms = NULL;
	enum outcome outcome = ask(command, "GetStatus", json_object(), ASK_USEC, &status);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (command->writer.json) {
		writer_json(&command->writer, status, false);
		return OUTCOME_DONE;
	}
	outcome = ask_destinations(command, status, &blocked);
	if (outcome == OUTCOME_DONE && field_number(status, "alarms"))
		outcome = ask(command, "ListAlarms",
		              json_pack("{si}", "utc_offset", alarm_utc_offset(command->now)),
		              ASK_USEC, &alarms);
	if (outcome != OUTCOME_DONE)
		return outcome;

	print_state(command, status);
	print_policy(command, status);
	print_requests(command, status);
	change_print_last(command, status);
	print_health(command, status);
	alarm_print_gravest(command, alarms);
	print_roles(command, status);
	print_reasons(command, status);
	print_sources(command, status, blocked);
	return OUTCOME_DONE;
}
