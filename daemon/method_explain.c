/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "methods.h"

#include "base/protocol.h"
#include "kernel/route.h"
#include "policy/judge.h"
#include "policy/literal.h"
#include "replies.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is asked: one connection but for its service, which may stand for several. */
struct question {
	const struct policy *policy;
	struct connection connection;
	const char *service; /* as it was asked for */
	bool ends_here;      /* the destination is an address of the gateway */
	struct service_item literal;
	const struct service_item *items;
	size_t item_count;
};

/*
 * Where would such a packet come from? The interface says it, or else the route to its source. A
 * host without any route, as on a gateway still being set up, is taken to be where it belongs.
 */
static int find_origin(struct question *question, const char *interface)
{
	struct connection *connection = &question->connection;
	struct route route = {};
	int r = route_lookup(&connection->source, &route);
	if (r < 0)
		return r;
	bool routed = r == 0;
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

static int find_end(struct question *question)
{
	struct route route = {};
	int r = route_lookup(&question->connection.destination, &route);
	if (r < 0)
		return r;
	question->ends_here = r == 0 && route.local;
	return 0;
}

/* The MAC that was given, or the one that the source ought to have. */
static int find_mac(struct question *question, const char *mac)
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

static int find_service(struct question *question, const char *service)
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

/* The next port at which a permission of one of the two roles begins or ends; else past `to`. */
static uint32_t next_boundary(const struct permission_list *const lists[2], uint32_t port,
                              uint32_t to)
{
	uint32_t next = to + 1;
	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; lists[l] && i < lists[l]->count; i++) {
			const struct service_items *items = &lists[l]->items[i]->resolved;
			for (size_t j = 0; j < items->count; j++) {
				boundary(items->items[j].from, port, &next);
				boundary(items->items[j].to + 1u, port, &next);
			}
		}
	}
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
		port = next_boundary(lists, port, item->to);
	}
}

static int judge_question(struct question *question, struct judgement *ret_judgement)
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

/* "tcp/25", "icmp/echo-request", "gre" */
static void print_traffic(const struct connection *connection, FILE *out)
{
	char protocol[PROTOCOL_TEXT_MAX];
	const char *type = protocol_has_types(connection->protocol)
	                           ? icmp_type_name(connection->protocol, (uint8_t)connection->port)
	                           : NULL;

	fputs(protocol_print(connection->protocol, protocol), out);
	if (type)
		fprintf(out, "/%s", type);
	else if (connection->has_port)
		fprintf(out, "/%u", connection->port);
}

static void print_party(const struct address *address, const struct host *host, FILE *out)
{
	char text[ADDRESS_TEXT_MAX];
	address_print(address, text);
	if (host)
		fprintf(out, "%s (%s, %s)", host->name, text, host->role->name);
	else
		fputs(text, out);
}

static void print_why(const struct offence *offence, FILE *out)
{
	const char *role = offence->role ? offence->role->name : "";

	switch (offence->reason) {
	case REASON_SPOOFED:
		fputs("the source address does not belong behind that interface", out);
		return;
	case REASON_UNASSIGNED:
		fputs("the source address is no host of the policy", out);
		return;
	case REASON_IMPOSTOR:
		fputs("the MAC is none of that host's", out);
		return;
	case REASON_BLOCKLIST:
		fputs("the destination is on the blocklist", out);
		return;
	case REASON_ROLE:
		fprintf(out, "role %s does not permit it", role);
		return;
	case REASON_INBOUND:
		fprintf(out, "role %s may not be reached like that", role);
		return;
	case REASON_QUARANTINE:
	case REASON_THROTTLE:
		fputs(reason_name(offence->reason), out); /* never comes out of judge() */
		return;
	}
}

/* The verdict on a connection that the table lets by without a look at its host or service. */
static struct judgement unjudged(const struct question *question)
{
	return (struct judgement){
	        .permitted = true,
	        .passes = true,
	        .source = policy_host_at(question->policy, &question->connection.source),
	        .destination = policy_host_at(question->policy, &question->connection.destination),
	};
}

