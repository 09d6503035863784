/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/alarm_text.h"

#include "base/protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PLACE_TEXT_MAX (SERVICE_TEXT_MAX + ADDRESS_TEXT_MAX + 8)
#define SPAN_TEXT_MAX  32
#define ZONE_TEXT_MAX  16
#define TIME_TEXT_MAX  48
#define TARGETS_TOLD   4 /* and of the targets of a port scan */
#define SERVICES_TOLD  8 /* the rest of what a scanner tried is in its evidence */

const char *service_text(uint8_t protocol, bool has_port, uint16_t port,
                         char buffer[static SERVICE_TEXT_MAX])
{
	char name[PROTOCOL_TEXT_MAX];
	protocol_print(protocol, name);
	const char *type = has_port && protocol_has_types(protocol) && port <= UINT8_MAX
	                           ? icmp_type_name(protocol, (uint8_t)port)
	                           : NULL;
	if (!has_port)
		snprintf(buffer, SERVICE_TEXT_MAX, "%s", name);
	else if (type)
		snprintf(buffer, SERVICE_TEXT_MAX, "%s/%s", name, type);
	else
		snprintf(buffer, SERVICE_TEXT_MAX, "%s/%u", name, port);
	return buffer;
}

static const char *endpoint_service(const struct endpoint *endpoint,
                                    char buffer[static SERVICE_TEXT_MAX])
{
	return service_text(endpoint->protocol, endpoint->has_port, endpoint->port, buffer);
}

/* "tcp/25 at 203.0.113.9" */
static const char *place_text(const struct endpoint *endpoint, const char *preposition,
                              char buffer[static PLACE_TEXT_MAX])
{
	char service[SERVICE_TEXT_MAX];
	char address[ADDRESS_TEXT_MAX];
	snprintf(buffer, PLACE_TEXT_MAX, "%s %s %s", endpoint_service(endpoint, service),
	         preposition, address_print(&endpoint->address, address));
	return buffer;
}

/* "100 ms", "90 s", "5 min", "1 h", "1 h 30 min" */
static const char *span_text(usec_t span, char buffer[static SPAN_TEXT_MAX])
{
	uint64_t seconds = (span + USEC_PER_SEC / 2) / USEC_PER_SEC;
	uint64_t minutes = seconds / 60;
	if (span < USEC_PER_SEC)
		snprintf(buffer, SPAN_TEXT_MAX, "%" PRIu64 " ms", span / USEC_PER_MSEC);
	else if (seconds < 120 || (seconds < 600 && seconds % 60))
		snprintf(buffer, SPAN_TEXT_MAX, "%" PRIu64 " s", seconds);
	else if (minutes < 60)
		snprintf(buffer, SPAN_TEXT_MAX, "%" PRIu64 " min", minutes);
	else if (minutes % 60)
		snprintf(buffer, SPAN_TEXT_MAX, "%" PRIu64 " h %" PRIu64 " min", minutes / 60,
		         minutes % 60);
	else
		snprintf(buffer, SPAN_TEXT_MAX, "%" PRIu64 " h", minutes / 60);
	return buffer;
}

static bool local_time(usec_t time, const struct alarm_reader *reader, struct tm *ret_tm)
{
	time_t seconds = (time_t)(time / USEC_PER_SEC) + zone_offset(&reader->zone, time);
	return gmtime_r(&seconds, ret_tm) != NULL;
}

/* "UTC", "+01:00" */
static const char *zone_text(int utc_offset, char buffer[static ZONE_TEXT_MAX])
{
	int minutes = abs(utc_offset) / 60;
	if (utc_offset)
		snprintf(buffer, ZONE_TEXT_MAX, "%c%02d:%02d", utc_offset < 0 ? '-' : '+',
		         minutes / 60 % 100, minutes % 60);
	else
		snprintf(buffer, ZONE_TEXT_MAX, "UTC");
	return buffer;
}

