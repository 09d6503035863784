/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "field.h"

#include <string.h>

static bool is_permitted(const json_t *answer)
{
	return strcmp(field_text(answer, "verdict", ""), "permitted") == 0;
}

static void print_explanation(const struct command *command, const json_t *answer)
{
	const struct writer *writer = &command->writer;
	const char *reason = field_text(answer, "reason", NULL);
	const char *host = field_text(answer, "host", NULL),
	           *file = field_text(answer, "file", NULL);
	const char *mode = field_text(answer, "mode", "?");
	bool permitted = is_permitted(answer);
	bool passes = !permitted && strcmp(mode, "audit") == 0;

	if (json_is_false(json_object_get(answer, "judged")))
		writer_field(writer, "Verdict", COLOUR_WARNING, "not judged, so it passes");
	else
		writer_field(writer, "Verdict",
		             permitted ? COLOUR_GOOD : (passes ? COLOUR_WARNING : COLOUR_BAD),
		             "%s%s%s%s%s", passes ? "would be " : "",
		             field_text(answer, "verdict", "?"), reason ? " for the reason " : "",
		             reason ? reason : "", passes ? ", but it passes: mode audit" : "");
	bool forged = reason && strcmp(reason, "spoofed") == 0;
	writer_field(writer, "Host", COLOUR_NONE, "%s",
	             host     ? host
	             : forged ? "unknown, as the source is not where it belongs"
	                      : "none has this address");
	/* The role that decides is that of the other end then. */
	writer_field(writer, "Role", COLOUR_NONE, "%s%s", field_text(answer, "role", "none"),
	             reason && strcmp(reason, "inbound") == 0 ? " (of the destination)" : "");
	writer_field(writer, "Mode", COLOUR_NONE, "%s", mode);
	if (file)
		writer_field(writer, "Line", COLOUR_NONE, "%s:%lld", file,
		             (long long)field_number(answer, "line"));
	writer_field(writer, "Because", COLOUR_NONE, "%s", field_text(answer, "text", ""));
}

enum outcome verb_explain(const struct command *command)
{
	_cleanup_(json_decrefp) json_t *answer = NULL;
	json_t *parameters = json_pack(
	        "{s:s, s:s, s:s, s:o, s:o}", "source", command->words[0], "destination",
	        command->words[1], "service", command->words[2], "interface",
	        ask_option(command, OPTION_INTERFACE), "mac", ask_option(command, OPTION_MAC));
	enum outcome outcome = ask(command, "Explain", parameters, ASK_USEC, &answer);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (command->writer.json)
		writer_json(&command->writer, answer, false);
	else
		print_explanation(command, answer);
	return is_permitted(answer) ? OUTCOME_DONE : OUTCOME_REFUSED;
}
