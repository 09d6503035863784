/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "question.h"

#include "base/protocol.h"
#include "inside.h"
#include "kernel/route.h"
#include "policy/runtime.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

int question_find_origin(struct question *question, const char *interface)
{
	struct connection *connection = &question->connection;
	struct route route = {};
	int r = route_lookup(&connection->source, &route);
	if (r < 0)
		return r;
	bool routed = r == 0;
	int there = interface ? interface_exists(interface) : true;
	if (there < 0)
		return there;
	question->interface = interface;
	question->absent = !there;
	if (routed && !route.local)
		memcpy(question->routed, route.interface, sizeof(question->routed));
	bool route_inside =
	        routed && !route.local && policy_is_inside(question->policy, route.interface);

	if (!interface && routed && route.local) {
		connection->origin = ORIGIN_SELF;
	} else if (!interface) {
		bool inside =
		        routed ? route_inside
		               : policy_host_at(question->policy, &connection->source) != NULL;
		connection->origin = inside ? ORIGIN_INSIDE : ORIGIN_OUTSIDE;
	} else if (policy_is_inside(question->policy, interface)) {
		connection->origin = ORIGIN_INSIDE;
		connection->spoofed =
		        !routed || route.local || strcmp(route.interface, interface) != 0;
	} else {
		connection->origin = ORIGIN_OUTSIDE;
		connection->spoofed = route_inside;
	}
	return 0;
}

int question_find_end(struct question *question)
{
	struct route route = {};
	int r = route_lookup(&question->connection.destination, &route);
	if (r < 0)
		return r;
	question->ends_here = r == 0 && route.local;
	return 0;
}

int question_find_mac(struct question *question, const char *mac)
{
	struct connection *connection = &question->connection;
	const struct host *host = policy_host_at(question->policy, &connection->source);

	if (mac) {
		connection->has_mac = true;
		return mac_parse(mac, &connection->mac);
	}
	if (host && host->mac_count) {
		connection->has_mac = true;
		connection->mac = host->macs[0];
	}
	return 0;
}

int question_find_service(struct question *question, const char *service)
{
	char hint[HINT_MAX];
	question->service = service;

	const struct service *named = policy_service(question->policy, service);
	if (named) {
		question->items = named->resolved.items;
		question->item_count = named->resolved.count;
		return 0;
	}
	if (literal_parse(service, &question->literal, hint) != LITERAL_OK)
		return -EINVAL;
	question->items = &question->literal;
	question->item_count = 1;
	return 0;
}

static bool fits_family(const struct service_item *item, enum family family)
{
	if (item->protocol == IPPROTO_ICMP)
		return family == FAMILY_IPV4;
	if (item->protocol == IPPROTO_ICMPV6)
		return family == FAMILY_IPV6;
	return true;
}

static void boundary(uint32_t candidate, uint32_t after, uint32_t *next)
{
	if (candidate > after && candidate < *next)
		*next = candidate;
}

static void boundaries(const struct permission *permission, uint32_t port, uint32_t *next)
{
	for (size_t i = 0; i < permission->resolved.count; i++) {
		boundary(permission->resolved.items[i].from, port, next);
		boundary(permission->resolved.items[i].to + 1u, port, next);
	}
}

/* The next port at which a permission of one of the two roles, or a permit, begins or ends; else
 * past `to`. */
static uint32_t next_boundary(const struct policy *policy,
                              const struct permission_list *const lists[2], uint32_t port,
                              uint32_t to)
{
	uint32_t next = to + 1;
	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; lists[l] && i < lists[l]->count; i++)
			boundaries(lists[l]->items[i], port, &next);
	for (size_t i = 0; policy->runtime && i < policy->runtime->permits.count; i++)
		boundaries(&policy->runtime->permits.items[i].permission, port, &next);
	return next;
}

/* Judges one item, at every port where the answer could change; the first offence ends it. */
static void judge_item(struct question *question, const struct service_item *item,
                       struct judgement *ret_judgement)
{
	struct connection *connection = &question->connection;
	connection->protocol = item->protocol;
	connection->has_port =
	        protocol_has_ports(item->protocol) || protocol_has_types(item->protocol);

	for (uint32_t port = item->from; port <= item->to;) {
		connection->port = (uint16_t)port;
		judge(question->policy, connection, ret_judgement);
		if (!ret_judgement->permitted)
			return;
		const struct host *source = ret_judgement->source;
		const struct host *destination = ret_judgement->destination;
		const struct permission_list *const lists[2] = {
		        source ? &source->role->may_initiate : NULL,
		        destination ? &destination->role->may_be_reached : NULL,
		};
		port = next_boundary(question->policy, lists, port, item->to);
	}
}

int question_judge(struct question *question, struct judgement *ret_judgement)
{
	bool any = false;
	for (size_t i = 0; i < question->item_count; i++) {
		if (!fits_family(&question->items[i], question->connection.source.family))
			continue;
		any = true;
		judge_item(question, &question->items[i], ret_judgement);
		if (!ret_judgement->permitted)
			return 0;
	}
	return any ? 0 : -EINVAL;
}

struct judgement question_unjudged(const struct question *question)
{
	return (struct judgement){
	        .permitted = true,
	        .passes = true,
	        .source = policy_host_at(question->policy, &question->connection.source),
	        .destination = policy_host_at(question->policy, &question->connection.destination),
	};
}

bool question_is_unjudged(const struct question *question, const struct judgement *judgement)
{
	return question->connection.origin == ORIGIN_OUTSIDE && !judgement->offence_count &&
	       !(judgement->destination && judgement->destination->role->judged_inbound);
}
