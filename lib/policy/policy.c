/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

#include "base/protocol.h"
#include "base/spelling.h"
#include "policy/runtime.h"

#include <stdlib.h>
#include <string.h>

struct policy *policy_free(struct policy *policy)
{
	if (!policy)
		return NULL;
	runtime_free(policy->runtime);
	arena_free(policy->arena); /* the policy itself lives in it */
	return NULL;
}

const char *mode_name(enum mode mode)
{
	switch (mode) {
	case MODE_UNSET:
		return "unset";
	case MODE_ENFORCE:
		return "enforce";
	case MODE_AUDIT:
		return "audit";
	}
	abort(); /* no other value is ever made */
}

const struct role *policy_role(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->roles.count; i++)
		if (strcmp(policy->roles.items[i].name, name) == 0)
			return &policy->roles.items[i];
	return NULL;
}

const struct host *policy_host(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->hosts.count; i++)
		if (strcmp(policy->hosts.items[i].name, name) == 0)
			return &policy->hosts.items[i];
	return NULL;
}

const struct network *policy_network(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->networks.count; i++)
		if (strcmp(policy->networks.items[i].name, name) == 0)
			return &policy->networks.items[i];
	return NULL;
}

const struct service *policy_service(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->services.count; i++)
		if (strcmp(policy->services.items[i].name, name) == 0)
			return &policy->services.items[i];
	return NULL;
}

static int compare_mac(const void *key, const void *item)
{
	const struct mac *mac = key;
	const struct sole_mac *sole = item;
	return memcmp(mac->bytes, sole->mac.bytes, sizeof(mac->bytes));
}

const struct host *policy_host_by_mac(const struct policy *policy, const struct mac *mac)
{
	const struct sole_mac *sole =
	        policy->sole_mac_count ? bsearch(mac, policy->sole_macs, policy->sole_mac_count,
	                                         sizeof(*policy->sole_macs), compare_mac)
	                               : NULL;
	return sole ? sole->host : NULL;
}

bool service_item_covers(const struct service_item *item, uint8_t protocol, uint16_t port)
{
	if (item->protocol != protocol)
		return false;
	if (!protocol_has_ports(protocol) && !protocol_has_types(protocol))
		return true;
	return item->from <= port && port <= item->to;
}

/* True when the first names the port more closely than the second (NULL: nothing does yet). */
static bool names_closer(const struct service *a, unsigned a_width, const struct service *b,
                         unsigned b_width)
{
	if (!b || a_width != b_width)
		return !b || a_width < b_width;
	/* A service of many ports is a group that somebody put together: "business", "web". */
	if (a->resolved.count != b->resolved.count)
		return a->resolved.count < b->resolved.count;
	return b->shipped && !a->shipped;
}

const struct service *policy_service_for(const struct policy *policy, uint8_t protocol,
                                         uint16_t port)
{
	const struct service *best = NULL;
	unsigned best_width = 0;
	for (size_t i = 0; i < policy->services.count; i++) {
		const struct service *service = &policy->services.items[i];
		for (size_t j = 0; j < service->resolved.count; j++) {
			const struct service_item *item = &service->resolved.items[j];
			unsigned width = (unsigned)(item->to - item->from);
			if (service_item_covers(item, protocol, port) &&
			    names_closer(service, width, best, best_width)) {
				best = service;
				best_width = width;
			}
		}
	}
	return best;
}

static bool tells_contacts(const struct policy *policy, const struct role *role)
{
	const enum detection_key key = DETECTION_TRW_ENABLED;
	const struct detection *says =
	        role->detection.given[key] ? &role->detection : &policy->detection;
	return says->given[key] && says->values[key];
}

bool policy_tells_contacts(const struct policy *policy, const struct role *role)
{
	if (role)
		return tells_contacts(policy, role);
	for (size_t i = 0; i < policy->roles.count; i++)
		if (tells_contacts(policy, &policy->roles.items[i]))
			return true;
	return false;
}

const struct word *policy_inside_entry(const struct policy *policy, const char *interface)
{
	for (size_t i = 0; i < policy->gateway.inside.count; i++) {
		const struct word *entry = &policy->gateway.inside.items[i];
		size_t n = strlen(entry->text);
		if (n && entry->text[n - 1] == '*' ? strncmp(entry->text, interface, n - 1) == 0
		                                   : strcmp(entry->text, interface) == 0)
			return entry;
	}
	return NULL;
}

bool policy_is_inside(const struct policy *policy, const char *interface)
{
	return policy_inside_entry(policy, interface) != NULL;
}

const char *policy_nearest_host(const struct policy *policy, const char *name)
{
	struct spelling spelling = {.written = name};
	for (size_t i = 0; i < policy->hosts.count; i++)
		spelling_offer(&spelling, policy->hosts.items[i].name);
	return spelling.nearest;
}

const char *policy_nearest_service(const struct policy *policy, const char *name)
{
	struct spelling spelling = {.written = name};
	for (size_t i = 0; i < policy->services.count; i++)
		spelling_offer(&spelling, policy->services.items[i].name);
	return spelling.nearest;
}
