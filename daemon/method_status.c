/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "counts.h"
#include "inside.h"
#include "kernel/picked_up.h"
#include "policy/runtime.h"
#include "replies.h"
#include "ruleset/names.h"
#include "sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OTHER_MODES_MAX 1000 /* hosts that are listed */

static json_t *policy_reply(const struct enforcement *enforcement)
{
	const struct policy *policy = enforcement->policy;
	return json_pack("{so ss sI sI sI}", "file", reply_string(enforcement->file), "digest",
	                 policy ? policy->digest : "", "loaded", (json_int_t)enforcement->loaded,
	                 "hosts", (json_int_t)(policy ? policy->hosts.count : 0), "roles",
	                 (json_int_t)(policy ? policy->roles.count : 0));
}

static json_t *change_reply(const struct change *change)
{
	if (!change->time)
		return json_null();
	return json_pack("{sI sI sI sI sI sI sI sf}", "time", (json_int_t)change->time,
	                 "elements_added", (json_int_t)change->elements_added, "elements_deleted",
	                 (json_int_t)change->elements_deleted, "rules_added",
	                 (json_int_t)change->rules_added, "rules_deleted",
	                 (json_int_t)change->rules_deleted, "flows_cut",
	                 (json_int_t)change->flows_cut, "flows_kept",
	                 (json_int_t)change->flows_kept, "milliseconds", change->milliseconds);
}

/* Appends an item that was just made; -ENOMEM when it or the array could not be made. */
static int append(json_t *array, json_t *item)
{
	return json_array_append_new(array, item) < 0 ? -ENOMEM : 0;
}

static int add_roles(json_t *roles, const struct policy *policy, const struct counts *counts)
{
	int r = 0;
	if (!policy)
		return 0;

	_cleanup_free_ size_t *hosts = reply_hosts_by_role(policy);
	if (!hosts)
		return -ENOMEM;

	for (size_t i = 0; i < policy->roles.count && r == 0; i++) {
		const char *name = policy->roles.items[i].name;
		r = append(roles, json_pack("{ss sI so so so}", "role", name, "hosts",
		                            (json_int_t)hosts[i], "permitted",
		                            reply_count(counts_permitted(counts, name)), "blocked",
		                            reply_count(counts_blocked(counts, name)), "revoked",
		                            reply_count(counts_revoked(counts, name))));
	}
	return r;
}