static const char *time_text(usec_t time, const struct alarm_reader *reader,
                             char buffer[static TIME_TEXT_MAX])
{
	struct tm then = {};
	struct tm today = {};
	buffer[0] = '\0';
	if (!local_time(time, reader, &then) || !local_time(reader->now, reader, &today))
		return buffer;
	bool same = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
	char clock[TIME_TEXT_MAX - ZONE_TEXT_MAX] = "", zone[ZONE_TEXT_MAX];
	strftime(clock, sizeof(clock), same ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
	snprintf(buffer, TIME_TEXT_MAX, "%s %s", clock,
	         zone_text(zone_offset(&reader->zone, time), zone));
	return buffer;
}

/* "www1 (192.0.2.80, web)", or the address alone */
static void put_who(const struct alarm *alarm, FILE *out)
{
	char address[ADDRESS_TEXT_MAX];
	address_print(&alarm->source, address);
	if (!*alarm->host)
		fputs(alarm->has_source ? address : "Somebody", out);
	else if (!alarm->has_source)
		fputs(alarm->host, out);
	else if (*alarm->role)
		fprintf(out, "%s (%s, %s)", alarm->host, address, alarm->role);
	else
		fprintf(out, "%s (%s)", alarm->host, address);
}

/* A sender that is no host: where it is and what its card says. */
static void put_sender(const struct alarm *alarm, FILE *out)
{
	char mac[MAC_TEXT_MAX];
	if (alarm->has_mac)
		fprintf(out, " with MAC %s", mac_print(&alarm->mac, mac));
	if (*alarm->interface)
		fprintf(out, " on %s", alarm->interface);
}

/* What else a scanner tried. */
static void put_other_services(const struct alarm *alarm, const struct evidence_service *main,
                               FILE *out)
{
	const struct evidence *evidence = &alarm->evidence;
	unsigned told = 0;
	for (uint32_t i = 0; i < evidence->service_count && told < SERVICES_TOLD; i++) {
		const struct evidence_service *s = &evidence->services[i];
		char text[SERVICE_TEXT_MAX];
		if (s == main)
			continue;
		service_text(s->protocol, s->has_port, s->port, text);
		fprintf(out, "%s%s", told++ ? ", " : " (also ", text);
	}
	if (told)
		fputc(')', out);
}

static void put_scan(const struct alarm *alarm, FILE *out)
{
	const struct evidence *evidence = &alarm->evidence;
	const struct evidence_service *main = NULL;
	for (uint32_t i = 0; i < evidence->service_count; i++)
		if (!main || evidence->services[i].attempts > main->attempts)
			main = &evidence->services[i];

	char service[SERVICE_TEXT_MAX];
	char span[SPAN_TEXT_MAX];
	fprintf(out, " looks for hosts: %s at %u hosts or more within %s",
	        main ? service_text(main->protocol, main->has_port, main->port, service)
	             : endpoint_service(&alarm->destination, service),
	        alarm->distinct, span_text(alarm->span, span));
	put_other_services(alarm, main, out);
}

static void put_beacon(const struct alarm *alarm, const struct alarm_reader *reader, FILE *out)
{
	char service[SERVICE_TEXT_MAX];
	char address[ADDRESS_TEXT_MAX];
	char span[SPAN_TEXT_MAX];
	char until[TIME_TEXT_MAX];
	const struct endpoint *to = &alarm->cause.destination;
	fprintf(out, " tries %s at %s every %s", endpoint_service(to, service),
	        address_print(&to->address, address), span_text(alarm->period, span));
	if (alarm->until)
		fprintf(out, " until %s, and at other times since",
		        time_text(alarm->until, reader, until));
}

/* "203.0.113.9", or "203.0.113.9 (20 attempts), 198.51.100.7 (300 attempts) and 3 more" */
static void put_targets(const struct alarm *alarm, FILE *out)
{
	char address[ADDRESS_TEXT_MAX];
	unsigned all = alarm->all_targets, told = alarm->target_count;
	if (all <= 1) {
		fputs(address_print(&alarm->destination.address, address), out);
		return;
	}
	if (told > TARGETS_TOLD)
		told = TARGETS_TOLD;
	for (unsigned i = 0; i < told; i++) {
		const struct alarm_target *target = &alarm->targets[i];
		fprintf(out, "%s%s (%" PRIu64 " attempt%s)",
		        !i                             ? ""
		        : i + 1 == told && told == all ? " and "
		                                       : ", ",
		        address_print(&target->address, address), target->attempts,
		        target->attempts == 1 ? "" : "s");
	}
	if (all > told)
		fprintf(out, " and %u more", all - told);
}

static void put_portscan(const struct alarm *alarm, FILE *out)
{
	char span[SPAN_TEXT_MAX];
	fputs(" looks for services of ", out);
	put_targets(alarm, out);
	fprintf(out, ": %u ports or more within %s", alarm->distinct, span_text(alarm->span, span));
}

/* What was tried first, and how many ports besides: "tcp/21 to 203.0.113.9 and 2 other ports" */
static void put_first(const struct alarm *alarm, FILE *out)
{
	const struct evidence *evidence = &alarm->evidence;
	const struct endpoint *first = alarm->has_origin ? &alarm->origin : &alarm->destination;
	char place[PLACE_TEXT_MAX];
	uint32_t others = evidence->service_count - evidence_knows(evidence, first);
	fputs(place_text(first, "to", place), out);
	if (!alarm->has_origin || !others)
		return;
	fprintf(out, " and %u other port%s%s", others, others == 1 ? "" : "s",
	        evidence->service_count == EVIDENCE_SERVICES ? " or more" : "");
}

static void put_throttle(const struct alarm *alarm, FILE *out)
{
	char place[PLACE_TEXT_MAX];
	char span[SPAN_TEXT_MAX];
	fputs(" contacts new hosts faster than its role may", out);
	if (alarm->distinct)
		fprintf(out, " (%u in %s)", alarm->distinct, span_text(alarm->span, span));
	fprintf(out, ", %s among them", place_text(&alarm->destination, "at", place));
}

static void put_stranger(const struct alarm *alarm, FILE *out)
{
	char address[ADDRESS_TEXT_MAX];
	address_print(&alarm->source, address);
	if (alarm->cause.many) {
		fputs("Many more senders", out);
		if (*alarm->interface)
			fprintf(out, " on %s", alarm->interface);
		fprintf(out, " %s, the last one %s",
		        alarm->cause.kind == ALARM_IMPOSTOR ? "use addresses of hosts"
		                                            : "are no hosts of the policy",
		        address);
	} else if (alarm->cause.kind == ALARM_IMPOSTOR) {
		fputs("A sender", out);
		put_sender(alarm, out);
		fprintf(out, " uses the address %s", address);
		if (*alarm->host)
			fprintf(out, " of %s", alarm->host);
		fputs(" and tried ", out);
		put_first(alarm, out);
	} else {
		fputs(address, out);
		put_sender(alarm, out);
		fputs(" is no host of the policy and tried ", out);
		put_first(alarm, out);
	}
}

static void put_detail(const struct alarm *alarm, FILE *out)
{
	if (*alarm->detail)
		fprintf(out, ": %s", alarm->detail);
}

/* Everything before the count. */
static void put_story(const struct alarm *alarm, const struct alarm_reader *reader, FILE *out)
{
	char place[PLACE_TEXT_MAX];
	enum alarm_kind kind = (enum alarm_kind)alarm->cause.kind;
	switch (kind) {
	case ALARM_TRIPWIRE:
		put_who(alarm, out);
		fputs(" tried ", out);
		put_first(alarm, out);
		fprintf(out,
		        *alarm->role ? ": role %s may initiate %s%s" : ": %sit may initiate %s%s",
		        alarm->role, *alarm->detail ? "only " : "nothing", alarm->detail);
		break;
	case ALARM_BEACON:
		put_who(alarm, out);
		put_beacon(alarm, reader, out);
		break;
	case ALARM_SCAN:
		put_who(alarm, out);
		put_scan(alarm, out);
		break;
	case ALARM_PORTSCAN:
		put_who(alarm, out);
		put_portscan(alarm, out);
		break;
	case ALARM_TRW:
		put_who(alarm, out);
		fprintf(out,
		        " makes first contacts that fail as those of a scanner do: %u failed and "
		        "%u succeeded until it was noticed; the last attempt was %s",
		        alarm->distinct, alarm->succeeded,
		        place_text(&alarm->destination, "to", place));
		break;
	case ALARM_THROTTLE:
		put_who(alarm, out);
		put_throttle(alarm, out);
		break;
	case ALARM_UNASSIGNED:
	case ALARM_IMPOSTOR:
		put_stranger(alarm, out);
		break;
	case ALARM_QUARANTINE:
		put_who(alarm, out);
		fputs(alarm->state == ALARM_CLEARED ? " was in quarantine" : " is in quarantine",
		      out);
		put_detail(alarm, out);
		break;
	case ALARM_TAMPER:
		fputs("Somebody else changed the table", out);
		put_detail(alarm, out);
		break;
	}
}

const char *worsening_text(const struct alarm *alarm, char buffer[static WORSENING_TEXT_MAX])
{
	const struct alarm_worsening *before = &alarm->worsening;
	const struct evidence_service *latest = &alarm->evidence.services[0];
	const char *separator = "";
	char service[SERVICE_TEXT_MAX], address[ADDRESS_TEXT_MAX];

	buffer[0] = '\0';
	FILE *out = fmemopen(buffer, WORSENING_TEXT_MAX, "w");
	if (!out)
		return buffer;
	if (alarm->severity > before->severity) {
		fprintf(out, "severity from %s to %s", severity_name(before->severity),
		        severity_name(alarm->severity));
		separator = ", ";
	}
	if (alarm->danger > before->danger) {
		fprintf(out, "%spsad's danger level from %u to %u", separator, before->danger,
		        alarm->danger);
		separator = ", ";
	}
	if (before->service) {
		fprintf(out, "%snow %s, too", separator,
		        service_text(latest->protocol, latest->has_port, latest->port, service));
		separator = ", ";
	}
	if (before->target)
		fprintf(out, "%snow ports of %s, too", separator,
		        address_print(&alarm->destination.address, address));
	fclose(out);
	return buffer;
}

/* The sentence tells of the last attempt, and others were for something else. */
static bool names_one_of_many(const struct alarm *alarm)
{
	const struct evidence *evidence = &alarm->evidence;
	if (alarm->cause.kind != ALARM_TRIPWIRE && alarm->cause.kind != ALARM_UNASSIGNED &&
	    alarm->cause.kind != ALARM_IMPOSTOR)
		return false;
	bool many = evidence->service_count > 1;
	for (uint32_t i = 1; i < evidence->attempt_count && !many; i++)
		many = address_compare(&evidence->attempts[i].destination.address,
		                       &evidence->attempts[0].destination.address) != 0;
	return many;
}

/* What became of the attempts, where audit let any pass; that an attempt is blocked is the rule. */
static void put_outcome(const struct alarm *alarm, FILE *out)
{
	uint64_t blocked = alarm->attempts - alarm->passed;
	if (!alarm->passed)
		return;
	if (!blocked)
		fprintf(out, " %s would be blocked, but audit let %s pass.",
		        alarm->attempts == 1 ? "It" : "They", alarm->attempts == 1 ? "it" : "them");
	else
		fprintf(out,
		        " %" PRIu64 " would be blocked, but audit let %s pass; %" PRIu64
		        " %s blocked.",
		        alarm->passed, alarm->passed == 1 ? "it" : "them", blocked,
		        blocked == 1 ? "was" : "were");
}

const char *alarm_text(const struct alarm *alarm, const struct alarm_reader *reader,
                       char buffer[static ALARM_TEXT_MAX])
{
	buffer[0] = '\0';
	FILE *out = fmemopen(buffer, ALARM_TEXT_MAX, "w");
	if (!out)
		return buffer;
	put_story(alarm, reader, out);

	bool counts_changes = alarm->cause.kind == ALARM_TAMPER;
	/* The sentence about a beacon goes on with its count. */
	const char *separator = alarm->cause.kind == ALARM_BEACON ? ":" : ".";
	char since[TIME_TEXT_MAX];
	fprintf(out, "%s %" PRIu64 " %s%s%s since %s.", separator, alarm->attempts,
	        counts_changes ? "change" : "attempt", alarm->attempts == 1 ? "" : "s",
	        names_one_of_many(alarm) ? " in all" : "", time_text(alarm->first, reader, since));
	put_outcome(alarm, out);
	fclose(out);
	return buffer;
}
