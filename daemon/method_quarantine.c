/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "gateway_address.h"
#include "kernel/route.h"
#include "policy/runtime.h"
#include "replies.h"
#include "ruleset/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How it is called in the list of requests: an address as we write it, a name as it was given. */
static const char *canonical(const char *text, char buffer[static ADDRESS_TEXT_MAX])
{
	struct address address;
	return address_parse(text, &address) < 0 ? text : address_print(&address, buffer);
}

/* What a range holds, up to INT64_MAX. */
static uint64_t size_of(const struct address_range *range)
{
	size_t length = family_length(range->from.family);
	uint64_t size = 0;
	for (size_t i = 0; i < length; i++) {
		int digit = range->to.bytes[i] - range->from.bytes[i];
		if (size > INT64_MAX / 256 - 1)
			return INT64_MAX;
		size = size * 256 + (uint64_t)(int64_t)digit;
	}
	return size + 1;
}

/* Those that belong to the host after the most specific won; 0 or -ENOMEM. */
static int count_of_host(const struct policy *policy, const struct host *host, uint64_t *count)
{
	for (int family = 0; family < FAMILY_COUNT; family++) {
		struct segments segments;
		int r = segments_of(&policy->claims[family], true, &segments);
		if (r < 0)
			return r;
		ARRAY_FOREACH (segment, &segments.list) {
			uint64_t size = segment->host == host ? size_of(&segment->range) : 0;
			*count = size > INT64_MAX - *count ? INT64_MAX : *count + size;
		}
		ARRAY_DONE(&segments.list);
	}
	for (size_t i = 0; policy->runtime && i < policy->runtime->assignments.count; i++) {
		const struct claim *claim =
		        policy_claim_at(policy, &policy->runtime->assignments.items[i].address);
		if (claim && claim->host == host && *count < INT64_MAX)
			--*count;
	}
	return 0;
}

/* The request, and how many addresses it is about; NULL without memory. */
static json_t *reply_counted(const struct request_entry *entry, const struct policy *policy)
{
	struct address address;
	const struct host *host =
	        address_parse(entry->host, &address) < 0 ? policy_host(policy, entry->host) : NULL;
	uint64_t count = host ? 0 : 1;
	if (host && count_of_host(policy, host, &count) < 0)
		return NULL;
	json_t *quarantine = reply_quarantine(entry, policy);
	if (json_object_set_new(quarantine, "addresses", json_integer((json_int_t)count)) < 0) {
		json_decref(quarantine);
		return NULL;
	}
	return quarantine;
}

static int answer_quarantine(struct request *request, const struct request_entry *entry,
                             const struct changed *changed, const struct control *control)
{
	const struct policy *policy = control->enforcement->policy;
	return answer_changed(
	        request,
	        json_pack("{so so}", "quarantine", reply_counted(entry, policy), "replaced",
	                  changed->replaced.id ? reply_quarantine(&changed->replaced, policy)
	                                       : json_null()),
	        changed, control);
}

/*
 * What is in quarantine still of what was released: an address of a host that is in quarantine, or
 * a host of which some address is. NULL without memory.
 */
static json_t *reply_remaining(const struct request_entry *released, const struct control *control)
{
	const struct policy *policy = control->enforcement->policy;
	struct address own, address;
	bool is_address = address_parse(released->host, &own) == 0;
	const struct quarantine *around =
	        is_address ? policy_quarantine(policy, &own, NULL, NULL) : NULL;
	const struct host *host = is_address ? NULL : policy_host(policy, released->host);
	_cleanup_(json_release) json_t *list = json_array();

	ARRAY_FOREACH (entry, &control->enforcement->requests.list) {
		if (entry->kind != REQUEST_QUARANTINE)
			continue;
		bool remains = around ? entry->id == around->id
		                      : host && address_parse(entry->host, &address) == 0 &&
		                                policy_host_at(policy, &address) == host;
		if (remains && json_array_append_new(list, reply_quarantine(entry, policy)) < 0)
			return NULL;
	}
	return TAKE_POINTER(list);
}

static int answer_release(struct request *request, const struct request_entry *entry,
                          const struct changed *changed, const struct control *control)
{
	return answer_changed(request,
	                      json_pack("{so so}", "quarantine",
	                                reply_counted(entry, control->enforcement->policy),
	                                "remaining", reply_remaining(entry, control)),
	                      changed, control);
}

