/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "columns.h"
#include "field.h"
#include "units.h"

#include <string.h>

static const struct column quarantine_columns[] = {
        {"Host", false, YIELD_NEVER},
        {"Of", false, YIELD_FIRST},
        {"Role", false, YIELD_FIRST},
        {"Ends in", false, YIELD_NEVER},
        {"By", false, YIELD_FIRST},
        {"Why", false, YIELD_FIRST},
        {},
};

static void print_quarantined(const struct command *command, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "quarantined"), *quarantine;
	struct columns columns;
	size_t i;

	if (!json_array_size(list)) {
		writer_line(&command->writer, COLOUR_NONE, "Nobody is in quarantine.");
		return;
	}
	columns_init(&columns, &command->writer, quarantine_columns);
	json_array_foreach(list, i, quarantine)
	{
		const char *host = field_text(quarantine, "host", "?");
		const char *of = field_text(quarantine, "of", "nobody");
		char left[UNIT_TEXT_MAX];
		columns_add(&columns, COLOUR_NONE, "%s", host);
		columns_add(&columns, COLOUR_NONE, "%s", strcmp(host, of) == 0 ? "all of it" : of);
		columns_add(&columns, COLOUR_NONE, "%s", field_text(quarantine, "role", "-"));
		columns_add(&columns, COLOUR_NONE, "%s",
		            left_print(field_number(quarantine, "until"), command->now, left));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(quarantine, "user", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(quarantine, "why", "-"));
	}
	columns_print(&columns);
	columns_done(&columns);
}

enum outcome verb_quarantined(const struct command *command)
{
	return ask_and_print(command, "ListQuarantined", json_object(), ASK_USEC,
	                     print_quarantined);
}
