/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "alarm.h"
#include "ask.h"
#include "field.h"
#include "hunt.h"
#include "units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void print_list(const struct command *command, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "alarms"), *alarm;
	size_t i;

	if (!json_array_size(list))
		writer_line(&command->writer, COLOUR_GOOD, "No %salarms.",
		            command->options[OPTION_ALL] ? "" : "open ");
	json_array_foreach(list, i, alarm) alarm_print(command, alarm);
}

static void print_card(const struct command *command, const json_t *answer)
{
	hunt_print(command, json_object_get(answer, "alarm"), json_object_get(answer, "card"));
}

static void print_change(const struct command *command, const json_t *answer)
{
	const json_t *alarm = json_object_get(answer, "alarm");
	const json_t *deed = alarm_deed(alarm);
	char ago[UNIT_TEXT_MAX];
	writer_line(&command->writer, COLOUR_NONE, "Alarm %lld is %s%s%s%s%s: %s",
	            (long long)field_number(alarm, "id"), field_text(alarm, "state", "?"),
	            deed ? ", by " : "", deed ? field_text(deed, "user", "?") : "", deed ? " " : "",
	            deed ? ago_print(field_number(deed, "time"), command->now, ago) : "",
	            field_text(alarm, "text", ""));
}

static enum outcome list(const struct command *command)
{
	json_t *parameters = alarm_reader(command->now);
	(void)json_object_set_new(parameters, "all",
	                          json_boolean(command->options[OPTION_ALL] != NULL));
	return ask_and_print(command, "ListAlarms", parameters, ASK_USEC, print_list);
}

static bool read_id(const char *text, json_int_t *ret_id)
{
	char *end;
	errno = 0;
	long long id = strtoll(text, &end, 10);
	if (errno || end == text || *end || id <= 0)
		return false;
	*ret_id = id;
	return true;
}

enum outcome verb_alarms(const struct command *command)
{
	static const struct {
		const char *word;
		const char *method;
		void (*print)(const struct command *command, const json_t *answer);
	} deeds[] = {
	        {"show", "GetAlarm", print_card},
	        {"ack", "AckAlarm", print_change},
	        {"clear", "ClearAlarm", print_change},
	};
	const char *word = command->words[0];
	json_int_t id;

	if (!word)
		return list(command);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(word, deeds[i].word) != 0)
			continue;
		if (!command->words[1] || command->options[OPTION_ALL])
			break;
		if (!read_id(command->words[1], &id)) {
			complain(command, "\"%s\" is no alarm's number; egressctl alarms has them",
			         command->words[1]);
			return OUTCOME_USAGE;
		}
		json_t *parameters = alarm_reader(command->now);
		(void)json_object_set_new(parameters, "id", json_integer(id));
		return ask_and_print(command, deeds[i].method, parameters, ASK_USEC,
		                     deeds[i].print);
	}
	return complain_usage(command);
}
