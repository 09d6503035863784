/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"

#include <stdio.h>

#define ROLE_TEXT_MAX 80

static const char *role_print(const json_t *assignment, char buffer[static ROLE_TEXT_MAX])
{
	snprintf(buffer, ROLE_TEXT_MAX, "role %.64s", field_text(assignment, "role", "?"));
	return buffer;
}

static void print_assigned(const struct command *command, const json_t *answer)
{
	const json_t *assignment = json_object_get(answer, "assignment");
	const json_t *replaced = json_object_get(answer, "replaced");
	const char *address = field_text(assignment, "address", "?");
	char end[END_TEXT_MAX], role[ROLE_TEXT_MAX];

	writer_line(&command->writer, COLOUR_GOOD, "%s has role %s now, %s.", address,
	            field_text(assignment, "role", "?"),
	            change_end(command, assignment, "unassign", address, end));
	change_print_replaced(command, replaced, "unassign", address, role_print(replaced, role));
	change_print(command, answer);
}

enum outcome verb_assign(const struct command *command)
{
	bool good;
	json_t *seconds = change_seconds(command, &good);
	if (!good) {
		json_decref(seconds);
		return OUTCOME_USAGE;
	}
	return ask_and_print(command, "Assign",
	                     json_pack("{s:s, s:s, s:o, s:o}", "address", command->words[0], "role",
	                               command->words[1], "seconds", seconds, "why",
	                               ask_option(command, OPTION_WHY)),
	                     CHANGE_USEC, print_assigned);
}
