/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "columns.h"
#include "field.h"
#include "units.h"

static const struct column permit_columns[] = {
        {"Id", true, YIELD_NEVER},       {"Host", false, YIELD_FIRST},
        {"Service", false, YIELD_FIRST}, {"To", false, YIELD_FIRST},
        {"Ends in", false, YIELD_NEVER}, {"By", false, YIELD_FIRST},
        {"Why", false, YIELD_FIRST},     {},
};

static void print_permits(const struct command *command, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "permits"), *permit;
	struct columns columns;
	size_t i;

	if (!json_array_size(list)) {
		writer_line(&command->writer, COLOUR_NONE,
		            "Nothing is permitted but by the configuration.");
		return;
	}
	columns_init(&columns, &command->writer, permit_columns);
	json_array_foreach(list, i, permit)
	{
		char left[UNIT_TEXT_MAX];
		columns_add(&columns, COLOUR_NONE, "%lld", (long long)field_number(permit, "id"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(permit, "host", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(permit, "service", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(permit, "to", "anywhere"));
		columns_add(&columns, COLOUR_NONE, "%s",
		            left_print(field_number(permit, "until"), command->now, left));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(permit, "user", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(permit, "why", "-"));
	}
	columns_print(&columns);
	columns_done(&columns);
}

enum outcome verb_permits(const struct command *command)
{
	return ask_and_print(command, "ListPermits", json_object(), ASK_USEC, print_permits);
}
