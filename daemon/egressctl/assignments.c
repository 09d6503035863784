/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "columns.h"
#include "field.h"
#include "units.h"

static const struct column assignment_columns[] = {
        {"Address", false, YIELD_NEVER}, {"Role", false, YIELD_FIRST},
        {"Ends in", false, YIELD_NEVER}, {"By", false, YIELD_FIRST},
        {"Why", false, YIELD_FIRST},     {},
};

static void print_assignments(const struct command *command, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "assignments"), *assignment;
	struct columns columns;
	size_t i;

	if (!json_array_size(list)) {
		writer_line(&command->writer, COLOUR_NONE, "No address is assigned.");
		return;
	}
	columns_init(&columns, &command->writer, assignment_columns);
	json_array_foreach(list, i, assignment)
	{
		char left[UNIT_TEXT_MAX];
		columns_add(&columns, COLOUR_NONE, "%s", field_text(assignment, "address", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(assignment, "role", "?"));
		columns_add(&columns, COLOUR_NONE, "%s",
		            left_print(field_number(assignment, "until"), command->now, left));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(assignment, "user", "?"));
		columns_add(&columns, COLOUR_NONE, "%s", field_text(assignment, "why", "-"));
	}
	columns_print(&columns);
	columns_done(&columns);
}

enum outcome verb_assignments(const struct command *command)
{
	return ask_and_print(command, "ListAssignments", json_object(), ASK_USEC,
	                     print_assignments);
}
