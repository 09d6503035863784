/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 18 /* of any number that fits */

static void print_revoked(const struct command *command, const json_t *answer)
{
	const json_t *permit = json_object_get(answer, "permit");
	const char *to = field_text(permit, "to", NULL);

	writer_line(&command->writer, COLOUR_GOOD, "Permit %lld is over: %s for %s%s%s.",
	            (long long)field_number(permit, "id"), field_text(permit, "service", "?"),
	            field_text(permit, "host", "?"), to ? " to " : "", to ? to : "");
	change_print(command, answer);
}

enum outcome verb_revoke(const struct command *command)
{
	const char *id = command->words[0];
	size_t digits = strspn(id, "0123456789");

	if (!digits || digits > DIGITS_MAX || id[digits]) {
		complain(command, "\"%s\" is no permit's number; egressctl permits lists them", id);
		return OUTCOME_USAGE;
	}
	return ask_and_print(command, "Revoke",
	                     json_pack("{s:I}", "id", (json_int_t)strtoll(id, NULL, 10)),
	                     CHANGE_USEC, print_revoked);
}
