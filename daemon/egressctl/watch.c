/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "alarm.h"
#include "ask.h"
#include "ecs.h"
#include "field.h"
#include "units.h"
#include "user.h"

#include <stdbool.h>
#include <string.h>

static enum colour colour_of(const char *kind)
{
	return strcmp(kind, "blocked") == 0 ? COLOUR_WARNING : COLOUR_BOLD;
}

static void print_event(const struct command *command, const json_t *event)
{
	const struct writer *writer = &command->writer;
	const json_t *attempt = json_object_get(event, "attempt");
	const char *kind = field_text(event, "kind", "?");
	int64_t lost = field_number(event, "lost");
	char time[UNIT_TEXT_MAX];

	if (lost)
		writer_line(writer, COLOUR_BAD, "(%lld %s lost here: too slow for them)",
		            (long long)lost, plural(lost, "event was", "events were"));
	time_print(field_number(event, "time"), time);
	if (json_is_object(json_object_get(event, "alarm"))) {
		writer_line(writer, alarm_colour(json_object_get(event, "alarm")), "%s %s", time,
		            field_text(event, "text", ""));
		return;
	}
	if (!json_is_object(attempt)) {
		writer_line(writer, colour_of(kind), "%s %s: %s", time, kind,
		            field_text(event, "text", ""));
		return;
	}

	size_t traffic;
	_cleanup_free_ char *service = field_service(attempt, &traffic);
	char buffer[USER_TEXT_MAX];
	/* A daemon that kept no outcome says none. */
	bool passed = json_is_true(json_object_get(event, "passed"));
	const char *host = field_text(attempt, "host", NULL), *user = user_print(attempt, buffer);
	writer_line(writer, colour_of(kind), "%s %s: %s%s%s -> %s %s, %s%s%s", time,
	            passed ? "would be blocked" : kind, host ? host : "", host ? " " : "",
	            field_text(attempt, "source", "?"), field_text(attempt, "destination", "?"),
	            service ? service : "?", field_text(attempt, "reason", "?"), user ? ", " : "",
	            user ? user : "");
}

/* Alarms go as ECS records to whoever asked for alarms alone; all else as the daemon tells it. */
static void print_json(const struct command *command, json_t *event)
{
	bool ecs = command->options[OPTION_ALARMS] && json_object_get(event, "alarm");
	_cleanup_(json_decrefp) json_t *record = ecs ? ecs_from_event(event) : json_incref(event);
	writer_json(&command->writer, record, true);
}

enum outcome verb_watch(const struct command *command)
{
	json_t *parameters = command->options[OPTION_ALARMS] ? json_pack("{ss}", "kind", "alarm")
	                                                     : json_object();
	_cleanup_(client_freep) struct client *client = NULL;
	enum outcome outcome = ask_connect(command, 0, &client);
	if (outcome == OUTCOME_DONE)
		outcome = ask_send(command, client, "Monitor", parameters, true);
	else
		json_decref(parameters);

	while (outcome == OUTCOME_DONE) {
		struct reply reply;
		outcome = ask_receive(command, client, NULL, &reply);
		if (outcome != OUTCOME_DONE)
			break;
		if (command->writer.json)
			print_json(command, reply.parameters);
		else
			print_event(command, reply.parameters);
		bool last = !reply.continues;
		reply_done(&reply);
		if (fflush(command->writer.out) != 0 || last)
			break;
	}
	return outcome;
}
