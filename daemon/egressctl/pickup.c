/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "change.h"
#include "columns.h"
#include "field.h"
#include "units.h"

#include <string.h>

static const struct column pickup_columns[] = {
        {"Client", false, YIELD_NEVER},       {"Port", true, YIELD_FIRST},
        {"Server", false, YIELD_NEVER},       {"Service", false, YIELD_NEVER},
        {"Forgotten in", false, YIELD_FIRST}, {},
};

static void print_window(const struct command *command, const json_t *window)
{
	char left[UNIT_TEXT_MAX];
	const char *why = field_text(window, "why", NULL);

	if (!json_is_object(window)) {
		writer_line(&command->writer, COLOUR_NONE, "The pickup window is closed.");
		return;
	}
	writer_line(&command->writer, COLOUR_WARNING,
	            "The pickup window is open for %s, by %s%s%s.",
	            left_print(field_number(window, "until"), command->now, left),
	            field_text(window, "user", "?"), why ? ": " : "", why ? why : "");
}

static void add_party(struct columns *columns, const json_t *one, const char *address,
                      const char *host)
{
	const char *name = field_text(one, host, NULL);
	const char *text = field_text(one, address, "?");
	if (name && strcmp(name, text) != 0)
		columns_add(columns, COLOUR_NONE, "%s (%s)", name, text);
	else
		columns_add(columns, COLOUR_NONE, "%s", text);
}

static void print_connections(const struct command *command, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "connections"), *one;
	int64_t count = field_number(answer, "count");
	struct columns columns;
	size_t i;

	print_window(command, json_object_get(answer, "window"));
	if (!json_array_size(list)) {
		writer_line(&command->writer, COLOUR_NONE, "No connection is picked up.");
		return;
	}
	columns_init(&columns, &command->writer, pickup_columns);
	json_array_foreach(list, i, one)
	{
		char left[UNIT_TEXT_MAX];
		add_party(&columns, one, "client", "client_host");
		columns_add(&columns, COLOUR_NONE, "%lld",
		            (long long)field_number(one, "client_port"));
		add_party(&columns, one, "server", "server_host");
		columns_add(&columns, COLOUR_NONE, "%s/%lld", field_text(one, "protocol", "?"),
		            (long long)field_number(one, "server_port"));
		columns_add(&columns, COLOUR_NONE, "%s",
		            left_print(field_number(one, "until"), command->now, left));
	}
	columns_print(&columns);
	columns_done(&columns);
	if (count > (int64_t)json_array_size(list))
		writer_line(&command->writer, COLOUR_NONE, "and %lld more",
		            (long long)count - (long long)json_array_size(list));
}

static void print_opened(const struct command *command, const json_t *answer)
{
	const json_t *window = json_object_get(answer, "window");
	char end[END_TEXT_MAX];
	writer_line(&command->writer, COLOUR_GOOD, "The pickup window is open, %s.",
	            change_end(command, window, "pickup", "close", end));
	change_print(command, answer);
}

static void print_closed(const struct command *command, const json_t *answer)
{
	writer_line(&command->writer, COLOUR_GOOD, "The pickup window is closed.");
	change_print(command, answer);
}

static enum outcome open_window(const struct command *command)
{
	bool good;
	json_t *seconds = change_seconds(command, &good);
	if (!good) {
		json_decref(seconds);
		return OUTCOME_USAGE;
	}
	return ask_and_print(
	        command, "Pickup",
	        json_pack("{s:o, s:o}", "seconds", seconds, "why", ask_option(command, OPTION_WHY)),
	        CHANGE_USEC, print_opened);
}

enum outcome verb_pickup(const struct command *command)
{
	bool opens = command->options[OPTION_FOR];
	const char *word = command->words[0];

	if (word && strcmp(word, "close") != 0) {
		complain(command, "\"%s\" is not a word of pickup; the word is \"close\"", word);
		return OUTCOME_USAGE;
	}
	if (opens && word) {
		complain(command, "the pickup window is opened by --for or closed, not both");
		return OUTCOME_USAGE;
	}
	if (command->options[OPTION_WHY] && !opens) {
		complain(command, "--why goes with --for, as in: egressctl pickup --for 2min --why "
		                  "failover");
		return OUTCOME_USAGE;
	}
	if (opens)
		return open_window(command);
	if (word)
		return ask_and_print(command, "ClosePickup", json_object(), CHANGE_USEC,
		                     print_closed);
	return ask_and_print(command, "ListPickedUp", json_object(), ASK_USEC, print_connections);
}
