/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ecs.h"

#include "base/time.h"
#include "field.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ECS_VERSION   "8.11.0"
#define TIME_TEXT_MAX 40

/* 2026-11-22T14:02:11.123Z; an empty text for no time. */
static const char *time_text(int64_t usec, char buffer[static TIME_TEXT_MAX])
{
	time_t seconds = (time_t)(usec / (int64_t)USEC_PER_SEC);
	char text[32];
	struct tm tm;
	buffer[0] = '\0';
	if (usec > 0 && gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%FT%T", &tm))
		snprintf(buffer, TIME_TEXT_MAX, "%s.%03dZ", text,
		         (int)(usec % (int64_t)USEC_PER_SEC / (int64_t)USEC_PER_MSEC));
	return buffer;
}

/* Elastic's own scale of what its rules find: low, medium, high, critical. */
static int severity_number(const char *severity)
{
	if (strcmp(severity, "critical") == 0)
		return 99;
	return strcmp(severity, "warning") == 0 ? 73 : 21;
}

/* ECS writes 00-00-5E-00-53-23 (RFC 7042). */
static void put_mac(json_t *source, const char *mac)
{
	char text[32];
	size_t n = 0;
	for (; mac[n] && n < sizeof(text) - 1; n++)
		text[n] = mac[n] == ':' ? '-' : (char)toupper((unsigned char)mac[n]);
	text[n] = '\0';
	json_object_set_new(source, "mac", json_string(text));
}

/* ECS has numbers of users as text. */
static json_t *user_of(int64_t uid)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)uid);
	return json_pack("{ss}", "id", text);
}

/* Sets what is a text or a number there; nothing for null. */
static void put(json_t *object, const char *name, const json_t *from, const char *field)
{
	json_t *value = json_object_get(from, field);
	if (value && !json_is_null(value))
		json_object_set(object, name, value);
}

/* Adds an object that has anything in it. */
static void put_object(json_t *object, const char *name, json_t *stolen)
{
	if (json_object_size(stolen))
		json_object_set_new(object, name, stolen);
	else
		json_decref(stolen);
}

/*
 * ECS: allowed and denied, by what became of the attempts. Any that passed is a success, of whoever
 * tried; a daemon that keeps no outcome tells none, nor has an alarm without attempts any.
 */
static void put_outcome(json_t *part, const json_t *alarm)
{
	int64_t attempts = field_number(alarm, "attempts"), passed = field_number(alarm, "passed");
	bool known = json_is_integer(json_object_get(alarm, "passed")) && attempts > 0;
	json_t *types = json_array();
	if (passed)
		json_array_append_new(types, json_string("allowed"));
	if (!passed || passed < attempts)
		json_array_append_new(types, json_string("denied"));
	json_object_set_new(part, "type", types);
	if (known)
		json_object_set_new(part, "outcome", json_string(passed ? "success" : "failure"));
}

static json_t *event_part(const json_t *event, const json_t *alarm)
{
	const char *kind = field_text(alarm, "kind", "");
	bool tampering = strcmp(kind, "tamper") == 0;
	char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX], action[64];
	snprintf(action, sizeof(action), "alarm-%s", field_text(event, "change", "opened"));
	json_t *part = json_pack("{ss s[s] s[s] ss si ss ss ss}", "kind", "alert", "category",
	                         tampering ? "configuration" : "intrusion_detection", "type",
	                         tampering ? "change" : "denied", "action", action, "severity",
	                         severity_number(field_text(alarm, "severity", "")), "module",
	                         "egressd", "dataset", "egressd.alarm", "provider", "egressd");
	if (!tampering)
		put_outcome(part, alarm);
	if (*time_text(field_number(alarm, "first"), start))
		json_object_set_new(part, "start", json_string(start));
	if (*time_text(field_number(alarm, "last"), end))
		json_object_set_new(part, "end", json_string(end));
	return part;
}

static json_t *source_part(const json_t *alarm, const json_t *card)
{
	const json_t *latest = json_array_get(json_object_get(card, "evidence"), 0);
	const char *mac = field_text(card, "mac", NULL);
	json_t *part = json_object();
	put(part, "ip", alarm, "source");
	put(part, "address", alarm, "source");
	put(part, "port", latest, "source_port");
	if (json_is_integer(json_object_get(latest, "uid")))
		json_object_set_new(part, "user", user_of(field_number(latest, "uid")));
	if (mac)
		put_mac(part, mac);
	return part;
}

static json_t *destination_part(const json_t *alarm)
{
	json_t *part = json_object();
	put(part, "ip", alarm, "destination");
	put(part, "address", alarm, "destination");
	put(part, "port", alarm, "port");
	return part;
}

static json_t *network_part(const json_t *alarm)
{
	const char *destination = field_text(alarm, "destination", NULL);
	json_t *part = json_object();
	put(part, "transport", alarm, "protocol");
	if (destination)
		json_object_set_new(part, "type",
		                    json_string(strchr(destination, ':') ? "ipv6" : "ipv4"));
	return part;
}

/* What ECS has no name for is kept under ours. */
static json_t *own_part(const json_t *event, const json_t *alarm, const json_t *card)
{
	static const char *const fields[] = {"id",   "kind",     "severity", "state",
	                                     "role", "attempts", "passed",   "score"};
	json_t *part = json_object();
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put(part, fields[i], alarm, fields[i]);
	put(part, "danger", card, "danger");
	put(part, "period", card, "period");
	put(part, "lost", event, "lost");
	put(part, "worsened", event, "worsened");
	return part;
}

/* Who acknowledged or cleared it just now; empty of all else. */
static json_t *user_part(const json_t *event, const json_t *alarm)
{
	const json_t *deed = json_object_get(alarm, field_text(event, "change", ""));
	if (!json_is_object(deed))
		return json_object();
	json_t *part = user_of(field_number(deed, "uid"));
	put(part, "name", deed, "user");
	return part;
}

json_t *ecs_from_event(const json_t *event)
{
	const json_t *alarm = json_object_get(event, "alarm"),
	             *card = json_object_get(event, "card");
	char time[TIME_TEXT_MAX];
	json_t *host = json_object(), *observer, *own;
	put(host, "name", alarm, "host");

	json_t *record = json_pack("{ss s{ss} so ss s{ss ss}}", "@timestamp",
	                           time_text(field_number(event, "time"), time), "ecs", "version",
	                           ECS_VERSION, "event", event_part(event, alarm), "message",
	                           field_text(alarm, "text", field_text(event, "text", "")), "rule",
	                           "name", field_text(alarm, "kind", "?"), "ruleset", "egressd");
	observer = json_pack("{ss ss ss}", "vendor", "egressd", "product", "egressd", "type",
	                     "firewall");
	if (field_text(card, "interface", NULL))
		json_object_set_new(observer, "ingress",
		                    json_pack("{s{ss}}", "interface", "name",
		                              field_text(card, "interface", "")));
	own = json_object();
	json_object_set_new(own, "alarm", own_part(event, alarm, card));
	put_object(record, "host", host);
	put_object(record, "user", user_part(event, alarm));
	put_object(record, "source", source_part(alarm, card));
	put_object(record, "destination", destination_part(alarm));
	put_object(record, "network", network_part(alarm));
	put_object(record, "observer", observer);
	put_object(record, "egressd", own);
	return record;
}
