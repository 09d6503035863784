/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "counts.h"
#include "policy/runtime.h"
#include "replies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *words_reply(const struct words *words)
{
	json_t *list = json_array();
	for (size_t i = 0; i < words->count; i++) {
		if (json_array_append_new(list, json_string(words->items[i].text)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void print_words(const struct words *words, FILE *out)
{
	for (size_t i = 0; i < words->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", words->items[i].text);
}

/* "smtp", or "smtp, submission to loghost": the services, and whom they are limited to. */
static json_t *permission_reply(const struct permission *permission, const char *limited)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	print_words(&permission->services, out);
	if (!permission->any_peer) {
		fprintf(out, " %s ", limited);
		print_words(&permission->peers, out);
	}
	return fclose(out) == 0 ? json_string(text) : NULL;
}

static json_t *permissions_reply(const struct permission_list *list, const char *limited)
{
	json_t *reply = json_array();
	for (size_t i = 0; i < list->count; i++) {
		if (json_array_append_new(reply, permission_reply(list->items[i], limited)) < 0) {
			json_decref(reply);
			return NULL;
		}
	}
	return reply;
}

static json_t *quarantine_reply(const struct self_quarantine *quarantine)
{
	if (!quarantine)
		return json_null();
	json_t *on = json_array();
	for (unsigned i = 0; i < QUARANTINE_CAUSE_COUNT; i++)
		if (quarantine->on[i] &&
		    json_array_append_new(
		            on, json_string(quarantine_cause_name((enum quarantine_cause)i))) < 0) {
			json_decref(on);
			return NULL;
		}
	return json_pack("{so sI sI so sI}", "on", on, "span", (json_int_t)quarantine->span, "most",
	                 (json_int_t)quarantine->most, "file", reply_string(quarantine->at.file),
	                 "line", (json_int_t)quarantine->at.line);
}

/* By the index of the role; NULL without memory. Free it. */
static size_t *count_audited(const struct policy *policy)
{
	size_t *hosts = calloc(policy->roles.count + 1, sizeof(*hosts));
	if (!hosts)
		return NULL;
	for (size_t i = 0; i < policy->hosts.count; i++) {
		const struct host *host = &policy->hosts.items[i];
		hosts[host->role->index] += host->effective_mode == MODE_AUDIT;
	}
	for (size_t i = 0; policy->runtime && i < policy->runtime->assignments.count; i++) {
		const struct host *host = &policy->runtime->assignments.items[i].host;
		hosts[host->role->index] += host->effective_mode == MODE_AUDIT;
	}
	return hosts;
}

static json_t *role_reply(const struct policy *policy, const struct role *role, size_t hosts,
                          size_t audited, const struct counts *counts)
{
	return json_pack("{ss ss so ss sI sI so so so sb sb so so so so so sI}", "name", role->name,
	                 "mode", mode_name(role->effective_mode), "declared",
	                 reply_mode(role->mode), "mode_from", reply_mode_from(NULL, role), "hosts",
	                 (json_int_t)hosts, "hosts_in_audit", (json_int_t)audited, "inherits",
	                 words_reply(&role->inherits), "outbound",
	                 permissions_reply(&role->may_initiate, "to"), "inbound",
	                 role->judged_inbound ? permissions_reply(&role->may_be_reached, "from")
	                                      : json_null(),
	                 "tripwire", role->is_tripwire, "trw", policy_tells_contacts(policy, role),
	                 "throttle", reply_throttle(role->throttled), "quarantine",
	                 quarantine_reply(role->quarantined), "permitted",
	                 reply_count(counts_permitted(counts, role->name)), "blocked",
	                 reply_count(counts_blocked(counts, role->name)), "file",
	                 reply_string(role->at.file), "line", (json_int_t)role->at.line);
}

int method_list_roles(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct policy *policy = control->enforcement->policy;
	_cleanup_(counts_done) struct counts counts = {};
	_cleanup_(json_release) json_t *roles = json_array();
	if (!policy)
		return answer_no_policy(request);

	int r = counts_read(control->enforcement->kernel, &counts);
	if (r < 0)
		return answer_no_counters(request, r);

	_cleanup_free_ size_t *hosts = reply_hosts_by_role(policy);
	_cleanup_free_ size_t *audited = count_audited(policy);
	if (!hosts || !audited)
		return -ENOMEM;
	for (size_t i = 0; i < policy->roles.count; i++)
		if (json_array_append_new(roles, role_reply(policy, &policy->roles.items[i],
		                                            hosts[i], audited[i], &counts)) < 0)
			return -ENOMEM;
	return request_reply(request, json_pack("{sO}", "roles", roles));
}

static json_t *addresses_reply(const struct host *host)
{
	json_t *list = json_array();
	for (size_t i = 0; i < host->range_count; i++) {
		char text[RANGE_TEXT_MAX];
		if (json_array_append_new(
		            list, json_string(range_print(&host->ranges[i].range, text))) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *macs_reply(const struct host *host)
{
	json_t *list = json_array();
	for (size_t i = 0; i < host->mac_count; i++) {
		char text[MAC_TEXT_MAX];
		if (json_array_append_new(list, json_string(mac_print(&host->macs[i], text))) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Adds a host to the list, unless it is of another role than the one asked for. */
static int add_host(json_t *hosts, const struct host *host, const struct role *role)
{
	if (role && host->role != role)
		return 0;
	json_t *item = json_pack("{ss ss so so ss so ss sb so sI}", "name", host->name, "role",
	                         host->role->name, "addresses", addresses_reply(host), "macs",
	                         macs_reply(host), "mode", mode_name(host->effective_mode),
	                         "declared", reply_mode(host->mode), "mode_from",
	                         reply_mode_from(host, host->role), "self", host->self, "file",
	                         reply_string(host->at.file), "line", (json_int_t)host->at.line);
	return json_array_append_new(hosts, item) < 0 ? -ENOMEM : 0;
}

int method_list_hosts(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct policy *policy = control->enforcement->policy;
	const char *name = parameter_string(parameters, "role");
	_cleanup_(json_release) json_t *hosts = json_array();
	if (!policy)
		return answer_no_policy(request);

	const struct role *role = name ? policy_role(policy, name) : NULL;
	if (name && !role)
		return request_error(request, "io.egressd.NoSuchRole",
		                     json_pack("{ss}", "role", name));

	int r = 0;
	for (size_t i = 0; i < policy->hosts.count && r == 0; i++)
		r = add_host(hosts, &policy->hosts.items[i], role);
	size_t assigned = policy->runtime ? policy->runtime->assignments.count : 0;
	for (size_t i = 0; i < assigned && r == 0; i++)
		r = add_host(hosts, &policy->runtime->assignments.items[i].host, role);
	if (r < 0)
		return r;
	return request_reply(request, json_pack("{sO}", "hosts", hosts));
}

static bool is_assigned(const struct policy *policy, const char *name)
{
	struct address address;
	return address_parse(name, &address) == 0 && policy_assignment(policy, &address);
}

/* A name that was in force when something was blocked may be gone from the policy since. */
static bool knows_host(const struct policy *policy, const struct ledger *ledger, const char *name)
{
	const struct ledger_filter filter = {.host = name};
	return !*name || (policy && (policy_host(policy, name) || is_assigned(policy, name))) ||
	       ledger_first(ledger, &filter);
}

static bool knows_role(const struct policy *policy, const struct ledger *ledger, const char *name)
{
	const struct ledger_filter filter = {.role = name};
	return !*name || (policy && policy_role(policy, name)) || ledger_first(ledger, &filter);
}

int method_list_blocked(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct policy *policy = control->enforcement->policy;
	const struct ledger *ledger = events_ledger(control->events);
	const struct processes *processes = own_processes_seen(control->processes);
	const char *source_text = parameter_string(parameters, "source");
	_cleanup_(json_release) json_t *blocked = json_array();
	struct address source;
	struct ledger_filter filter = {
	        .host = parameter_string(parameters, "host"),
	        .role = parameter_string(parameters, "role"),
	};

	if (source_text) {
		if (address_parse(source_text, &source) < 0)
			return request_invalid_parameter(request, "source");
		filter.source = &source;
	}
	json_int_t since = json_integer_value(json_object_get(parameters, "since"));
	if (since < 0)
		return request_invalid_parameter(request, "since");
	filter.since = (usec_t)since;
	if (filter.host && !knows_host(policy, ledger, filter.host))
		return request_error(request, "io.egressd.NoSuchHost",
		                     json_pack("{ss}", "host", filter.host));
	if (filter.role && !knows_role(policy, ledger, filter.role))
		return request_error(request, "io.egressd.NoSuchRole",
		                     json_pack("{ss}", "role", filter.role));

	for (const struct ledger_entry *entry = ledger_first(ledger, &filter); entry;
	     entry = ledger_next(ledger, &filter, entry))
		if (json_array_append_new(blocked, reply_blocked(entry, policy, processes)) < 0)
			return -ENOMEM;
	struct ledger_totals totals = ledger_totals(ledger);
	return request_reply(request, json_pack("{sO s{sI sI sI sI}}", "blocked", blocked, "others",
	                                        "entries", (json_int_t)totals.other_entries,
	                                        "attempts", (json_int_t)totals.other_attempts,
	                                        "passed", (json_int_t)totals.other_passed,
	                                        "packets", (json_int_t)totals.other_packets));
}
