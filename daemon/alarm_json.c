/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alarm_json.h"

#include "replies.h"
#include "state_field.h"

#include <errno.h>
#include <string.h>

#define COUNT_MOST INT64_MAX

static json_t *cause_to_json(const struct alarm_cause *cause)
{
	return json_pack("{ss so so so so sb}", "kind",
	                 alarm_kind_name((enum alarm_kind)cause->kind), "host",
	                 reply_string(cause->host), "source",
	                 state_from_address(cause->has_source, &cause->source), "to",
	                 state_from_endpoint(cause->has_destination, &cause->destination), "mac",
	                 state_from_mac(cause->has_mac, &cause->mac), "many", cause->many);
}

static void cause_from_json(const json_t *json, struct alarm_cause *cause, bool *valid)
{
	enum alarm_kind kind = ALARM_TRIPWIRE;
	if (alarm_kind_parse(state_text(json, "kind", 32, valid), &kind) < 0)
		*valid = false;
	cause->kind = (uint8_t)kind;
	alarm_name(cause->host, sizeof(cause->host),
	           state_text(json, "host", sizeof(cause->host), valid));
	cause->has_source = state_address(json, "source", &cause->source, valid);
	cause->has_destination = state_endpoint(json, "to", &cause->destination, valid);
	cause->has_mac = state_mac(json, "mac", &cause->mac, valid);
	cause->many = json_is_true(json_object_get(json, "many"));
}

static json_t *part_to_json(const struct rita_part *part)
{
	return json_pack("{sf sf sf}", "score", part->score, "bowley", part->bowley, "mad",
	                 part->mad);
}

static struct rita_part part_from_json(const json_t *json, bool *valid)
{
	return (struct rita_part){.score = state_real(json, "score", valid),
	                          .bowley = state_real(json, "bowley", valid),
	                          .mad = state_real(json, "mad", valid)};
}

static json_t *score_to_json(const struct alarm *alarm)
{
	const struct rita_score *score = &alarm->score;
	if (!alarm->has_score)
		return json_null();
	return json_pack("{so so sf sf sf si sI}", "timestamps", part_to_json(&score->timestamps),
	                 "sizes", part_to_json(&score->sizes), "histogram", score->histogram,
	                 "duration", score->duration, "total", score->total, "category",
	                 (int)score->category, "window", (json_int_t)score->window);
}

static bool score_from_json(const json_t *json, struct rita_score *score, bool *valid)
{
	if (!json_is_object(json))
		return false;
	score->timestamps = part_from_json(json_object_get(json, "timestamps"), valid);
	score->sizes = part_from_json(json_object_get(json, "sizes"), valid);
	score->histogram = state_real(json, "histogram", valid);
	score->duration = state_real(json, "duration", valid);
	score->total = state_real(json, "total", valid);
	score->category =
	        (enum rita_category)state_number(json, "category", RITA_CATEGORY_COUNT - 1, valid);
	score->window = state_number(json, "window", COUNT_MOST, valid);
	return true;
}

static json_t *evidence_to_json(const struct evidence *evidence)
{
	json_t *attempts = json_array(), *services = json_array();
	for (uint32_t i = 0; i < evidence->attempt_count; i++) {
		const struct evidence_attempt *a = &evidence->attempts[i];
		json_array_append_new(attempts,
		                      json_pack("{sI so so si so sb}", "time", (json_int_t)a->time,
		                                "source", state_from_address(true, &a->source),
		                                "to", state_from_endpoint(true, &a->destination),
		                                "source_port", a->source_port, "uid",
		                                state_from_number(a->has_uid, a->uid), "passed",
		                                a->passed));
	}
	for (uint32_t i = 0; i < evidence->service_count; i++) {
		const struct evidence_service *s = &evidence->services[i];
		json_array_append_new(services,
		                      json_pack("{si so sI sI}", "protocol", s->protocol, "port",
		                                s->has_port ? json_integer(s->port) : json_null(),
		                                "attempts", (json_int_t)s->attempts, "passed",
		                                (json_int_t)s->passed));
	}
	return json_pack("{so so}", "attempts", attempts, "services", services);
}

/* Of files of earlier versions nothing is known of the outcome, and it counts as blocked. */
static uint64_t passed_from_json(const json_t *json, uint64_t attempts, bool *valid)
{
	return json_object_get(json, "passed") ? state_number(json, "passed", attempts, valid) : 0;
}

