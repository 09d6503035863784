/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"

#include <string.h>

static void print_permitted(const struct command *command, const json_t *answer)
{
	const json_t *permit = json_object_get(answer, "permit");
	const char *to = field_text(permit, "to", NULL);
	char end[END_TEXT_MAX];

	writer_line(&command->writer, COLOUR_GOOD, "%s may initiate %s%s%s now, %s.",
	            field_text(permit, "host", "?"), field_text(permit, "service", "?"),
	            to ? " to " : "", to ? to : "",
	            change_end(command, permit, "revoke", field_text(permit, "host", "?"), end));
	writer_field(&command->writer, "Permit", COLOUR_NONE, "%lld; egressctl revoke %lld ends it",
	             (long long)field_number(permit, "id"), (long long)field_number(permit, "id"));
	change_print(command, answer);
}

/* HOST SERVICE, or HOST SERVICE to DEST; false for anything else. */
static bool take_destination(const struct command *command, const char **ret_to)
{
	char **words = command->words;
	*ret_to = NULL;
	if (!words[2])
		return true;
	if (strcmp(words[2], "to") != 0 || !words[3])
		return false;
	*ret_to = words[3];
	return true;
}

static enum outcome complain_missing(const struct command *command, const char *to)
{
	bool no_span = !command->options[OPTION_FOR], no_why = !command->options[OPTION_WHY];

	complain(command, "a permit needs %s%s%s, as in", no_span ? "--for, how long it lasts" : "",
	         no_span && no_why ? ", and " : "",
	         no_why ? "--why, a word on what it is for" : "");
	complain(command, "  egressctl permit %s %s%s%s --for %s --why \"%s\"", command->words[0],
	         command->words[1], to ? " to " : "", to ? to : "",
	         no_span ? "2h" : command->options[OPTION_FOR],
	         no_why ? "new kernel, ticket 4711" : command->options[OPTION_WHY]);
	return OUTCOME_USAGE;
}

enum outcome verb_permit(const struct command *command)
{
	const char *to;
	bool good;

	if (!take_destination(command, &to))
		return complain_usage(command);
	if (!command->options[OPTION_FOR] || !command->options[OPTION_WHY])
		return complain_missing(command, to);
	json_t *seconds = change_seconds(command, &good);
	if (!good) {
		json_decref(seconds);
		return OUTCOME_USAGE;
	}
	return ask_and_print(command, "Permit",
	                     json_pack("{s:s, s:s, s:s?, s:o, s:o}", "host", command->words[0],
	                               "service", command->words[1], "to", to, "seconds", seconds,
	                               "why", ask_option(command, OPTION_WHY)),
	                     CHANGE_USEC, print_permitted);
}
