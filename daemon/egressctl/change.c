/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change.h"

#include "duration.h"
#include "field.h"
#include "units.h"

#include <errno.h>
#include <stdio.h>

json_t *change_seconds(const struct command *command, bool *ret_good)
{
	const char *span = command->options[OPTION_FOR];
	int64_t seconds = 0;

	int r = span ? duration_parse(span, &seconds) : 0;
	*ret_good = r == 0;
	if (r == -ERANGE)
		complain(command, "\"%s\" is too long; at most %lld days are possible", span,
		         (long long)(DURATION_MAX / (24 * 60 * 60)));
	else if (r < 0)
		complain(command, "\"%s\" is no duration; " DURATION_HINT, span);
	return seconds ? json_integer(seconds) : json_null();
}

void change_print(const struct command *command, const json_t *answer)
{
	const struct writer *writer = &command->writer;
	const json_t *kept = json_object_get(answer, "kept"), *note;
	int64_t cut = field_number(answer, "flows_cut");
	size_t i;

	if (cut)
		writer_field(writer, "Cut", COLOUR_NONE, "%lld %s", (long long)cut,
		             plural(cut, "connection", "connections"));
	writer_field(writer, "Took", COLOUR_NONE, "%.1f ms",
	             json_number_value(json_object_get(answer, "milliseconds")));
	json_array_foreach(json_object_get(answer, "notes"), i, note)
	        writer_field(writer, "Note", COLOUR_WARNING, "%s", json_string_value(note));
	if (json_is_false(kept))
		writer_field(writer, "But", COLOUR_WARNING, "%s", field_text(answer, "text", ""));
}

const char *change_end(const struct command *command, const json_t *entry, const char *verb,
                       const char *name, char buffer[static END_TEXT_MAX])
{
	int64_t until = field_number(entry, "until");
	char time[UNIT_TEXT_MAX], left[UNIT_TEXT_MAX];

	if (until)
		snprintf(buffer, END_TEXT_MAX, "until %s (%s)", time_print(until, time),
		         left_print(until, command->now, left));
	else
		snprintf(buffer, END_TEXT_MAX, "until egressctl %s %.64s", verb, name);
	return buffer;
}

void change_print_replaced(const struct command *command, const json_t *replaced, const char *verb,
                           const char *name, const char *what)
{
	const char *why = field_text(replaced, "why", NULL);
	char end[END_TEXT_MAX];

	if (json_is_object(replaced))
		writer_field(&command->writer, "Was", COLOUR_NONE, "%s%s%s, by %s%s%s", what,
		             *what ? ", " : "", change_end(command, replaced, verb, name, end),
		             field_text(replaced, "user", "?"), why ? ": " : "", why ? why : "");
}

void change_print_last(const struct command *command, const json_t *status)
{
	const struct writer *writer = &command->writer;
	const json_t *change = json_object_get(status, "change");
	int64_t cut = field_number(change, "flows_cut"), kept = field_number(change, "flows_kept");
	char when[WHEN_TEXT_MAX];

	if (!json_is_object(change))
		return;
	writer_field(writer, "Changed", COLOUR_NONE,
	             "%s, in %.1f ms: elements +%lld -%lld, rules +%lld -%lld; %lld %s "
	             "cut, %lld %s on",
	             when_print(field_number(change, "time"), command->now, when),
	             json_number_value(json_object_get(change, "milliseconds")),
	             (long long)field_number(change, "elements_added"),
	             (long long)field_number(change, "elements_deleted"),
	             (long long)field_number(change, "rules_added"),
	             (long long)field_number(change, "rules_deleted"), (long long)cut,
	             plural(cut, "connection", "connections"), (long long)kept,
	             plural(kept, "goes", "go"));
}
