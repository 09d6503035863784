/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/judge.h"

#include "base/protocol.h"
#include "policy/runtime.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* The ranges are sorted and disjoint: the last one that begins at or before the address decides. */
static bool network_contains(const struct network *network, const struct address *address)
{
	size_t low = 0, high = network->range_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&network->ranges[middle].from, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low && range_contains(&network->ranges[low - 1], address);
}

static bool peer_contains(const struct policy *policy, const struct peer *peer,
                          const struct address *address)
{
	const struct host *host;

	switch (peer->kind) {
	case PEER_RANGE:
		return range_contains(&peer->range, address);
	case PEER_NETWORK:
		return network_contains(peer->network, address);
	case PEER_HOST:
		return policy_host_at(policy, address) == peer->host;
	case PEER_ROLE:
		host = policy_host_at(policy, address);
		return host && host->role == peer->role;
	}
	return false;
}

static const struct peer *find_peer(const struct policy *policy, const struct peer *peers,
                                    size_t count, const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (peer_contains(policy, &peers[i], address))
			return &peers[i];
	return NULL;
}

/* icmp is a protocol of IPv4 and icmpv6 one of IPv6: across, the numbers mean nothing. */
static bool protocol_fits_family(uint8_t protocol, enum family family)
{
	if (!protocol_has_types(protocol))
		return true;
	uint8_t icmp;
	return protocol_parse(family == FAMILY_IPV4 ? "icmp" : "icmpv6", &icmp) == 0 &&
	       icmp == protocol;
}

/* True when a connection of that family which the item permits gets the item's helper. */
static bool assigns_helper(const struct policy *policy, const struct service_item *item,
                           enum family family)
{
	return item->helper &&
	       (policy_helper_families(policy, item->helper, item->protocol) & FAMILY_BIT(family));
}

static const struct service_item *find_item(const struct policy *policy,
                                            const struct service_items *items,
                                            const struct connection *connection, bool with_helper)
{
	bool needs_port = protocol_has_ports(connection->protocol) ||
	                  protocol_has_types(connection->protocol);
	if (needs_port && !connection->has_port)
		return NULL;
	if (!protocol_fits_family(connection->protocol, connection->source.family))
		return NULL;

	for (size_t i = 0; i < items->count; i++) {
		const struct service_item *item = &items->items[i];
		if (service_item_covers(item, connection->protocol, connection->port) &&
		    assigns_helper(policy, item, connection->source.family) == with_helper)
			return item;
	}
	return NULL;
}

/*
 * The first permission that covers the connection towards (or from) the address. Entries that
 * assign a helper come first, as in the table: a connection that may have one gets it.
 */
static bool find_permission(const struct policy *policy, const struct permission_list *list,
                            const struct connection *connection, const struct address *peer,
                            struct judgement *judgement)
{
	for (int with_helper = 1; with_helper >= 0; with_helper--) {
		for (size_t i = 0; i < list->count; i++) {
			const struct permission *permission = list->items[i];
			const struct service_item *item =
			        find_item(policy, &permission->resolved, connection, with_helper);
			if (!item)
				continue;
			if (!permission->any_peer && !find_peer(policy, permission->resolved_peers,
			                                        permission->peer_count, peer))
				continue;
			judgement->at = permission->at;
			if (!judgement->helper && with_helper)
				judgement->helper = item->helper;
			return true;
		}
	}
	return false;
}

static void offend(struct judgement *judgement, enum reason reason, const struct role *role,
                   enum mode mode, struct location at)
{
	judgement->offences[judgement->offence_count++] = (struct offence){
	        .reason = reason,
	        .role = role,
	        .mode = mode,
	        .at = at,
	};
}

static bool mac_belongs(const struct host *host, const struct connection *connection)
{
	if (!connection->has_mac)
		return false;
	for (size_t i = 0; i < host->mac_count; i++)
		if (memcmp(host->macs[i].bytes, connection->mac.bytes,
		           sizeof(connection->mac.bytes)) == 0)
			return true;
	return false;
}

/*
 * The gateway's own connections are judged where only its host is known; what comes in with one of
 * its addresses is none of them.
 */
static bool permit_is_for(const struct permit *permit, const struct connection *connection,
                          const struct host *host)
{
	bool own = connection->origin == ORIGIN_SELF;
	if (permit->host)
		return permit->host == host && host->self == own;
	return !own && address_compare(&permit->address, &connection->source) == 0;
}

/* The first permit that covers the connection of that host, or of nobody's address (NULL). */
static bool find_permit(const struct policy *policy, const struct connection *connection,
                        const struct host *host, struct judgement *judgement)
{
	size_t count = policy->runtime ? policy->runtime->permits.count : 0;
	for (size_t i = 0; i < count; i++) {
		const struct permit *permit = &policy->runtime->permits.items[i];
		const struct permission *permission = &permit->permission;
		const struct permission_list list = {.items = &permission, .count = 1};
		if (permit_is_for(permit, connection, host) &&
		    find_permission(policy, &list, connection, &connection->destination, judgement))
			return true;
	}
	return false;
}

/* Of what is in quarantine nothing comes in from inside, in audit either. */
static bool is_in_quarantine(const struct policy *policy, const struct connection *connection,
                             struct judgement *judgement)
{
	const struct host *owner = NULL;
	const struct quarantine *quarantine = NULL;
	if (connection->origin == ORIGIN_INSIDE)
		quarantine =
		        policy_quarantine(policy, &connection->source,
		                          connection->has_mac ? &connection->mac : NULL, &owner);
	if (!quarantine)
		return false;
	judgement->source = owner;
	offend(judgement, REASON_QUARANTINE, owner ? owner->role : NULL, MODE_ENFORCE,
	       quarantine->at);
	return true;
}