static void evidence_from_json(const json_t *json, struct evidence *evidence, bool *valid)
{
	const json_t *attempts = json_object_get(json, "attempts"), *item;
	const json_t *services = json_object_get(json, "services");
	size_t i;

	if (json_array_size(attempts) > EVIDENCE_ATTEMPTS ||
	    json_array_size(services) > EVIDENCE_SERVICES) {
		*valid = false;
		return;
	}
	json_array_foreach(attempts, i, item)
	{
		struct evidence_attempt *a = &evidence->attempts[evidence->attempt_count++];
		a->time = state_number(item, "time", COUNT_MOST, valid);
		if (!state_address(item, "source", &a->source, valid) ||
		    !state_endpoint(item, "to", &a->destination, valid))
			*valid = false;
		a->source_port = (uint16_t)state_number(item, "source_port", UINT16_MAX, valid);
		a->has_uid = state_id(item, "uid", &a->uid, valid);
		a->passed = json_is_true(json_object_get(item, "passed"));
	}
	json_array_foreach(services, i, item)
	{
		struct evidence_service *s = &evidence->services[evidence->service_count++];
		s->protocol = (uint8_t)state_number(item, "protocol", UINT8_MAX, valid);
		s->has_port = json_is_integer(json_object_get(item, "port"));
		if (s->has_port)
			s->port = (uint16_t)state_number(item, "port", UINT16_MAX, valid);
		s->attempts = state_number(item, "attempts", COUNT_MOST, valid);
		s->passed = passed_from_json(item, s->attempts, valid);
	}
}

static json_t *deed_to_json(const struct alarm_deed *deed)
{
	if (!deed->time)
		return json_null();
	return json_pack("{sI ss sI}", "time", (json_int_t)deed->time, "user", deed->user, "uid",
	                 (json_int_t)deed->uid);
}

/* Files of earlier versions have none. */
static void deed_from_json(const json_t *json, struct alarm_deed *deed, bool *valid)
{
	if (!json || json_is_null(json))
		return;
	deed->time = state_number(json, "time", COUNT_MOST, valid);
	deed->uid = (uint32_t)state_number(json, "uid", UINT32_MAX, valid);
	alarm_name(deed->user, sizeof(deed->user),
	           state_text(json, "user", sizeof(deed->user), valid));
}

static json_t *expected_to_json(const struct alarm *alarm)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < ALARM_EXPECTED; i++)
		json_array_append_new(list, json_integer((json_int_t)alarm->expected[i]));
	return list;
}

static json_t *targets_to_json(const struct alarm *alarm)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < alarm->target_count; i++)
		json_array_append_new(
		        list, json_pack("{so sI}", "address",
		                        state_from_address(true, &alarm->targets[i].address),
		                        "attempts", (json_int_t)alarm->targets[i].attempts));
	return list;
}

/* Files of earlier versions have none: there the last one is the only one that is known. */
static void targets_from_json(const json_t *json, struct alarm *alarm, bool *valid)
{
	const json_t *list = json_object_get(json, "targets"), *item;
	size_t i;
	if (!list && alarm->cause.kind == ALARM_PORTSCAN && alarm->has_destination) {
		alarm->targets[0] =
		        (struct alarm_target){alarm->destination.address, alarm->attempts};
		alarm->target_count = alarm->all_targets = 1;
	}
	if (!list)
		return;
	if (!json_is_array(list) || json_array_size(list) > ALARM_TARGETS) {
		*valid = false;
		return;
	}
	json_array_foreach(list, i, item)
	{
		struct alarm_target *target = &alarm->targets[alarm->target_count++];
		if (!state_address(item, "address", &target->address, valid))
			*valid = false;
		target->attempts = state_number(item, "attempts", COUNT_MOST, valid);
	}
	alarm->all_targets = (unsigned)state_number(json, "all_targets", UINT32_MAX, valid);
	if (alarm->all_targets < alarm->target_count)
		*valid = false;
}

/* Likewise; there it may be in the evidence. */
static void origin_from_json(const json_t *json, struct alarm *alarm, bool *valid)
{
	const struct evidence *evidence = &alarm->evidence;
	if (json_object_get(json, "origin"))
		alarm->has_origin = state_endpoint(json, "origin", &alarm->origin, valid);
	else if (evidence->attempt_count && evidence->attempt_count == alarm->attempts) {
		alarm->has_origin = true;
		alarm->origin = evidence->attempts[evidence->attempt_count - 1].destination;
	}
}

json_t *alarm_to_json(const struct alarm *alarm)
{
	return json_pack(
	        "{sI so ss ss so so so so so so so sI sI sI sI sI sI sI sI so sb so sI sI sI sI so "
	        "so so so so sI sI sI}",
	        "id", (json_int_t)alarm->id, "cause", cause_to_json(&alarm->cause), "severity",
	        severity_name(alarm->severity), "state", alarm_state_name(alarm->state), "host",
	        reply_string(alarm->host), "role", reply_string(alarm->role), "interface",
	        reply_string(alarm->interface), "detail", reply_string(alarm->detail), "source",
	        state_from_address(alarm->has_source, &alarm->source), "to",
	        state_from_endpoint(alarm->has_destination, &alarm->destination), "mac",
	        state_from_mac(alarm->has_mac, &alarm->mac), "attempts",
	        (json_int_t)alarm->attempts, "passed", (json_int_t)alarm->passed, "first",
	        (json_int_t)alarm->first, "last", (json_int_t)alarm->last, "changed",
	        (json_int_t)alarm->changed, "quiet", (json_int_t)alarm->quiet, "silence",
	        (json_int_t)alarm->silence, "period", (json_int_t)alarm->period, "expected",
	        expected_to_json(alarm), "strobe", alarm->strobe, "score", score_to_json(alarm),
	        "distinct", (json_int_t)alarm->distinct, "succeeded", (json_int_t)alarm->succeeded,
	        "span", (json_int_t)alarm->span, "danger", (json_int_t)alarm->danger, "evidence",
	        evidence_to_json(&alarm->evidence), "acknowledged",
	        deed_to_json(&alarm->acknowledged), "cleared", deed_to_json(&alarm->cleared),
	        "origin", state_from_endpoint(alarm->has_origin, &alarm->origin), "targets",
	        targets_to_json(alarm), "all_targets", (json_int_t)alarm->all_targets, "until",
	        (json_int_t)alarm->until, "scored", (json_int_t)alarm->scored);
}

