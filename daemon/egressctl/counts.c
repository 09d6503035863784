/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counts.h"

#include "ask.h"
#include "columns.h"
#include "field.h"
#include "units.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_SHOWN      5
#define DESTINATIONS_SHOWN 3 /* of each source */

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

/* The kernel's counters do not tell what was blocked from what audit let pass. */
static const char *blocked_title(const json_t *status)
{
	return field_number(status, "passed") ? "Blocked, or let pass by audit"
	                                      : "Blocked for the reason";
}

/* Reasons that have blocked something; the others would only fill the screen. */
static void print_reasons(const struct command *command, const json_t *status)
{
	const json_t *reason;
	struct columns columns;
	size_t i;

	const struct column reason_columns[] = {
	        {blocked_title(status), false, YIELD_NEVER},
	        {"Packets", true, YIELD_NEVER},
	        {"Bytes", true, YIELD_NEVER},
	        {},
	};
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

/* With a column for what audit let pass, where it did. */
static void choose_destination_columns(bool audited, struct column titles[static 7])
{
	size_t n = 0;
	titles[n++] = (struct column){"Tried", false, YIELD_NEVER};
	titles[n++] = (struct column){"Service", false, YIELD_FIRST};
	titles[n++] = (struct column){"Reason", false, YIELD_AWAY};
	titles[n++] = (struct column){"Attempts", true, YIELD_NEVER};
	if (audited)
		titles[n++] = (struct column){"Passed", true, YIELD_NEVER};
	titles[n++] = (struct column){"Last", true, YIELD_AWAY};
	titles[n] = (struct column){};
}

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
                             const json_t *blocked, const char *source, bool audited)
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
		char attempts[UNIT_TEXT_MAX], passed[UNIT_TEXT_MAX], ago[UNIT_TEXT_MAX];
		columns_add(columns, COLOUR_NONE, "  %s", field_text(entry, "destination", "?"));
		columns_add(columns, COLOUR_NONE, "%s", service ? service : "?");
		columns_keep(columns, traffic);
		columns_add(columns, COLOUR_NONE, "%s", field_text(entry, "reason", "?"));
		columns_add(columns, COLOUR_NONE, "%s",
		            count_print(field_number(entry, "attempts"), attempts));
		if (audited)
			columns_add(columns, COLOUR_NONE, "%s",
			            count_print(field_number(entry, "passed"), passed));
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
	bool audited = field_number(status, "passed") > 0;
	struct column titles[7];
	struct columns who, where;
	size_t i;

	if (!json_array_size(sources))
		return;
	columns_init(&who, &command->writer, source_columns);
	choose_destination_columns(audited, titles);
	columns_init(&where, &command->writer, titles);
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
		add_destinations(command, &where, blocked, address, audited);
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

enum outcome counts_ask_tried(const struct command *command, const json_t *status,
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

void counts_print(const struct command *command, const json_t *status, const json_t *blocked)
{
	print_roles(command, status);
	print_reasons(command, status);
	print_sources(command, status, blocked);
}
