/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "columns.h"
#include "field.h"
#include "since.h"
#include "units.h"

static const struct column blocked_columns[] = {
        {"Last", false, YIELD_NEVER},    {"Host", false, YIELD_FIRST},
        {"Source", false, YIELD_LAST},   {"Destination", false, YIELD_LAST},
        {"Service", false, YIELD_FIRST}, {"Reason", false, YIELD_NEVER},
        {"Attempts", true, YIELD_NEVER}, {},
};

static void print_blocked(const struct command *command, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "blocked"), *blocked;
	struct columns columns;
	size_t i;

	if (!json_array_size(list)) {
		writer_line(&command->writer, COLOUR_NONE, "Nothing was blocked.");
		return;
	}
	columns_init(&columns, &command->writer, blocked_columns);
	json_array_foreach(list, i, blocked)
	{
		_cleanup_free_ char *service = field_service(blocked, true);
		char ago[UNIT_TEXT_MAX], attempts[UNIT_TEXT_MAX];
		columns_add(&columns, COLOUR_NONE, "%s",
		            ago_print(field_number(blocked, "last"), command->now, ago));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "host", "-"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "source", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "destination", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", service ? service : "?");
		columns_add(&columns, COLOUR_NONE, "%s", field_text(blocked, "reason", "?"));
		columns_add(&columns, COLOUR_NONE, "%s",
		            count_print(field_number(blocked, "attempts"), attempts));
	}
	columns_print(&columns);
	columns_done(&columns);
}

enum outcome verb_blocked(const struct command *command)
{
	const char *since = command->options[OPTION_SINCE];
	usec_t from = 0;
	if (since && since_parse(since, command->now, &from) < 0) {
		complain(command,
		         "\"%s\" is no time; say it as 10min, 2h, today, yesterday or "
		         "\"2026-11-22 14:00\"",
		         since);
		return OUTCOME_USAGE;
	}
	json_t *parameters = json_pack(
	        "{s:o, s:o, s:o, s:o}", "source", ask_option(command, OPTION_SOURCE), "host",
	        ask_option(command, OPTION_HOST), "role", ask_option(command, OPTION_ROLE), "since",
	        since ? json_integer((json_int_t)from) : json_null());
	return ask_and_print(command, "ListBlocked", parameters, ASK_USEC, print_blocked);
}