/* True when there is nothing that could be dropped of that address, which was then said. */
static bool is_out_of_reach(const struct control *control, const char *text,
                            struct problems *problems)
{
	const struct location at = {"quarantine", 0};
	static const struct address unspecified[FAMILY_COUNT] = {
	        {.family = FAMILY_IPV4},
	        {.family = FAMILY_IPV6},
	};
	struct address address;
	struct route route;
	/* What nobody sends from has its own refusal. */
	if (address_parse(text, &address) < 0 ||
	    address_compare(&address, &unspecified[address.family]) == 0)
		return false;
	int r = route_lookup(&address, &route);
	if (gateway_has_address(&address) > 0 || (r == 0 && route.local)) {
		problems_add(problems, at,
		             "%s is an address of the gateway itself, which is never put in "
		             "quarantine",
		             text);
		return true;
	}
	if (r != 0 || policy_is_inside(control->enforcement->policy, route.interface))
		return false;
	problems_add(problems, at,
	             "%s is behind %s, which is no inside interface: nothing would be dropped; "
	             "put it on the blocklist instead",
	             text, route.interface);
	return true;
}

int method_quarantine(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct policy *policy = control->enforcement->policy;
	const json_t *seconds = json_object_get(parameters, "seconds");
	struct problems problems = {};
	char address[ADDRESS_TEXT_MAX];
	const struct asked asked = {
	        .kind = REQUEST_QUARANTINE,
	        .kind_name = "quarantine",
	        .host = canonical(parameter_string(parameters, "host"), address),
	        .why = parameter_string(parameters, "why"),
	        .lasts = seconds != NULL,
	        .seconds = json_integer_value(seconds),
	};

	if (policy && is_out_of_reach(control, asked.host, &problems)) {
		json_t *list = reply_problems(&problems);
		problems_done(&problems);
		return request_error(request, "io.egressd.RequestRejected",
		                     json_pack("{so}", "problems", list));
	}
	return change_add(request, control, &asked, answer_quarantine);
}

/* A host that there is not, with the one that may be meant. */
static void explain_unknown(const struct policy *policy, const char *name, char *buffer,
                            size_t size)
{
	const char *nearest = policy_nearest_host(policy, name);
	snprintf(buffer, size, "unknown host \"%.64s\"%s%s%s", name,
	         nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* Why it is in quarantine all the same, or that it is not. */
static const char *explain_missing(const struct control *control, const char *name, char *buffer,
                                   size_t size)
{
	const struct policy *policy = control->enforcement->policy;
	const struct quarantine *quarantine = NULL;
	struct address address;
	if (policy && address_parse(name, &address) == 0)
		quarantine = policy_quarantine(policy, &address, NULL, NULL);
	if (quarantine && quarantine->host)
		snprintf(buffer, size, "%s is in quarantine as an address of host %s; release that",
		         name, quarantine->host->name);
	else if (policy && address_parse(name, &address) < 0 && !policy_host(policy, name))
		explain_unknown(policy, name, buffer, size);
	else
		snprintf(buffer, size, "%.64s is not in quarantine", name);
	return buffer;
}

int method_release(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	char address[ADDRESS_TEXT_MAX], text[192];
	const char *name = canonical(parameter_string(parameters, "host"), address);
	const struct request_entry *entry =
	        requests_quarantine(&control->enforcement->requests, name);

	if (!entry)
		return request_error(request, "io.egressd.NotInQuarantine",
		                     json_pack("{ss so}", "host", name, "text",
		                               reply_string(explain_missing(control, name, text,
		                                                            sizeof(text)))));
	if (!control->enforcement->policy)
		return answer_no_policy(request);
	return change_remove(request, control, entry, answer_release);
}

int method_list_quarantined(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	_cleanup_(json_release) json_t *list = json_array();

	ARRAY_FOREACH (entry, &control->enforcement->requests.list)
		if (entry->kind == REQUEST_QUARANTINE &&
		    json_array_append_new(
		            list, reply_quarantine(entry, control->enforcement->policy)) < 0)
			return -ENOMEM;
	return request_reply(request, json_pack("{sO}", "quarantined", list));
}