static void print_ruling(const struct question *question, const struct judgement *judgement,
                         FILE *out)
{
	const struct connection *connection = &question->connection;
	const struct offence *offence = judgement->offence_count ? &judgement->offences[0] : NULL;

	print_party(&connection->source, judgement->source, out);
	fprintf(out, " %s initiate ", offence ? "may not" : "may");
	if (offence)
		print_traffic(connection, out);
	else
		fputs(question->service, out);
	fputs(" to ", out);
	print_party(&connection->destination, judgement->destination, out);
	if (offence) {
		fputs(": ", out);
		print_why(offence, out);
	}
}

static void print_end(const struct question *question, const struct judgement *judgement, FILE *out)
{
	fprintf(out, "%s from ", question->service);
	print_party(&question->connection.source, judgement->source, out);
	fputs(" to ", out);
	print_party(&question->connection.destination, judgement->destination, out);
	fputs(" ends at the gateway itself, which egressd does not judge", out);
}

static char *explain(const struct question *question, const struct judgement *judgement)
{
	const struct offence *offence = judgement->offence_count ? &judgement->offences[0] : NULL;
	const struct location *at = offence ? &offence->at : &judgement->at;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;

	if (question->ends_here)
		print_end(question, judgement, out);
	else
		print_ruling(question, judgement, out);
	if (at->file && at->line)
		fprintf(out, " (%s:%u)", at->file, at->line);
	if (offence && judgement->passes)
		fputs("; in audit mode it passes all the same and is counted", out);
	fputc('.', out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* The mode that goes with the verdict: of what blocks it, else of the source, else the gateway's.
 */
static enum mode mode_of(const struct policy *policy, const struct judgement *judgement)
{
	if (judgement->offence_count)
		return judgement->passes ? MODE_AUDIT : MODE_ENFORCE;
	if (judgement->source)
		return judgement->source->effective_mode;
	return policy->gateway.mode;
}

static int answer(struct request *request, const struct question *question,
                  const struct judgement *judgement)
{
	const struct offence *offence = judgement->offence_count ? &judgement->offences[0] : NULL;
	const struct location *at = offence ? &offence->at : &judgement->at;
	const struct host *host = judgement->source;
	const struct role *role = offence ? offence->role : host ? host->role : NULL;
	_cleanup_free_ char *text = explain(question, judgement);
	if (!text)
		return -ENOMEM;

	return request_reply(
	        request,
	        json_pack("{ss so so so so so ss so}", "verdict", offence ? "blocked" : "permitted",
	                  "reason", reply_optional(offence ? reason_name(offence->reason) : NULL),
	                  "host", reply_optional(host ? host->name : NULL), "role",
	                  reply_optional(role ? role->name : NULL), "file",
	                  reply_optional(at->file), "line",
	                  at->line ? json_integer(at->line) : json_null(), "mode",
	                  mode_name(mode_of(question->policy, judgement)), "text",
	                  reply_string(text)));
}

int method_explain(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	struct question question = {.policy = control->enforcement->policy};
	struct connection *connection = &question.connection;
	struct judgement judgement = {};

	if (!question.policy)
		return request_error(request, "io.egressd.NoPolicy",
		                     json_pack("{ss}", "text", "no policy is in force"));
	if (address_parse(parameter_string(parameters, "source"), &connection->source) < 0)
		return request_invalid_parameter(request, "source");
	if (address_parse(parameter_string(parameters, "destination"), &connection->destination) <
	            0 ||
	    connection->destination.family != connection->source.family)
		return request_invalid_parameter(request, "destination");
	if (find_service(&question, parameter_string(parameters, "service")) < 0)
		return request_invalid_parameter(request, "service");
	if (find_mac(&question, parameter_string(parameters, "mac")) < 0)
		return request_invalid_parameter(request, "mac");

	int r = find_origin(&question, parameter_string(parameters, "interface"));
	if (r == 0)
		r = find_end(&question);
	if (r < 0)
		return request_failed(request, "The routing table could not be asked: %s",
		                      strerror(-r));
	if (judge_question(&question, &judgement) < 0)
		return request_invalid_parameter(request, "service");
	if (question.ends_here)
		judgement = unjudged(&question);
	return answer(request, &question, &judgement);
}
