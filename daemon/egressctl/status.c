/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "alarm.h"
#include "ask.h"
#include "change.h"
#include "counts.h"
#include "field.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_SHOWN      12
#define OTHER_MODES_SHOWN 8

static enum colour state_colour(const char *state)
{
	if (strcmp(state, "enforcing") == 0)
		return COLOUR_GOOD;
	return strcmp(state, "audit") == 0 ? COLOUR_WARNING : COLOUR_BAD;
}

/* "audit for role trial", "audit for host pc7, which says so itself; its role desk: enforce" */
static void print_other_modes(const struct writer *writer, const json_t *status)
{
	const json_t *modes = json_object_get(status, "other_modes"), *item;
	int64_t more = field_number(status, "other_modes_left_out");
	size_t i, shown = 0;

	json_array_foreach(modes, i, item)
	{
		const char *host = field_text(item, "host", NULL);
		const char *declared = field_text(item, "declared", NULL);
		/* Hosts that only follow their role are named by it. */
		if (host && !declared)
			continue;
		if (shown++ >= OTHER_MODES_SHOWN) {
			more++;
			continue;
		}
		writer_field(writer, "", COLOUR_WARNING, "%s %s: %s, declared for the %s itself",
		             host ? "host" : "role", host ? host : field_text(item, "role", "?"),
		             field_text(item, "mode", "?"), host ? "host" : "role");
	}
	if (more)
		writer_field(writer, "", COLOUR_WARNING,
		             "and %lld more; see egressctl roles and egressctl hosts",
		             (long long)more);
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
	             strcmp(mode, "audit") == 0 ? " (what would be blocked is counted and passes)"
	                                        : "");
	print_other_modes(writer, status);
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
	bool verified = !json_is_false(json_object_get(status, "verified"));
	writer_field(writer, "", verified ? COLOUR_NONE : COLOUR_BAD,
	             "in force%s since %s: %lld %s, %lld %s", verified ? "" : ", not verified,",
	             when_print(field_number(policy, "loaded"), command->now, when),
	             (long long)hosts, plural(hosts, "host", "hosts"), (long long)roles,
	             plural(roles, "role", "roles"));
	print_inside(writer, status);
}

/* Connections that are older than the kernel's table of connections. */
static void print_pickup(const struct command *command, const json_t *status)
{
	const json_t *window = json_object_get(status, "pickup");
	int64_t count = field_number(status, "picked_up");
	char left[UNIT_TEXT_MAX], open[UNIT_TEXT_MAX + 32] = "";

	if (json_is_object(window))
		snprintf(open, sizeof(open), "; the window is open for %s",
		         left_print(field_number(window, "until"), command->now, left));
	if (count || *open)
		writer_field(&command->writer, "Picked up", COLOUR_NONE,
		             "%lld %s%s; see egressctl pickup", (long long)count,
		             plural(count, "connection", "connections"), open);
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
	print_pickup(command, status);
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

/*
 * What a flood kept the detectors from; nothing is said while it is nothing. Attempts that no
 * detector would have used are no loss, and no reason to warn.
 */
static void print_detection(const struct command *command, const json_t *status)
{
	const json_t *counts = json_object_get(status, "detection");
	int64_t missed = field_number(counts, "missed");
	int64_t no_room = field_number(counts, "no_room");
	int64_t left_out = field_number(counts, "left_out");
	char texts[2][UNIT_TEXT_MAX];

	if (missed)
		writer_field(&command->writer, "Detection", COLOUR_WARNING,
		             "%s of %s attempts were counted but not analysed: they came too fast",
		             count_print(missed, texts[0]),
		             count_print(field_number(counts, "attempts"), texts[1]));
	if (no_room || left_out)
		writer_field(&command->writer, missed ? "" : "Detection", COLOUR_WARNING,
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
	int64_t passed = field_number(status, "passed");
	char packets[UNIT_TEXT_MAX], bytes[UNIT_TEXT_MAX], received[UNIT_TEXT_MAX];
	char lost_text[UNIT_TEXT_MAX];

	writer_field(writer, "Blocked", COLOUR_NONE, "%s packets, %s in all%s",
	             count_print(field_packets(status, "blocked"), packets),
	             bytes_print(field_bytes(status, "blocked"), bytes),
	             passed ? ", with what audit let pass" : "");
	if (passed)
		writer_field(writer, "", COLOUR_WARNING,
		             "of %s %s that the daemon knows, audit let %s pass",
		             count_print(field_number(status, "attempts"), received),
		             plural(field_number(status, "attempts"), "attempt", "attempts"),
		             count_print(passed, lost_text));
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
	outcome = counts_ask_tried(command, status, &blocked);
	if (outcome == OUTCOME_DONE && field_number(status, "alarms"))
		outcome = ask(command, "ListAlarms", alarm_reader(command->now), ASK_USEC, &alarms);
	if (outcome != OUTCOME_DONE)
		return outcome;

	print_state(command, status);
	print_policy(command, status);
	print_requests(command, status);
	change_print_last(command, status);
	print_health(command, status);
	alarm_print_gravest(command, alarms);
	counts_print(command, status, blocked);
	return OUTCOME_DONE;
}
