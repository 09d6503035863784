/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"

static void print_unassigned(const struct command *command, const json_t *answer)
{
	const json_t *assignment = json_object_get(answer, "assignment");

	writer_line(&command->writer, COLOUR_GOOD, "The assignment of %s to role %s is over.",
	            field_text(assignment, "address", "?"), field_text(assignment, "role", "?"));
	change_print(command, answer);
}

enum outcome verb_unassign(const struct command *command)
{
	return ask_and_print(command, "Unassign", json_pack("{s:s}", "address", command->words[0]),
	                     CHANGE_USEC, print_unassigned);
}
