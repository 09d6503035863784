/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/look.h"

#include <string.h>

/* Open alarms that have to make room for others in a second: a flood must not empty the book. */
#define DISPLACED 100

/* An alarm notes all of its first attempts in full. */
#define NOTED_ALL 64

enum severity look_severity(const struct look *look, enum alarm_kind kind)
{
	switch (kind) {
	case ALARM_TRIPWIRE:
	case ALARM_BEACON:
	case ALARM_SCAN:
	case ALARM_PORTSCAN:
	case ALARM_TRW:
	case ALARM_THROTTLE:
		if (look->facts->tripwire)
			return SEVERITY_CRITICAL;
		break;
	case ALARM_UNASSIGNED:
	case ALARM_IMPOSTOR:
	case ALARM_QUARANTINE:
	case ALARM_TAMPER:
		break;
	}
	return look->thresholds->severity[kind];
}

/* What a few regular attempts are worth is a notice: see conduct.c for when they are worth more. */
static enum severity severity_at_first(const struct look *look, enum alarm_kind kind)
{
	return kind == ALARM_BEACON && !look->facts->tripwire ? SEVERITY_NOTICE
	                                                      : look_severity(look, kind);
}

struct alarm_cause look_cause(const struct look *look, enum alarm_kind kind)
{
	return alarm_host_cause(kind, look->facts->host, look->facts->one_machine,
	                        &look->stream.source);
}

const struct alarm *look_find(const struct look *look, enum alarm_kind kind)
{
	if (!alarm_book_open(look->detect->book, kind))
		return NULL;
	struct alarm_cause cause = look_cause(look, kind);
	return alarm_book_find(look->detect->book, &cause);
}

struct alarm look_alarm(const struct look *look, const struct alarm_cause *cause)
{
	const struct detect_facts *facts = look->facts;
	const struct ledger_noted *noted = look->noted;
	struct alarm alarm = {
	        .cause = *cause,
	        .severity = severity_at_first(look, (enum alarm_kind)cause->kind),
	        .source = look->stream.source,
	        .has_source = true,
	        .destination = look->stream.destination,
	        .has_destination = true,
	        .mac = noted->mac,
	        .has_mac = noted->has_mac,
	        .attempts = 1,
	        .passed = look->attempt.passed,
	        .first = look->attempt.time,
	        .last = look->attempt.time,
	        /* A quarantine is over when somebody, or the time, ends it. */
	        .quiet = cause->kind == ALARM_QUARANTINE ? 0 : look->thresholds->quiet,
	        .danger = look->talker ? talker_danger(look->talker) : 0,
	};
	alarm_name(alarm.host, sizeof(alarm.host), facts->host);
	alarm_name(alarm.role, sizeof(alarm.role), facts->role);
	alarm_name(alarm.interface, sizeof(alarm.interface), facts->interface);
	if (cause->kind != ALARM_QUARANTINE)
		alarm_name(alarm.detail, sizeof(alarm.detail), facts->may);
	evidence_note(&alarm.evidence, &look->attempt);
	return alarm;
}

bool look_is_due(const struct look *look, const struct alarm *alarm, usec_t every)
{
	const struct evidence *evidence = &alarm->evidence;
	if (alarm->attempts < NOTED_ALL || !evidence->attempt_count ||
	    severity_at_first(look, (enum alarm_kind)alarm->cause.kind) > alarm->severity)
		return true;
	if (evidence->service_count < EVIDENCE_SERVICES &&
	    !evidence_knows(evidence, &look->stream.destination))
		return true;
	usec_t noted = evidence->attempts[0].time;
	return look->attempt.time < noted || look->attempt.time - noted >= every;
}

void look_tally(const struct look *look, const struct alarm *alarm)
{
	alarm_book_tally(look->detect->book, alarm, &look->stream.destination, look->attempt.passed,
	                 look->attempt.time);
}

static bool is_let_in(const struct look *look, const struct alarm_cause *cause)
{
	struct detect *detect = look->detect;
	if (alarm_book_counts(detect->book).free || alarm_book_find(detect->book, cause))
		return true;
	enum severity severity = severity_at_first(look, (enum alarm_kind)cause->kind);
	if (budget_spend(&detect->displaced[severity], DISPLACED, look->attempt.time))
		return true;
	detect->counts.no_room++;
	return false;
}

const struct alarm *look_put(const struct look *look, const struct alarm *news)
{
	return is_let_in(look, &news->cause) ? alarm_book_raise(look->detect->book, news) : NULL;
}

const struct alarm *look_raise(const struct look *look, const struct alarm_cause *cause)
{
	if (!is_let_in(look, cause))
		return NULL;
	struct alarm news = look_alarm(look, cause);
	return alarm_book_raise(look->detect->book, &news);
}

void look_count_in(const struct look *look, const struct alarm *alarm)
{
	if (look_is_due(look, alarm, LOOK_NOTE_EVERY))
		look_raise(look, &alarm->cause);
	else
		look_tally(look, alarm);
}

bool look_count_for(const struct look *look, const struct alarm_cause *cause)
{
	const struct alarm *alarm = alarm_book_find(look->detect->book, cause);
	if (alarm)
		look_count_in(look, alarm);
	return alarm != NULL;
}

void look_count_for_host(const struct look *look, enum alarm_kind kind)
{
	struct alarm_cause cause = look_cause(look, kind);
	look_count_for(look, &cause);
}

void look_remember(struct told_alarm *told, const struct alarm *alarm)
{
	*told = (struct told_alarm){alarm, alarm ? alarm->id : 0};
}

const struct alarm *look_recall(const struct look *look, struct told_alarm *told,
                                enum alarm_kind kind)
{
	const struct alarm *alarm = told->alarm;
	if (!alarm)
		return NULL;
	const char *host = look->facts->host ? look->facts->host : "";
	if (alarm->id != told->id || alarm->state == ALARM_CLEARED ||
	    strncmp(alarm->host, host, sizeof(alarm->host) - 1) != 0) {
		look_remember(told, look_find(look, kind));
	}
	return told->alarm;
}
