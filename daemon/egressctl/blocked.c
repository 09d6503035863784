/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "columns.h"
#include "duration.h"
#include "field.h"
#include "since.h"
#include "sums.h"
#include "units.h"
#include "user.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TITLES_MAX 10
#define DIGITS_MAX 9

#define TRIED_TEXT_MAX (UNIT_TEXT_MAX + 16)

/* What the gateway itself tried has columns more: who it was. What audit let pass has one, too. */
static void choose_columns(const json_t *list, bool narrowed,
                           struct column titles[static TITLES_MAX + 1], bool *ret_users,
                           bool *ret_processes, bool *ret_passed)
{
	const json_t *blocked;
	size_t i, n = 0;

	*ret_users = *ret_processes = *ret_passed = false;
	json_array_foreach(list, i, blocked)
	{
		*ret_users |= json_is_integer(json_object_get(blocked, "uid"));
		*ret_processes |= json_is_object(json_object_get(blocked, "process"));
		*ret_passed |= field_number(blocked, "passed") > 0;
	}
	titles[n++] = (struct column){"Last", false, YIELD_NEVER};
	titles[n++] = (struct column){"Host", false, YIELD_FIRST};
	titles[n++] = (struct column){"Source", false, YIELD_NEVER};
	if (*ret_users)
		titles[n++] = (struct column){"User", false, YIELD_FIRST};
	if (*ret_processes)
		titles[n++] = (struct column){"Process", false, YIELD_FIRST};
	titles[n++] = (struct column){"Destination", false, YIELD_NEVER};
	titles[n++] = (struct column){"Service", false, YIELD_FIRST};
	titles[n++] = (struct column){"Reason", false, YIELD_NEVER};
	/* Of what was tried in a span, all that was ever tried of it is counted. */
	titles[n++] = (struct column){narrowed ? "Attempts (ever)" : "Attempts", true, YIELD_NEVER};
	if (*ret_passed)
		titles[n++] = (struct column){"Passed", true, YIELD_NEVER};
	titles[n] = (struct column){};
}

static void add_who(struct columns *columns, const json_t *blocked, bool users, bool processes)
{
	char buffer[PROCESS_TEXT_MAX];
	const char *text;

	if (users) {
		text = user_print(blocked, buffer);
		columns_add(columns, COLOUR_NONE, "%s", text ? text : "-");
	}
	if (processes) {
		text = process_print(json_object_get(blocked, "process"), buffer);
		columns_add(columns, COLOUR_NONE, "%s", text ? text : "-");
	}
}

/* "900"; of what tried nothing, its packets. */
static const char *tried_print(const json_t *blocked, char buffer[static TRIED_TEXT_MAX])
{
	int64_t attempts = field_number(blocked, "attempts");
	char count[UNIT_TEXT_MAX];
	if (attempts)
		snprintf(buffer, TRIED_TEXT_MAX, "%s", count_print(attempts, count));
	else
		snprintf(buffer, TRIED_TEXT_MAX, "none, %s %s",
		         count_print(field_number(blocked, "packets"), count),
		         plural(field_number(blocked, "packets"), "packet", "packets"));
	return buffer;
}

static void print_blocked(const struct command *command, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "blocked"), *blocked;
	struct column titles[TITLES_MAX + 1];
	bool users, processes, audited, none = false;
	struct columns columns;
	size_t i;

	choose_columns(list, command->options[OPTION_SINCE] != NULL, titles, &users, &processes,
	               &audited);
	columns_init(&columns, &command->writer, titles);
	json_array_foreach(list, i, blocked)
	{
		size_t traffic = 0;
		_cleanup_free_ char *service = field_service(blocked, &traffic);
		char ago[UNIT_TEXT_MAX], tried[TRIED_TEXT_MAX], passed[UNIT_TEXT_MAX];
		columns_add(&columns, COLOUR_NONE, "%s",
		            ago_print(field_number(blocked, "last"), command->now, ago));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "host", "-"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "source", "?"));
		add_who(&columns, blocked, users, processes);
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "destination", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", service ? service : "?");
		columns_keep(&columns, traffic);
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "reason", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", tried_print(blocked, tried));
		if (audited)
			columns_add(&columns, COLOUR_NONE, "%s",
			            count_print(field_number(blocked, "passed"), passed));
		none |= !field_number(blocked, "attempts");
	}
	columns_print(&columns);
	columns_done(&columns);
	if (audited)
		writer_line(&command->writer, COLOUR_NONE, "%s", sums_passed_note);
	if (none)
		writer_line(&command->writer, COLOUR_NONE,
		            "Packets without an attempt begin no connection: answers of a host in "
		            "quarantine, and what goes on of connections that are not known.");
}

/* Counts of everybody, so not below a list of only some. */
static void print_others(const struct command *command, const json_t *answer)
{
	const json_t *others = json_object_get(answer, "others");
	int64_t entries = field_number(others, "entries");
	int64_t attempts = field_number(others, "attempts");
	int64_t passed = field_number(others, "passed");
	char entries_text[UNIT_TEXT_MAX], attempts_text[UNIT_TEXT_MAX];
	char passed_text[UNIT_TEXT_MAX];

	for (unsigned i = 0; i < OPTION_COUNT; i++)
		if (command->options[i])
			return;
	if (entries)
		writer_line(&command->writer, COLOUR_NONE,
		            "and %s %s%s%s%s of %s more %s that made room",
		            count_print(attempts, attempts_text),
		            plural(attempts, "attempt", "attempts"), passed ? " (" : "",
		            passed ? count_print(passed, passed_text) : "",
		            passed ? " passed)" : "", count_print(entries, entries_text),
		            plural(entries, "entry", "entries"));
}

