/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"

static void print_released(const struct command *command, const json_t *answer)
{
	const json_t *quarantine = json_object_get(answer, "quarantine");

	writer_line(&command->writer, COLOUR_GOOD, "The quarantine of %s is over.",
	            field_text(quarantine, "host", "?"));
	change_print(command, answer);
}

enum outcome verb_release(const struct command *command)
{
	return ask_and_print(command, "Release", json_pack("{s:s}", "host", command->words[0]),
	                     CHANGE_USEC, print_released);
}
