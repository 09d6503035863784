/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "field.h"
#include "units.h"

static void print_reload(const struct command *command, const json_t *answer)
{
	const struct writer *writer = &command->writer;
	int64_t hosts = field_number(answer, "hosts"), roles = field_number(answer, "roles");
	const char *text = field_text(answer, "text", "");

	bool changed = json_is_true(json_object_get(answer, "changed"));
	writer_line(writer, COLOUR_GOOD, "%s: %lld %s, %lld %s.",
	            changed ? "The new policy is in force" : "Nothing had to change",
	            (long long)hosts, plural(hosts, "host", "hosts"), (long long)roles,
	            plural(roles, "role", "roles"));
	writer_field(writer, "Elements", COLOUR_NONE, "%lld added, %lld deleted",
	             (long long)field_number(answer, "elements_added"),
	             (long long)field_number(answer, "elements_deleted"));
	writer_field(writer, "Rules", COLOUR_NONE, "%lld added, %lld deleted",
	             (long long)field_number(answer, "rules_added"),
	             (long long)field_number(answer, "rules_deleted"));
	writer_field(writer, "Took", COLOUR_NONE, "%.1f ms",
	             json_number_value(json_object_get(answer, "milliseconds")));
	if (*text)
		writer_field(writer, "Note", COLOUR_NONE, "%s", text);
}

enum outcome verb_reload(const struct command *command)
{
	return ask_and_print(command, "Reload", json_object(), CHANGE_USEC, print_reload);
}
