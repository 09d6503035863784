/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alarm_fields.h"

#include "base/protocol.h"
#include "track/alarm_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct list {
	struct alarm_field *fields;
	size_t count;
};

static void add(struct list *list, const char *name, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static void add(struct list *list, const char *name, const char *format, ...)
{
	assert(list->count < ALARM_FIELDS_MAX);
	struct alarm_field *field = &list->fields[list->count++];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(field->value, sizeof(field->value), format, arguments);
	va_end(arguments);
	field->name = name;
	for (char *p = field->value; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static void add_name(struct list *list, const char *name, const char *value)
{
	if (value[0])
		add(list, name, "%s", value);
}

/* ISO 8601, in UTC: what reads it need not know where the gateway stands. */
static void add_time(struct list *list, const char *name, usec_t time)
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	char text[32];
	struct tm tm;
	if (time && gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%FT%TZ", &tm))
		add(list, name, "%s", text);
}

static void add_destination(struct list *list, const struct alarm *alarm)
{
	const struct endpoint *to = &alarm->destination;
	char address[ADDRESS_TEXT_MAX], protocol[PROTOCOL_TEXT_MAX];
	if (!alarm->has_destination)
		return;
	add(list, "EGRESSD_DESTINATION", "%s", address_print(&to->address, address));
	add(list, "EGRESSD_PROTOCOL", "%s", protocol_print(to->protocol, protocol));
	if (to->has_port)
		add(list, "EGRESSD_PORT", "%u", to->port);
}

const char *alarm_change_name(enum alarm_change change)
{
	switch (change) {
	case ALARM_CHANGE_OPENED:
		return "opened";
	case ALARM_CHANGE_REOPENED:
		return "reopened";
	case ALARM_CHANGE_WORSENED:
		return "worsened";
	case ALARM_CHANGE_UPDATED:
		return "updated";
	case ALARM_CHANGE_ACKNOWLEDGED:
		return "acknowledged";
	case ALARM_CHANGE_CLEARED:
		return "cleared";
	}
	abort(); /* no other value is ever made */
}

const struct alarm_deed *alarm_change_deed(const struct alarm *alarm, enum alarm_change change)
{
	const struct alarm_deed *deed = NULL;
	if (change == ALARM_CHANGE_ACKNOWLEDGED)
		deed = &alarm->acknowledged;
	else if (change == ALARM_CHANGE_CLEARED)
		deed = &alarm->cleared;
	return deed && deed->time ? deed : NULL;
}

/* What is known of the change itself. */
static void add_change(struct list *list, const struct alarm *alarm, enum alarm_change change)
{
	const struct alarm_deed *deed = alarm_change_deed(alarm, change);
	char text[WORSENING_TEXT_MAX];

	add(list, "EGRESSD_CHANGE", "%s", alarm_change_name(change));
	if (change == ALARM_CHANGE_WORSENED)
		add_name(list, "EGRESSD_WORSENED", worsening_text(alarm, text));
	if (deed) {
		add(list, "EGRESSD_BY", "%s", deed->user);
		add(list, "EGRESSD_BY_UID", "%" PRIu32, deed->uid);
	}
}

size_t alarm_fields(const struct alarm *alarm, enum alarm_change change,
                    struct alarm_field fields[static ALARM_FIELDS_MAX])
{
	struct list list = {.fields = fields};
	char address[ADDRESS_TEXT_MAX], mac[MAC_TEXT_MAX];

	add(&list, "EGRESSD_ALARM_ID", "%" PRIu64, alarm->id);
	add_change(&list, alarm, change);
	add(&list, "EGRESSD_KIND", "%s", alarm_kind_name((enum alarm_kind)alarm->cause.kind));
	add(&list, "EGRESSD_SEVERITY", "%s", severity_name(alarm->severity));
	add(&list, "EGRESSD_STATE", "%s", alarm_state_name(alarm->state));
	add_name(&list, "EGRESSD_HOST", alarm->host);
	add_name(&list, "EGRESSD_ROLE", alarm->role);
	add_name(&list, "EGRESSD_INTERFACE", alarm->interface);
	if (alarm->has_source)
		add(&list, "EGRESSD_SOURCE", "%s", address_print(&alarm->source, address));
	if (alarm->has_mac)
		add(&list, "EGRESSD_MAC", "%s", mac_print(&alarm->mac, mac));
	add_destination(&list, alarm);
	if (alarm->evidence.attempt_count && alarm->evidence.attempts[0].has_uid)
		add(&list, "EGRESSD_UID", "%u", alarm->evidence.attempts[0].uid);
	add(&list, "EGRESSD_ATTEMPTS", "%" PRIu64, alarm->attempts);
	add(&list, "EGRESSD_PASSED", "%" PRIu64, alarm->passed);
	add_time(&list, "EGRESSD_FIRST", alarm->first);
	add_time(&list, "EGRESSD_LAST", alarm->last);
	if (alarm->has_score)
		add(&list, "EGRESSD_RITA_SCORE", "%.3f", alarm->score.total);
	return list.count;
}