/* Reasons for which anything was blocked; *total is their sum. */
static int add_reasons(json_t *reasons, const struct enforcement *enforcement,
                       const struct counts *counts, struct count *total)
{
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		struct count count = counts_of_reason(counts, (enum reason)i);
		count.packets += enforcement->vanished[i].packets;
		count.bytes += enforcement->vanished[i].bytes;
		total->packets += count.packets;
		total->bytes += count.bytes;
		if (!count.packets)
			continue;
		if (append(reasons, json_pack("{ss sI sI}", "reason", reason_name((enum reason)i),
		                              "packets", (json_int_t)count.packets, "bytes",
		                              (json_int_t)count.bytes)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* How many requests of that kind are there? */
static json_int_t count_requests(const struct requests *requests, enum request_kind kind)
{
	json_int_t count = 0;
	ARRAY_FOREACH (request, &requests->list)
		count += request->kind == kind;
	return count;
}

/* Who is in quarantine: hosts with all their addresses, or else single addresses. */
static json_int_t count_quarantined(const struct enforcement *enforcement, bool hosts)
{
	const struct runtime *runtime = enforcement->policy ? enforcement->policy->runtime : NULL;
	json_int_t count = 0;
	for (size_t i = 0; runtime && i < runtime->quarantines.count; i++)
		count += (runtime->quarantines.items[i].host != NULL) == hosts;
	return count;
}

/* Counts what is picked up, with a notice for a family that has no room for more. 0 or a negative
 * errno. */
static int add_picked_up(json_t *notices, const struct enforcement *enforcement,
                         json_int_t *ret_count)
{
	struct picked_up_list list = {};
	size_t of[FAMILY_COUNT] = {};

	*ret_count = 0;
	int r = enforcement->requests.picked_up ? picked_up_read(enforcement->kernel, &list) : 0;
	if (r < 0)
		return r;
	ARRAY_FOREACH (one, &list.list)
		of[one->server.family]++;
	for (int family = 0; family < FAMILY_COUNT && r == 0; family++)
		if (of[family] >= PICKED_UP_MAX)
			r = append(notices,
			           json_sprintf("%zu picked up %s connections are all that "
			                        "egressd remembers: another one is blocked until "
			                        "its client sends next",
			                        of[family],
			                        family == FAMILY_IPV4 ? "IPv4" : "IPv6"));
	*ret_count = (json_int_t)list.list.count;
	picked_up_done(&list);
	return r;
}

static int add_mode(json_t *modes, const struct host *host, const struct role *role)
{
	return append(modes,
	              json_pack("{ss so so ss}", "role", role->name, "host",
	                        host ? reply_string(host->name) : json_null(), "declared",
	                        reply_mode(host ? host->mode : role->mode), "mode",
	                        mode_name(host ? host->effective_mode : role->effective_mode)));
}

/* Roles and hosts for which another mode is in effect than for the gateway. */
static int add_other_modes(json_t *modes, const struct policy *policy, size_t *ret_left_out)
{
	size_t hosts = 0;
	for (size_t i = 0; i < policy->roles.count; i++) {
		const struct role *role = &policy->roles.items[i];
		if (role->effective_mode != policy->gateway.mode && add_mode(modes, NULL, role) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < policy->hosts.count; i++) {
		const struct host *host = &policy->hosts.items[i];
		if (host->effective_mode == policy->gateway.mode &&
		    host->effective_mode == host->role->effective_mode)
			continue;
		if (hosts++ < OTHER_MODES_MAX && add_mode(modes, host, host->role) < 0)
			return -ENOMEM;
	}
	*ret_left_out = hosts > OTHER_MODES_MAX ? hosts - OTHER_MODES_MAX : 0;
	return 0;
}

static int add_faults(json_t *degraded, const struct health *health)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		if (health->faults[i] && append(degraded, reply_string(health->faults[i])) < 0)
			return -ENOMEM;
	return 0;
}

static int add_notices(json_t *notices, const struct health *health)
{
	for (size_t i = 0; i < NOTICE_COUNT; i++)
		if (health->notices[i] && append(notices, reply_string(health->notices[i])) < 0)
			return -ENOMEM;
	return 0;
}

static int add_inside(json_t *inside, const struct policy *policy)
{
	for (size_t i = 0; policy && i < policy->gateway.inside.count; i++)
		if (append(inside, json_string(policy->gateway.inside.items[i].text)) < 0)
			return -ENOMEM;
	return 0;
}

static int add_missing(json_t *missing, const struct policy *policy)
{
	_cleanup_free_ bool *absent = NULL;
	int r = policy ? inside_missing(policy, &absent) : 0;
	for (size_t i = 0; policy && r == 0 && i < policy->gateway.inside.count; i++)
		if (absent[i])
			r = append(missing, json_string(policy->gateway.inside.items[i].text));
	return r;
}

static json_t *events_reply(struct events *events, uint64_t blocked)
{
	struct account account = events_account(events, blocked);
	return json_pack(
	        "{sI sI sI sI sI sI sI}", "received", (json_int_t)account.received, "lost",
	        (json_int_t)account.lost, "waiting", (json_int_t)account.waiting, "unheard",
	        (json_int_t)account.unheard, "earlier", (json_int_t)account.earlier, "overruns",
	        (json_int_t)events_overruns(events), "bad", (json_int_t)events_bad(events));
}

static json_t *detection_reply(const struct alarms *alarms)
{
	const struct detect_counts counts = alarms_detected(alarms);
	return json_pack("{sI sI sI sI sI sI sI}", "attempts", (json_int_t)counts.attempts,
	                 "looked", (json_int_t)counts.looked, "kept", (json_int_t)counts.kept,
	                 "skipped", (json_int_t)counts.skipped, "missed", (json_int_t)counts.missed,
	                 "no_room", (json_int_t)counts.no_room, "left_out",
	                 (json_int_t)counts.left_out);
}

static json_t *processes_reply(const struct control *control)
{
	const struct policy *policy = control->enforcement->policy;
	const struct process_counts counts = own_processes_counts(control->processes);
	if (!policy || !policy->gateway.processes)
		return json_null();
	return json_pack("{sI sI sI sI sI sI}", "attempts", (json_int_t)counts.attempts, "found",
	                 (json_int_t)counts.found, "gone", (json_int_t)counts.gone, "failed",
	                 (json_int_t)counts.failed, "unanswered", (json_int_t)counts.unanswered,
	                 "left_out", (json_int_t)counts.left_out);
}

static json_t *contacts_reply(const struct contacts *contacts)
{
	struct contacts_counts counts;
	if (!contacts_count(contacts, &counts))
		return json_null();
	return json_pack("{sb sI sI sI sI}", "known", counts.known, "heard",
	                 (json_int_t)counts.heard, "lost", (json_int_t)counts.lost, "gaps",
	                 (json_int_t)counts.gaps, "no_room", (json_int_t)counts.no_room);
}

int method_get_status(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct enforcement *enforcement = control->enforcement;
	const struct policy *policy = enforcement->policy;
	_cleanup_(json_release) json_t *degraded = json_array(), *roles = json_array();
	_cleanup_(json_release) json_t *reasons = json_array(), *sources = json_array();
	_cleanup_(json_release) json_t *inside = json_array(), *missing = json_array();
	_cleanup_(json_release) json_t *notices = json_array(), *modes = json_array();
	const struct ledger_totals tried = ledger_totals(events_ledger(control->events));
	size_t left_out = 0;
	json_int_t picked_up;
	_cleanup_(counts_done) struct counts counts = {};
	const struct request_entry *window = requests_pickup(&enforcement->requests);
	struct count total = {};

	int r = counts_read(enforcement->kernel, &counts);
	if (r < 0)
		return answer_no_counters(request, r);
	if (add_faults(degraded, control->health) < 0 ||
	    add_notices(notices, control->health) < 0 || add_inside(inside, policy) < 0 ||
	    add_roles(roles, policy, &counts) < 0 ||
	    (policy && add_other_modes(modes, policy, &left_out) < 0) ||
	    add_reasons(reasons, enforcement, &counts, &total) < 0)
		return -ENOMEM;
	r = add_picked_up(notices, enforcement, &picked_up);
	if (r < 0)
		return request_failed(request,
		                      "The connections that were picked up could not be read: %s",
		                      strerror(-r));
	r = add_missing(missing, policy);
	if (r < 0)
		return request_failed(request, "The interfaces could not be listed: %s",
		                      strerror(-r));
	r = busiest_sources(sources, enforcement->kernel, events_ledger(control->events), policy);
	if (r < 0)
		return request_failed(request, "The blocked sources could not be read: %s",
		                      strerror(-r));

	return request_reply(
	        request,
	        json_pack("{ss sO ss sI ss so sO sO so sO so sI sO so so sO sI sI sI sI sI so so "
	                  "so so sO sO sI sI sI sb}",
	                  "state", state_name(control->health->state), "degraded", degraded, "mode",
	                  mode_name(policy ? policy->gateway.mode : MODE_ENFORCE), "since",
	                  (json_int_t)control->health->since, "version", EGRESSD_VERSION, "policy",
	                  policy_reply(enforcement), "roles", roles, "reasons", reasons, "blocked",
	                  reply_count(total), "sources", sources, "events",
	                  events_reply(control->events, total.packets), "alarms",
	                  (json_int_t)alarms_open(control->alarms), "inside", inside, "revoked",
	                  reply_count(counts_all_revoked(&counts)), "change",
	                  change_reply(&enforcement->change), "missing", missing, "assignments",
	                  count_requests(&enforcement->requests, REQUEST_ASSIGN), "permits",
	                  count_requests(&enforcement->requests, REQUEST_PERMIT),
	                  "quarantined_hosts", count_quarantined(enforcement, true),
	                  "quarantined_addresses", count_quarantined(enforcement, false),
	                  "picked_up", picked_up, "pickup",
	                  window ? reply_window(window) : json_null(), "processes",
	                  processes_reply(control), "detection", detection_reply(control->alarms),
	                  "contacts", contacts_reply(control->contacts), "notices", notices,
	                  "other_modes", modes, "other_modes_left_out", (json_int_t)left_out,
	                  "attempts", (json_int_t)tried.attempts, "passed",
	                  (json_int_t)tried.passed, "verified", !enforcement->unverified));
}
