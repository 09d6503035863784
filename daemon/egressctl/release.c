/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"

#include <stdbool.h>
#include <string.h>

/* What goes on to hold it, of the host around it or of single addresses. */
static void print_remaining(const struct command *command, const char *released,
                            const json_t *remaining)
{
	const char *host = field_text(remaining, "host", "?");
	bool around = strcmp(host, field_text(remaining, "of", "")) == 0;
	char end[END_TEXT_MAX];

	change_end(command, remaining, "release", host, end);
	writer_field(&command->writer, "But", COLOUR_WARNING,
	             around ? "%s stays in quarantine, as an address of host %s, %s"
	                    : "%s of host %s stays in quarantine, %s",
	             around ? released : host, around ? host : released, end);
	if (field_number(remaining, "until"))
		writer_field(&command->writer, "", COLOUR_NONE, "egressctl release %s ends that",
		             host);
}

static void print_released(const struct command *command, const json_t *answer)
{
	const char *host = field_text(json_object_get(answer, "quarantine"), "host", "?");
	const json_t *list = json_object_get(answer, "remaining"), *remaining;
	size_t i;

	writer_line(&command->writer, COLOUR_GOOD, "The quarantine of %s is over.", host);
	json_array_foreach(list, i, remaining) print_remaining(command, host, remaining);
	change_print(command, answer);
}

enum outcome verb_release(const struct command *command)
{
	return ask_and_print(command, "Release", json_pack("{s:s}", "host", command->words[0]),
	                     CHANGE_USEC, print_released);
}
