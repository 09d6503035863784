/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alarm.h"

#include "base/zone.h"
#include "field.h"
#include "units.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SHOWN          3 /* beside other things */
#define STATE_TEXT_MAX 160

json_t *alarm_reader(usec_t now)
{
	struct zone zone = zone_here(now);
	if (!zone.since)
		return json_pack("{si}", "utc_offset", zone.offset);
	return json_pack("{si sI si}", "utc_offset", zone.offset, "utc_offset_since",
	                 (json_int_t)zone.since, "utc_offset_before", zone.before);
}

enum colour alarm_colour(const json_t *alarm)
{
	const char *severity = field_text(alarm, "severity", "");
	if (strcmp(field_text(alarm, "state", ""), "open") != 0)
		return COLOUR_NONE;
	if (strcmp(severity, "critical") == 0)
		return COLOUR_BAD;
	return strcmp(severity, "warning") == 0 ? COLOUR_WARNING : COLOUR_BOLD;
}

const json_t *alarm_deed(const json_t *alarm)
{
	const json_t *deed = json_object_get(alarm, field_text(alarm, "state", ""));
	return json_is_object(deed) ? deed : NULL;
}

/* "open", or "acknowledged by alice 5 min ago". */
static const char *state_print(const struct command *command, const json_t *alarm,
                               char buffer[static STATE_TEXT_MAX])
{
	const char *state = field_text(alarm, "state", "?");
	const json_t *deed = alarm_deed(alarm);
	char ago[UNIT_TEXT_MAX];
	if (deed)
		snprintf(buffer, STATE_TEXT_MAX, "%.16s by %.64s %s", state,
		         field_text(deed, "user", "?"),
		         ago_print(field_number(deed, "time"), command->now, ago));
	else
		snprintf(buffer, STATE_TEXT_MAX, "%.16s", state);
	return buffer;
}

void alarm_print(const struct command *command, const json_t *alarm)
{
	char name[32], ago[UNIT_TEXT_MAX], state[STATE_TEXT_MAX];
	snprintf(name, sizeof(name), "%lld", (long long)field_number(alarm, "id"));
	bool tried = !json_is_integer(json_object_get(alarm, "attempts")) ||
	             field_number(alarm, "attempts");
	writer_field(&command->writer, name, alarm_colour(alarm), "%s %s, %s; %s%s",
	             field_text(alarm, "severity", "?"), field_text(alarm, "kind", "?"),
	             state_print(command, alarm, state), tried ? "last " : "no attempts",
	             tried ? ago_print(field_number(alarm, "last"), command->now, ago) : "");
	writer_field(&command->writer, "", COLOUR_NONE, "%s", field_text(alarm, "text", ""));
}

void alarm_print_gravest(const struct command *command, const json_t *answer)
{
	const json_t *alarm;
	unsigned shown = 0;
	size_t i;

	json_array_foreach(json_object_get(answer, "alarms"), i, alarm)
	{
		if (shown == SHOWN || strcmp(field_text(alarm, "state", ""), "open") != 0)
			continue;
		writer_field(&command->writer, "", alarm_colour(alarm), "%lld, %s: %s",
		             (long long)field_number(alarm, "id"),
		             field_text(alarm, "severity", "?"), field_text(alarm, "text", ""));
		shown++;
	}
}