/* Who it is about. */
static void who_from_json(const json_t *json, struct alarm *alarm, bool *valid)
{
	alarm_name(alarm->host, sizeof(alarm->host),
	           state_text(json, "host", sizeof(alarm->host), valid));
	alarm_name(alarm->role, sizeof(alarm->role),
	           state_text(json, "role", sizeof(alarm->role), valid));
	alarm_name(alarm->interface, sizeof(alarm->interface),
	           state_text(json, "interface", sizeof(alarm->interface), valid));
	alarm_name(alarm->detail, sizeof(alarm->detail),
	           state_text(json, "detail", sizeof(alarm->detail), valid));
	alarm->has_source = state_address(json, "source", &alarm->source, valid);
	alarm->has_destination = state_endpoint(json, "to", &alarm->destination, valid);
	alarm->has_mac = state_mac(json, "mac", &alarm->mac, valid);
}

static void times_from_json(const json_t *json, struct alarm *alarm, bool *valid)
{
	const json_t *expected = json_object_get(json, "expected");
	alarm->first = state_number(json, "first", COUNT_MOST, valid);
	alarm->last = state_number(json, "last", COUNT_MOST, valid);
	alarm->changed = state_number(json, "changed", COUNT_MOST, valid);
	alarm->quiet = state_number(json, "quiet", COUNT_MOST, valid);
	if (json_object_get(json, "silence")) /* files of earlier versions have none */
		alarm->silence = state_number(json, "silence", COUNT_MOST / 2, valid);
	alarm->period = state_number(json, "period", COUNT_MOST, valid);
	if (json_object_get(json, "until")) /* nor these */
		alarm->until = state_number(json, "until", COUNT_MOST, valid);
	if (json_object_get(json, "scored"))
		alarm->scored = state_number(json, "scored", COUNT_MOST, valid);
	alarm->span = state_number(json, "span", COUNT_MOST, valid);
	for (size_t i = 0; i < ALARM_EXPECTED; i++) {
		json_int_t time = json_integer_value(json_array_get(expected, i));
		alarm->expected[i] = time > 0 ? (usec_t)time : 0;
	}
}

int alarm_from_json(const json_t *json, struct alarm *ret_alarm)
{
	struct alarm alarm = {};
	bool valid = true;

	alarm.id = state_number(json, "id", COUNT_MOST - 1, &valid);
	cause_from_json(json_object_get(json, "cause"), &alarm.cause, &valid);
	if (severity_parse(state_text(json, "severity", 32, &valid), &alarm.severity) < 0 ||
	    alarm_state_parse(state_text(json, "state", 32, &valid), &alarm.state) < 0)
		valid = false;
	who_from_json(json, &alarm, &valid);
	times_from_json(json, &alarm, &valid);
	alarm.attempts = state_number(json, "attempts", COUNT_MOST, &valid);
	alarm.passed = passed_from_json(json, alarm.attempts, &valid);
	alarm.strobe = json_is_true(json_object_get(json, "strobe"));
	alarm.has_score = score_from_json(json_object_get(json, "score"), &alarm.score, &valid);
	alarm.distinct = (unsigned)state_number(json, "distinct", UINT32_MAX, &valid);
	/* Files of earlier versions have none. */
	if (json_object_get(json, "succeeded"))
		alarm.succeeded = (unsigned)state_number(json, "succeeded", UINT32_MAX, &valid);
	alarm.danger = (unsigned)state_number(json, "danger", UINT32_MAX, &valid);
	evidence_from_json(json_object_get(json, "evidence"), &alarm.evidence, &valid);
	targets_from_json(json, &alarm, &valid);
	origin_from_json(json, &alarm, &valid);
	deed_from_json(json_object_get(json, "acknowledged"), &alarm.acknowledged, &valid);
	deed_from_json(json_object_get(json, "cleared"), &alarm.cleared, &valid);
	if (!valid)
		return -EINVAL;
	*ret_alarm = alarm;
	return 0;
}