/* What the kernel blocked, by its own counts, of what was asked for. */
static int64_t packets_counted(const struct command *command, const json_t *status)
{
	const char *role = command->options[OPTION_ROLE], *host = command->options[OPTION_HOST];
	const char *source = command->options[OPTION_SOURCE];
	const json_t *item;
	int64_t packets = 0;
	size_t i;

	if (!role && !host && !source)
		return field_packets(status, "blocked");
	if (!host && !source) {
		json_array_foreach(json_object_get(status, "roles"), i,
		                   item) if (strcmp(field_text(item, "role", ""), role) ==
		                             0) return field_packets(item, "blocked");
		return 0;
	}
	json_array_foreach(json_object_get(status, "sources"), i, item)
	{
		if (host && strcmp(field_text(item, "host", ""), host) != 0)
			continue;
		if (source && strcmp(field_text(item, "source", ""), source) != 0)
			continue;
		packets += field_number(item, "packets");
	}
	return packets;
}

/* The daemon lists what it saw; what the kernel counted before that is not to be kept quiet. */
static enum outcome print_nothing(const struct command *command)
{
	_cleanup_(json_decrefp) json_t *status = NULL;
	enum outcome outcome = ask(command, "GetStatus", json_object(), ASK_USEC, &status);
	if (outcome != OUTCOME_DONE)
		return outcome;

	bool narrowed = false;
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		if (command->options[i])
			narrowed = true;
	/* The counts have no times, so with a time only a daemon that saw nothing at all is told.
	 */
	bool seen = command->options[OPTION_SINCE] &&
	            field_number(json_object_get(status, "events"), "received");
	bool counted = !seen && packets_counted(command, status) > 0;
	writer_line(&command->writer, COLOUR_NONE, "Nothing%s was blocked%s.",
	            narrowed ? " like that" : "",
	            counted ? " since the daemon began to listen; egressctl status has the "
	                      "kernel's own counts"
	                    : "");
	return OUTCOME_DONE;
}

/* Each element of an array on a line of its own, for programs that read line by line. */
static void print_lines(const struct command *command, const json_t *list)
{
	const json_t *item;
	size_t i;
	json_array_foreach(list, i, item) writer_json(&command->writer, item, true);
}

/* How many to list; false after complaining. */
static bool read_number(const struct command *command, size_t *number)
{
	const char *text = command->options[OPTION_LAST];
	size_t digits = text ? strspn(text, "0123456789") : 0;
	if (!text)
		return true;
	if (!digits || digits > DIGITS_MAX || text[digits] || !strtoul(text, NULL, 10)) {
		complain(command, "\"%s\" is no number of entries; say --last 20", text);
		return false;
	}
	*number = strtoul(text, NULL, 10);
	return true;
}

/* The list has the latest first. */
static void keep_latest(json_t *list, size_t most)
{
	while (json_array_size(list) > most)
		json_array_remove(list, json_array_size(list) - 1);
}

enum outcome verb_blocked(const struct command *command)
{
	const char *since = command->options[OPTION_SINCE];
	usec_t from = 0;
	if (since && since_parse(since, command->now, &from) < 0) {
		complain(command,
		         "\"%s\" is no time; say it as " DURATION_FORMS
		         ", today, yesterday or \"2026-11-22 14:00\"",
		         since);
		return OUTCOME_USAGE;
	}
	const char *by = command->options[OPTION_BY];
	if (by) {
		by = sums_field(command, by);
		if (!by)
			return OUTCOME_USAGE;
	}
	size_t most = SIZE_MAX;
	if (!read_number(command, &most))
		return OUTCOME_USAGE;
	json_t *parameters = json_pack(
	        "{s:o, s:o, s:o, s:o}", "source", ask_option(command, OPTION_SOURCE), "host",
	        ask_option(command, OPTION_HOST), "role", ask_option(command, OPTION_ROLE), "since",
	        since ? json_integer((json_int_t)from) : json_null());
	_cleanup_(json_decrefp) json_t *answer = NULL, *sums = NULL;
	enum outcome outcome = ask(command, "ListBlocked", parameters, ASK_USEC, &answer);
	if (outcome != OUTCOME_DONE)
		return outcome;
	keep_latest(json_object_get(answer, "blocked"), most);
	if (by)
		sums = sums_of(json_object_get(answer, "blocked"), by);
	if (command->options[OPTION_LINES])
		print_lines(command, sums ? sums : json_object_get(answer, "blocked"));
	else if (command->writer.json && sums)
		writer_json(&command->writer, sums, false);
	else if (command->writer.json)
		writer_json(&command->writer, answer, false);
	else if (!json_array_size(json_object_get(answer, "blocked")))
		return print_nothing(command);
	else if (sums)
		sums_print(command, sums, by);
	else {
		print_blocked(command, answer);
		print_others(command, answer);
	}
	return OUTCOME_DONE;
}
