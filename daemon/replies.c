/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replies.h"

#include "base/cleanup.h"
#include "base/protocol.h"
#include "policy/runtime.h"
#include "process_reply.h"

#include <stdlib.h>
#include <string.h>

json_t *reply_string(const char *text)
{
	json_t *string = json_string(text);
	if (string)
		return string;

	_cleanup_free_ char *ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *p = ascii; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(ascii);
}

json_t *reply_optional(const char *text)
{
	return text && text[0] ? reply_string(text) : json_null();
}

static json_t *service_name(const struct ledger_key *key, const struct policy *policy)
{
	const struct service *service = NULL;
	if (policy && key->has_port)
		service = policy_service_for(policy, key->protocol, key->port);
	return reply_optional(service ? service->name : NULL);
}

json_t *reply_blocked(const struct ledger_entry *entry, const struct policy *policy,
                      const struct processes *processes)
{
	const struct ledger_noted *noted = ledger_noted(entry);
	const struct ledger_key *key = &noted->key;
	const struct stream stream = ledger_stream(key);
	char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX], protocol[PROTOCOL_TEXT_MAX];

	return json_pack("{ss so so ss ss so so ss sI sI sI sI sI so so so}", "source",
	                 address_print(&key->source, source), "host",
	                 reply_optional(ledger_host(entry)), "role",
	                 reply_optional(ledger_role(entry)), "destination",
	                 address_print(&key->destination, destination), "protocol",
	                 protocol_print(key->protocol, protocol), "port",
	                 key->has_port ? json_integer(key->port) : json_null(), "service",
	                 service_name(key, policy), "reason", reason_name((enum reason)key->reason),
	                 "attempts", (json_int_t)noted->attempts, "passed",
	                 (json_int_t)noted->passed, "packets", (json_int_t)noted->packets, "first",
	                 (json_int_t)noted->first, "last", (json_int_t)noted->last, "uid",
	                 noted->has_uid ? json_integer(noted->uid) : json_null(), "gid",
	                 noted->has_uid ? json_integer(noted->gid) : json_null(), "process",
	                 process_last_reply(noted->has_uid ? processes : NULL, &stream));
}

json_t *reply_mode(enum mode declared)
{
	return declared == MODE_UNSET ? json_null() : json_string(mode_name(declared));
}

const char *reply_mode_from(const struct host *host, const struct role *role)
{
	if (host && host->mode != MODE_UNSET)
		return "host";
	return role->mode != MODE_UNSET ? "role" : "gateway";
}

json_t *reply_problems(const struct problems *problems)
{
	json_t *list = json_array();
	ARRAY_FOREACH (problem, &problems->list) {
		json_t *item = json_pack("{so si so}", "file", reply_string(problem->file), "line",
		                         (int)problem->line, "text", reply_string(problem->text));
		if (json_array_append_new(list, item) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *reply_end(const struct request_entry *entry)
{
	return entry->until ? json_integer((json_int_t)entry->until) : json_null();
}

/* Null for what only the kernel's table told of at a start. */
static json_t *reply_asker(const struct request_entry *entry)
{
	return entry->uid == REQUEST_UID_UNKNOWN ? json_null()
	                                         : json_integer((json_int_t)entry->uid);
}

json_t *reply_assignment(const struct request_entry *entry)
{
	char address[ADDRESS_TEXT_MAX];
	return json_pack("{ss ss sI so ss so so}", "address",
	                 address_print(&entry->address, address), "role", entry->role, "since",
	                 (json_int_t)entry->since, "until", reply_end(entry), "user", entry->user,
	                 "uid", reply_asker(entry), "why", reply_optional(entry->why));
}

json_t *reply_permit(const struct request_entry *entry)
{
	return json_pack("{sI ss ss so sI so ss sI so}", "id", (json_int_t)entry->id, "host",
	                 entry->host, "service", entry->service, "to", reply_optional(entry->to),
	                 "since", (json_int_t)entry->since, "until", reply_end(entry), "user",
	                 entry->user, "uid", (json_int_t)entry->uid, "why",
	                 reply_optional(entry->why));
}

json_t *reply_window(const struct request_entry *entry)
{
	return json_pack("{sI sI so ss so so}", "id", (json_int_t)entry->id, "since",
	                 (json_int_t)entry->since, "until", reply_end(entry), "user", entry->user,
	                 "uid", reply_asker(entry), "why", reply_optional(entry->why));
}

json_t *reply_quarantine(const struct request_entry *entry, const struct policy *policy)
{
	const struct host *host = NULL;
	struct address address;
	if (policy)
		host = address_parse(entry->host, &address) == 0 ? policy_host_at(policy, &address)
		                                                 : policy_host(policy, entry->host);
	return json_pack("{sI ss so so sI so ss so so sb}", "id", (json_int_t)entry->id, "host",
	                 entry->host, "of", reply_optional(host ? host->name : NULL), "role",
	                 reply_optional(host ? host->role->name : NULL), "since",
	                 (json_int_t)entry->since, "until", reply_end(entry), "user", entry->user,
	                 "uid", reply_asker(entry), "why", reply_optional(entry->why), "automatic",
	                 entry->automatic);
}

json_t *reply_count(struct count count)
{
	return json_pack("{sI sI}", "packets", (json_int_t)count.packets, "bytes",
	                 (json_int_t)count.bytes);
}

size_t *reply_hosts_by_role(const struct policy *policy)
{
	size_t *hosts = calloc(policy->roles.count + 1, sizeof(*hosts));
	if (!hosts)
		return NULL;
	for (size_t i = 0; i < policy->hosts.count; i++)
		hosts[policy->hosts.items[i].role->index]++;
	if (policy->runtime)
		for (size_t i = 0; i < policy->runtime->assignments.count; i++)
			hosts[policy->runtime->assignments.items[i].host.role->index]++;
	return hosts;
}

json_t *reply_throttle(const struct throttle *throttle)
{
	if (!throttle)
		return json_null();
	return json_pack("{sI sI so sI}", "destinations", (json_int_t)throttle->destinations, "per",
	                 (json_int_t)throttle->per, "file", reply_string(throttle->at.file), "line",
	                 (json_int_t)throttle->at.line);
}
