/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "field.h"

#include <string.h>

#define TOLD_MAX INT64_C(4294967296) /* addresses; a larger number says nothing */

/* "www1 (2 addresses)", "192.168.0.7 (office)" */
static void print_quarantined(const struct command *command, const json_t *answer)
{
	const json_t *quarantine = json_object_get(answer, "quarantine");
	const char *host = field_text(quarantine, "host", "?"),
	           *of = field_text(quarantine, "of", "");
	int64_t addresses = field_number(quarantine, "addresses");
	char end[END_TEXT_MAX], what[64] = "";

	if (strcmp(host, of) != 0)
		snprintf(what, sizeof(what), "%s%s%s", *of ? " (" : "", of, *of ? ")" : "");
	else if (addresses > TOLD_MAX)
		snprintf(what, sizeof(what), " (all its addresses)");
	else if (addresses)
		snprintf(what, sizeof(what), " (%lld address%s)", (long long)addresses,
		         addresses == 1 ? "" : "es");
	else
		snprintf(what, sizeof(what), " (by its MAC)");
	writer_line(&command->writer, COLOUR_GOOD, "%s%s is in quarantine now, %s.", host, what,
	            change_end(command, quarantine, "release", host, end));
	change_print_replaced(command, json_object_get(answer, "replaced"), "release", host, "");
	change_print(command, answer);
}

enum outcome verb_quarantine(const struct command *command)
{
	bool good;
	json_t *seconds = change_seconds(command, &good);
	if (!good) {
		json_decref(seconds);
		return OUTCOME_USAGE;
	}
	return ask_and_print(command, "Quarantine",
	                     json_pack("{s:s, s:o, s:o}", "host", command->words[0], "seconds",
	                               seconds, "why", ask_option(command, OPTION_WHY)),
	                     CHANGE_USEC, print_quarantined);
}
