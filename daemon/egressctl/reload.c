/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"
#include "units.h"

static double milliseconds(const json_t *answer, const char *name)
{
	return json_number_value(json_object_get(answer, name));
}

/* "file:line: text"; a warning about a file as a whole has no line. */
static void print_warning(const struct writer *writer, const char *name, const json_t *warning)
{
	char line[32] = "";
	if (field_number(warning, "line") > 0)
		snprintf(line, sizeof(line), ":%lld", (long long)field_number(warning, "line"));
	writer_field(writer, name, COLOUR_WARNING, "%s%s: %s", field_text(warning, "file", "?"),
	             line, field_text(warning, "text", "?"));
}

static void print_reload(const struct command *command, const json_t *answer)
{
	const struct writer *writer = &command->writer;
	int64_t hosts = field_number(answer, "hosts"), roles = field_number(answer, "roles");
	const char *text = field_text(answer, "text", "");
	const json_t *over, *notice, *warning;
	size_t i;

	bool changed = json_is_true(json_object_get(answer, "changed"));
	writer_line(writer, COLOUR_GOOD, "%s: %lld %s, %lld %s.",
	            changed ? "The new policy is in force" : "Already in force", (long long)hosts,
	            plural(hosts, "host", "hosts"), (long long)roles,
	            plural(roles, "role", "roles"));
	writer_field(writer, "Elements", COLOUR_NONE, "%lld added, %lld deleted",
	             (long long)field_number(answer, "elements_added"),
	             (long long)field_number(answer, "elements_deleted"));
	writer_field(writer, "Rules", COLOUR_NONE, "%lld added, %lld deleted",
	             (long long)field_number(answer, "rules_added"),
	             (long long)field_number(answer, "rules_deleted"));
	if (milliseconds(answer, "judging_milliseconds") > 0) {
		int64_t cut = field_number(answer, "flows_cut");
		int64_t kept = field_number(answer, "flows_kept");
		writer_field(writer, "Cut", COLOUR_NONE, "%lld %s; %lld %s on", (long long)cut,
		             plural(cut, "connection", "connections"), (long long)kept,
		             plural(kept, "goes", "go"));
		writer_field(writer, "Took", COLOUR_NONE,
		             "%.1f ms: in force after %.1f; then %.1f to cut connections and %.1f "
		             "until the fast path was back",
		             milliseconds(answer, "milliseconds"),
		             milliseconds(answer, "judging_milliseconds"),
		             milliseconds(answer, "cutting_milliseconds"),
		             milliseconds(answer, "closing_milliseconds"));
	} else {
		writer_field(writer, "Took", COLOUR_NONE, "%.1f ms",
		             milliseconds(answer, "milliseconds"));
	}
	json_array_foreach(json_object_get(answer, "over"), i, over) writer_field(
	        writer, i ? "" : "Over", COLOUR_WARNING, "%s", field_text(over, "text", "?"));
	json_array_foreach(json_object_get(answer, "notices"), i, notice)
	        writer_field(writer, i ? "" : "Notice", COLOUR_WARNING, "%s",
	                     json_is_string(notice) ? json_string_value(notice) : "?");
	json_array_foreach(json_object_get(answer, "warnings"), i, warning)
	        print_warning(writer, i ? "" : "Warning", warning);
	if (*field_text(answer, "verified", ""))
		writer_field(writer, "Verified", COLOUR_NONE, "%s",
		             field_text(answer, "verified", ""));
	if (*text)
		writer_field(writer, "Note", COLOUR_NONE, "%s", text);
}

enum outcome verb_reload(const struct command *command)
{
	_cleanup_(json_decrefp) json_t *answer = NULL, *status = NULL;
	enum outcome outcome = ask(command, "Reload", json_object(), CHANGE_USEC, &answer);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (command->writer.json) {
		writer_json(&command->writer, answer, false);
		return OUTCOME_DONE;
	}
	print_reload(command, answer);
	/* The file may have been noticed before: then this is what the edit came to. */
	if (!json_is_true(json_object_get(answer, "changed")) &&
	    ask(command, "GetStatus", json_object(), ASK_USEC, &status) == OUTCOME_DONE)
		change_print_last(command, status);
	return OUTCOME_DONE;
}
