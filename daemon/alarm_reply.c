/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alarm_reply.h"

#include "base/protocol.h"
#include "process_reply.h"
#include "replies.h"

struct alarm_reader alarm_reader_here(usec_t now)
{
	return (struct alarm_reader){.now = now, .zone = zone_here(now)};
}

static json_t *time_or_null(usec_t time)
{
	return time ? json_integer((json_int_t)time) : json_null();
}

static json_t *port_or_null(bool has_port, uint16_t port)
{
	return has_port ? json_integer(port) : json_null();
}

static json_t *address_or_null(bool has_address, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	return has_address ? json_string(address_print(address, text)) : json_null();
}

/* type Deed */
static json_t *deed_or_null(const struct alarm_deed *deed)
{
	if (!deed->time)
		return json_null();
	return json_pack("{so sI sI}", "user", reply_string(deed->user), "uid",
	                 (json_int_t)deed->uid, "time", (json_int_t)deed->time);
}

json_t *alarm_reply(const struct alarm *alarm, const struct alarm_reader *reader)
{
	const struct endpoint *to = &alarm->destination;
	char protocol[PROTOCOL_TEXT_MAX], text[ALARM_TEXT_MAX];

	return json_pack(
	        "{sI ss ss ss so so so so so so sI sI sI sI so so so so}", "id",
	        (json_int_t)alarm->id, "kind", alarm_kind_name((enum alarm_kind)alarm->cause.kind),
	        "severity", severity_name(alarm->severity), "state", alarm_state_name(alarm->state),
	        "host", reply_optional(alarm->host), "role", reply_optional(alarm->role), "source",
	        address_or_null(alarm->has_source, &alarm->source), "destination",
	        address_or_null(alarm->has_destination, &to->address), "protocol",
	        alarm->has_destination ? json_string(protocol_print(to->protocol, protocol))
	                               : json_null(),
	        "port", port_or_null(alarm->has_destination && to->has_port, to->port), "attempts",
	        (json_int_t)alarm->attempts, "passed", (json_int_t)alarm->passed, "first",
	        (json_int_t)alarm->first, "last", (json_int_t)alarm->last, "score",
	        alarm->has_score ? json_real(alarm->score.total) : json_null(), "text",
	        reply_string(alarm_text(alarm, reader, text)), "acknowledged",
	        deed_or_null(&alarm->acknowledged), "cleared", deed_or_null(&alarm->cleared));
}

static json_t *score_reply(const struct alarm *alarm)
{
	const struct rita_score *score = &alarm->score;
	if (!alarm->has_score)
		return json_null();
	return json_pack("{sf ss sI sf sf sf sf}", "total", score->total, "category",
	                 rita_category_name(score->category), "window", (json_int_t)score->window,
	                 "timestamps", score->timestamps.score, "sizes", score->sizes.score,
	                 "histogram", score->histogram, "duration", score->duration);
}

static json_t *expected_reply(const struct alarm *alarm)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < ALARM_EXPECTED; i++) {
		if (alarm->expected[i] &&
		    json_array_append_new(list, json_integer((json_int_t)alarm->expected[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *evidence_item(const struct evidence_attempt *attempt)
{
	const struct endpoint *to = &attempt->destination;
	char protocol[PROTOCOL_TEXT_MAX];
	return json_pack("{sI so so ss so so so sb}", "time", (json_int_t)attempt->time, "source",
	                 address_or_null(true, &attempt->source), "destination",
	                 address_or_null(true, &to->address), "protocol",
	                 protocol_print(to->protocol, protocol), "port",
	                 port_or_null(to->has_port, to->port), "source_port",
	                 port_or_null(attempt->source_port != 0, attempt->source_port), "uid",
	                 attempt->has_uid ? json_integer(attempt->uid) : json_null(), "passed",
	                 attempt->passed);
}

static json_t *evidence_reply(const struct evidence *evidence)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < evidence->attempt_count; i++) {
		if (json_array_append_new(list, evidence_item(&evidence->attempts[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *tried_reply(const struct evidence *evidence)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < evidence->service_count; i++) {
		const struct evidence_service *service = &evidence->services[i];
		char protocol[PROTOCOL_TEXT_MAX];
		json_t *item = json_pack(
		        "{ss so sI sI}", "protocol", protocol_print(service->protocol, protocol),
		        "port", port_or_null(service->has_port, service->port), "attempts",
		        (json_int_t)service->attempts, "passed", (json_int_t)service->passed);
		if (json_array_append_new(list, item) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *alarm_card_reply(const struct alarm *alarm, const struct processes *processes)
{
	char mac[MAC_TEXT_MAX];
	return json_pack(
	        "{so so so sI so sI so so so so sb so so so so so so so}", "mac",
	        alarm->has_mac ? json_string(mac_print(&alarm->mac, mac)) : json_null(),
	        "interface", reply_optional(alarm->interface), "detail",
	        reply_optional(alarm->detail), "changed", (json_int_t)alarm->changed, "quiet",
	        time_or_null(alarm->quiet), "danger", (json_int_t)alarm->danger, "period",
	        time_or_null(alarm->period), "regular_until", time_or_null(alarm->until), "scored",
	        time_or_null(alarm->scored), "expected", expected_reply(alarm), "strobe",
	        alarm->strobe, "rita", score_reply(alarm), "distinct",
	        alarm->distinct ? json_integer((json_int_t)alarm->distinct) : json_null(),
	        "succeeded",
	        alarm->cause.kind == ALARM_TRW ? json_integer((json_int_t)alarm->succeeded)
	                                       : json_null(),
	        "span", time_or_null(alarm->span), "evidence", evidence_reply(&alarm->evidence),
	        "services", tried_reply(&alarm->evidence), "processes",
	        process_alarm_reply(processes, alarm));
}
