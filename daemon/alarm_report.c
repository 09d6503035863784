/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alarm_report.h"

#include "alarm_fields.h"
#include "alarm_reply.h"
#include "clock.h"
#include "journal.h"
#include "replies.h"

#include <inttypes.h>
#include <stdlib.h>

_Static_assert(ALARM_FIELDS_MAX <= JOURNAL_FIELDS_MAX, "the journal leaves fields out");

#define CHANGE_TEXT_MAX (WORSENING_TEXT_MAX + 8)

static int severity_priority(enum severity severity)
{
	switch (severity) {
	case SEVERITY_NOTICE:
		return LOG_NOTICE;
	case SEVERITY_WARNING:
		return LOG_WARNING;
	case SEVERITY_CRITICAL:
		return LOG_CRIT;
	}
	abort(); /* no other value is ever made */
}

/* NULL: nothing to tell. */
static const char *message_id(enum alarm_change change)
{
	switch (change) {
	case ALARM_CHANGE_OPENED:
	case ALARM_CHANGE_REOPENED:
		return MESSAGE_ALARM_OPENED;
	case ALARM_CHANGE_WORSENED:
		return MESSAGE_ALARM_WORSENED;
	case ALARM_CHANGE_ACKNOWLEDGED:
		return MESSAGE_ALARM_ACKNOWLEDGED;
	case ALARM_CHANGE_CLEARED:
		return MESSAGE_ALARM_CLEARED;
	case ALARM_CHANGE_UPDATED:
		return NULL;
	}
	abort(); /* no other value is ever made */
}

static void tell_journal(const struct alarm *alarm, enum alarm_change change, const char *text)
{
	struct alarm_field fields[ALARM_FIELDS_MAX];
	struct journal_field borrowed[ALARM_FIELDS_MAX];
	size_t count = alarm_fields(alarm, change, fields);
	for (size_t i = 0; i < count; i++)
		borrowed[i] = (struct journal_field){fields[i].name, fields[i].value};

	bool over = change == ALARM_CHANGE_ACKNOWLEDGED || change == ALARM_CHANGE_CLEARED;
	journal_record(over ? LOG_NOTICE : severity_priority(alarm->severity), message_id(change),
	               borrowed, count, text);
}

/* ", by alice (uid 1000)" or ", severity from notice to warning"; nothing where that is all. */
static void print_change(const struct alarm *alarm, enum alarm_change change,
                         char buffer[static CHANGE_TEXT_MAX])
{
	const struct alarm_deed *deed = alarm_change_deed(alarm, change);
	char text[WORSENING_TEXT_MAX];

	buffer[0] = '\0';
	if (deed)
		snprintf(buffer, CHANGE_TEXT_MAX, ", by %s (uid %" PRIu32 ")", deed->user,
		         deed->uid);
	else if (change == ALARM_CHANGE_WORSENED)
		snprintf(buffer, CHANGE_TEXT_MAX, ", %s", worsening_text(alarm, text));
}

/* Of an alarm that worsened, how. */
static json_t *worsened_reply(const struct alarm *alarm, enum alarm_change change)
{
	char text[WORSENING_TEXT_MAX];
	return change == ALARM_CHANGE_WORSENED ? json_string(worsening_text(alarm, text))
	                                       : json_null();
}

void alarm_report(struct server *server, const struct alarm *alarm, enum alarm_change change)
{
	char sentence[ALARM_TEXT_MAX], how[CHANGE_TEXT_MAX];
	char text[ALARM_TEXT_MAX + CHANGE_TEXT_MAX + 96];
	if (!message_id(change))
		return;

	struct alarm_reader reader = alarm_reader_here(clock_realtime());
	print_change(alarm, change, how);
	snprintf(text, sizeof(text), "Alarm %" PRIu64 " %s (%s)%s: %s", alarm->id,
	         alarm_change_name(change), severity_name(alarm->severity), how,
	         alarm_text(alarm, &reader, sentence));
	tell_journal(alarm, change, text);
	if (server_wants(server, "alarm"))
		server_publish(server,
		               json_pack("{ss sI so so so so ss so}", "kind", "alarm", "time",
		                         (json_int_t)reader.now, "attempt", json_null(), "text",
		                         reply_string(text), "alarm", alarm_reply(alarm, &reader),
		                         "card", alarm_card_reply(alarm, NULL), "change",
		                         alarm_change_name(change), "worsened",
		                         worsened_reply(alarm, change)));
}