static void judge_outbound(const struct policy *policy, const struct connection *connection,
                           struct judgement *judgement)
{
	const struct gateway *gateway = &policy->gateway;

	if (is_in_quarantine(policy, connection, judgement))
		return;
	if (connection->spoofed) {
		offend(judgement, REASON_SPOOFED, NULL, gateway->mode, gateway->at);
		return;
	}
	if (connection->origin == ORIGIN_OUTSIDE)
		return; /* only inbound is judged */
	if (connection->origin == ORIGIN_SELF && !policy->self)
		return; /* nobody said what the gateway may do */

	const struct host *host = policy->self;
	bool by_address = false;
	if (connection->origin == ORIGIN_INSIDE) {
		host = policy_host_at(policy, &connection->source);
		by_address = host != NULL;
		if (!host && connection->has_mac)
			host = policy_host_by_mac(policy, &connection->mac);
	}
	judgement->source = host;
	if (by_address && host->mac_count && !mac_belongs(host, connection)) {
		offend(judgement, REASON_IMPOSTOR, host->role, host->effective_mode, host->at);
		return;
	}

	const struct peer *blocked =
	        find_peer(policy, policy->blocked_peers, policy->blocked_peer_count,
	                  &connection->destination);
	/* Permits come last in a role; where no address leads to the role they come before. */
	if (!blocked && !by_address && find_permit(policy, connection, host, judgement))
		return;
	if (!host) {
		offend(judgement, REASON_UNASSIGNED, NULL, gateway->mode, gateway->at);
		return;
	}
	if (blocked) {
		offend(judgement, REASON_BLOCKLIST, host->role, host->effective_mode, blocked->at);
		return;
	}
	if (find_permission(policy, &host->role->may_initiate, connection, &connection->destination,
	                    judgement))
		return;
	if (!by_address || !find_permit(policy, connection, host, judgement))
		offend(judgement, REASON_ROLE, host->role, host->effective_mode, host->role->at);
}

static void judge_inbound(const struct policy *policy, const struct connection *connection,
                          struct judgement *judgement)
{
	const struct host *host = policy_host_at(policy, &connection->destination);
	judgement->destination = host;
	if (!host || host->self || !host->role->judged_inbound)
		return; /* what is sent to the gateway itself never crosses it */

	if (!find_permission(policy, &host->role->may_be_reached, connection, &connection->source,
	                     judgement))
		offend(judgement, REASON_INBOUND, host->role, host->effective_mode, host->role->at);
}

void judge(const struct policy *policy, const struct connection *connection,
           struct judgement *ret_judgement)
{
	struct judgement judgement = {};

	judge_outbound(policy, connection, &judgement);
	judgement.passes = !judgement.offence_count || judgement.offences[0].mode == MODE_AUDIT;
	if (judgement.passes)
		judge_inbound(policy, connection, &judgement);
	else
		judgement.destination = policy_host_at(policy, &connection->destination);

	judgement.permitted = !judgement.offence_count;
	for (size_t i = 0; i < judgement.offence_count; i++)
		if (judgement.offences[i].mode != MODE_AUDIT)
			judgement.passes = false;
	if (!judgement.passes)
		judgement.helper = NULL;

	*ret_judgement = judgement;
}

static enum mode mode_of_role(const struct policy *policy, const char *name,
                              const struct host *host)
{
	if (host && name && strcmp(host->role->name, name) == 0)
		return host->effective_mode;
	const struct role *role = name ? policy_role(policy, name) : NULL;
	return role ? role->effective_mode : policy->gateway.mode;
}

enum mode judged_mode(const struct policy *policy, enum reason reason, const char *role,
                      const struct host *host)
{
	switch (reason) {
	case REASON_QUARANTINE:
		return MODE_ENFORCE;
	case REASON_SPOOFED:
	case REASON_UNASSIGNED:
		return policy->gateway.mode;
	case REASON_IMPOSTOR:
	case REASON_BLOCKLIST:
	case REASON_ROLE:
	case REASON_THROTTLE:
	case REASON_INBOUND:
		return mode_of_role(policy, role, host);
	}
	abort(); /* no other value is ever made */
}

enum swap judgement_swap(const struct connection *connection, const struct judgement *judgement)
{
	if (connection->protocol != IPPROTO_TCP || !connection->has_port)
		return SWAP_NEVER;
	if (!judgement->offence_count)
		return connection->origin == ORIGIN_OUTSIDE ? SWAP_ALWAYS : SWAP_PICKED_UP;
	switch (judgement->offences[0].reason) {
	case REASON_QUARANTINE:
	case REASON_SPOOFED:
	case REASON_IMPOSTOR:
		return SWAP_NEVER;
	case REASON_INBOUND:
		return connection->origin == ORIGIN_OUTSIDE ? SWAP_ALWAYS : SWAP_PICKED_UP;
	case REASON_THROTTLE:
		return SWAP_PICKED_UP;
	case REASON_UNASSIGNED:
	case REASON_BLOCKLIST:
	case REASON_ROLE:
		return SWAP_ALWAYS;
	}
	abort(); /* no other value is ever made */
}

void judge_swapped(const struct policy *policy, const struct connection *connection,
                   uint16_t source_port, enum origin other, struct judgement *ret_judgement)
{
	const struct connection swapped = {
	        .origin = other,
	        .source = connection->destination,
	        .destination = connection->source,
	        .protocol = connection->protocol,
	        .has_port = connection->has_port,
	        .port = source_port,
	};

	/* Connections to the gateway are not judged. */
	if (connection->origin == ORIGIN_SELF)
		*ret_judgement = (struct judgement){.permitted = true, .passes = true};
	else
		judge(policy, &swapped, ret_judgement);
}
