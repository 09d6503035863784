/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/runtime.h"
#include "ruleset/compiler.h"
#include "ruleset/names.h"

#include <netinet/in.h>

/*
 * A connection that is older than the kernel's table of connections begins anew there with
 * whichever end sends next. When the server does, conntrack takes the server for the initiator. So
 * a segment is judged with its ends swapped as well: in the pickup window one of a connection that
 * conntrack does not know, and at any time one of a connection that was picked up before. The rules
 * below ask the same sets as those of the roles, with source and destination exchanged.
 *
 * What a host's own role permits is the host's own. What comes from outside is judged with its ends
 * swapped first: that anybody may reach a host says nothing about who initiated a connection.
 */

#define CHAIN_SWAPPED_INSIDE CHAIN_SWAPPED ".from_inside"
#define CHAIN_SWAPPED_MAC    CHAIN_SWAPPED ".bound"
#define CHAIN_OUTSIDE_PICKUP CHAIN_PICKUP ".from_outside"
#define CHAIN_OUTSIDE_SERVER CHAIN_PICKUP ".from_outside.server"
#define CHAIN_INBOUND_PICKUP CHAIN_PICKUP ".inbound"
#define CHAIN_NOBODYS_PICKUP CHAIN_PICKUP ".unassigned"

/* Of an entrance for what audit lets pass in any case. */
#define PASSING ".passing"

static const struct location nowhere;

bool pickup_window_is_open(const struct compiler *c)
{
	const struct runtime *runtime = c->policy->runtime;
	return runtime && runtime->pickup.until > c->now;
}

bool connections_are_picked_up(const struct compiler *c)
{
	return pickup_window_is_open(c) || (c->policy->runtime && c->policy->runtime->pickup.known);
}

static void make_sets(struct compiler *c)
{
	struct builder *b = &c->builder;
	const struct runtime *runtime = c->policy->runtime;
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (int family = 0; family < FAMILY_COUNT; family++)
		build_set(b, &(struct set){.name = set_picked_up((enum family)family),
		                           .type = family == FAMILY_IPV4 ? SET_IPV4_FLOW
		                                                         : SET_IPV6_FLOW,
		                           .dynamic = true,
		                           .learning = true,
		                           .timeout = PICKED_UP_SECONDS,
		                           .size = PICKED_UP_MAX});
	if (!pickup_window_is_open(c))
		return;
	/* The kernel ends the window, whatever becomes of the daemon. */
	build_set(b, &(struct set){.name = SET_PICKUP_WINDOW, .type = SET_PROTOCOL, .timed = true});
	struct life before = b->life;
	set_life(c, runtime->pickup.until, runtime->pickup.comment);
	for (size_t i = 0; i < ELEMENTS_OF(protocols); i++)
		build_element(b, SET_PICKUP_WINDOW, &protocols[i], 1, NULL, nowhere);
	b->life = before;
}

static struct statement match_picked_up(enum family family)
{
	return (struct statement){
	        .kind = MATCH_FLOW_SET, .family = family, .name = set_picked_up(family)};
}

static struct statement remember(enum family family)
{
	return (struct statement){
	        .kind = ACTION_UPDATE_FLOW, .family = family, .name = set_picked_up(family)};
}

/*
 * Where all ends that the policy permits with its ends swapped. A datagram is dropped and not
 * refused: an answer from port 53 would otherwise open every host that may use DNS, and the
 * client's next datagram begins the connection as it should.
 */
static void write_pick_up(struct compiler *c)
{
	struct builder *b = &c->builder;
	static const struct statement udp = {.kind = MATCH_PROTOCOL, .value = IPPROTO_UDP};
	static const struct statement known = {.kind = MATCH_CT_ESTABLISHED};
	static const struct statement accept = {.kind = VERDICT_ACCEPT};
	static const struct statement drop = {.kind = VERDICT_DROP};
	bool audit = c->policy->gateway.mode == MODE_AUDIT;

	build_chain(b, CHAIN_PICK_UP, "permitted, initiated by the other end", nowhere);
	RULE(b, CHAIN_PICK_UP, "not refused: the client sends next", nowhere, udp, drop);
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, CHAIN_PICK_UP, NULL, nowhere, known, match_picked_up((enum family)family),
		     remember((enum family)family), accept);
	RULE(b, CHAIN_PICK_UP, "the daemon finds out who initiated it", nowhere, known, drop);
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, CHAIN_PICK_UP, NULL, nowhere, remember((enum family)family), accept);
	if (!audit)
		RULE(b, CHAIN_PICK_UP, "the set is full", nowhere, drop);
}

static void write_known(struct compiler *c, const char *chain, struct statement then)
{
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(&c->builder, chain, NULL, nowhere, {.kind = MATCH_TCP_NO_SYN},
		     match_picked_up((enum family)family), then);
}

/* Segments of which conntrack knows no beginning, and those of connections picked up before. */
static void write_entrance(struct compiler *c, const char *chain, const char *target)
{
	const struct statement then = to_chain(VERDICT_GOTO, target);
	if (pickup_window_is_open(c))
		RULE(&c->builder, chain, NULL, nowhere,
		     to_chain(MATCH_PROTOCOL_SET, SET_PICKUP_WINDOW), {.kind = MATCH_CT_NEW},
		     {.kind = MATCH_TCP_ACK}, then);
	write_known(c, chain, then);
}

/*
 * What is blocked, and not only told: datagrams; and while flows are judged again, segments whose
 * connection conntrack may have turned round.
 */
static void write_blocked_entrance(struct compiler *c, const char *chain, const char *target)
{
	struct builder *b = &c->builder;
	const struct statement window = to_chain(MATCH_PROTOCOL_SET, SET_PICKUP_WINDOW);
	const struct statement then = to_chain(VERDICT_GOTO, target);
	if (!pickup_window_is_open(c))
		return;
	RULE(b, chain, NULL, nowhere, window, {.kind = MATCH_CT_NEW},
	     {.kind = MATCH_PROTOCOL, .value = IPPROTO_UDP}, then);
	RULE(b, chain, NULL, nowhere, window, {.kind = MATCH_CT_ESTABLISHED},
	     {.kind = MATCH_TCP_ACK}, then);
}

static bool has_self(const struct compiler *c, const struct role *role)
{
	return c->policy->self && c->policy->self->role == role;
}

static bool has_host_without_address(const struct compiler *c, const struct role *role)
{
	for (size_t i = 0; i < c->policy->hosts.count; i++) {
		const struct host *host = &c->policy->hosts.items[i];
		if (host->role == role && host->mac_count && !host->range_count)
			return true;
	}
	return false;
}

/*
 * A host with only MACs has its role by what it sends. What is sent to its address, which is
 * nobody's, no inbound judges.
 */
static void pass_nobodys(struct compiler *c, const char *chain, const struct role *role)
{
	const struct peer all = {.kind = PEER_ROLE, .role = role, .at = role->at};
	struct peer_sets sets = compile_peer(c, &all);
	for (int i = 0; i < FAMILY_COUNT; i++) {
		enum family family = (enum family)i;
		struct statement statements[3];
		size_t n = 0;
		if (sets.set[family])
			statements[n++] = match_address(family, SIDE_SOURCE, sets.set[family]);
		if (role_is_assigned(c, role, family))
			statements[n++] = assigned_to(c, role, family, SIDE_SOURCE);
		for (size_t j = 0; j < n; j++)
			statements[j].inverted = true;
		if (!n)
			statements[n++] =
			        (struct statement){.kind = MATCH_FAMILY, .family = family};
		statements[n++] = to_chain(VERDICT_GOTO, CHAIN_SWAPPED);
		build_rule(&c->builder, RULE_ALWAYS, chain, NULL, role->at, statements, n);
	}
}

/* "swapped_inbound_ROLE": may the other end have initiated it to a host of that role? */
static const char *compile_swapped_inbound(struct compiler *c, const struct role *role)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, CHAIN_SWAPPED "_inbound_%s", role->name);
	if (!role->judged_inbound && !has_self(c, role))
		return CHAIN_SWAPPED;
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	/* Which makes the sets that the permissions ask for below. */
	if (role->judged_inbound)
		compile_inbound(c, role, role->effective_mode);
	build_chain(b, name, NULL, role->at);
	if (has_self(c, role))
		RULE(b, name, "connections to the gateway are not judged", role->at,
		     {.kind = MATCH_FIB_OWN}, to_chain(VERDICT_GOTO, CHAIN_PICK_UP));
	if (role->judged_inbound && has_host_without_address(c, role))
		pass_nobodys(c, name, role);
	if (role->judged_inbound)
		compile_swapped(c, role, DIRECTION_INBOUND, name,
		                to_chain(VERDICT_GOTO, CHAIN_SWAPPED));
	else
		RULE(b, name, NULL, role->at, to_chain(VERDICT_GOTO, CHAIN_SWAPPED));
	return name;
}

static const char older[] = "does it continue an older connection?";

/* The entrance for what the role (NULL: an address of nobody) does not permit. */
static const char *compile_entrance(struct compiler *c, const struct role *role, bool blocked)
{
	struct builder *b = &c->builder;
	const char *suffix = blocked ? "" : PASSING;
	const char *name = role ? build_name(b, CHAIN_PICKUP "_%s%s", role->name, suffix)
	                        : build_name(b, CHAIN_NOBODYS_PICKUP "%s", suffix);
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	const char *target = role ? compile_swapped_inbound(c, role) : CHAIN_SWAPPED;
	build_chain(b, name, older, role ? role->at : nowhere);
	write_entrance(c, name, target);
	if (blocked)
		write_blocked_entrance(c, name, target);
	return name;
}

/* The entrance for what a host's inbound blocks. It does not know whose inbound the other end would
 * meet, so that is for what comes from outside. */
static const char *compile_inbound_entrance(struct compiler *c)
{
	struct builder *b = &c->builder;
	static const struct statement back = {.kind = VERDICT_RETURN};
	if (b->error || ruleset_chain(b->ruleset, CHAIN_INBOUND_PICKUP))
		return CHAIN_INBOUND_PICKUP;

	build_chain(b, CHAIN_INBOUND_PICKUP, older, nowhere);
	from_inside_rules(c, CHAIN_INBOUND_PICKUP, NULL, back);
	if (c->policy->self)
		RULE(b, CHAIN_INBOUND_PICKUP, NULL, nowhere, {.kind = MATCH_FIB_OWN}, back);
	/* It is sent to a host. The kernel allows 16 chains in a row, and this is the end of the
	 * longest. */
	write_blocked_entrance(c, CHAIN_INBOUND_PICKUP, CHAIN_SWAPPED_INSIDE);
	return CHAIN_INBOUND_PICKUP;
}

static const char *compile_outside_server(struct compiler *c, const struct role *role,
                                          enum mode mode)
{
	(void)mode; /* no mode permits anything */
	return compile_swapped_inbound(c, role);
}

/* A host may be behind an interface that is not inside: its inbound is judged there as well. */
static const char *compile_outside_servers(struct compiler *c)
{
	struct builder *b = &c->builder;
	if (!inbound_is_judged(c->policy))
		return CHAIN_SWAPPED;
	build_chain(b, CHAIN_OUTSIDE_SERVER, "whose inbound would it have met?", nowhere);
	compile_swapped_ends(c, CHAIN_OUTSIDE_SERVER, SIDE_SOURCE, compile_outside_server,
	                     compile_outside_server);
	RULE(b, CHAIN_OUTSIDE_SERVER, NULL, nowhere, to_chain(VERDICT_GOTO, CHAIN_SWAPPED));
	return CHAIN_OUTSIDE_SERVER;
}

void write_outside_pickup(struct compiler *c, const char *chain)
{
	struct builder *b = &c->builder;
	if (!connections_are_picked_up(c))
		return;
	build_chain(b, CHAIN_OUTSIDE_PICKUP, older, nowhere);
	write_entrance(c, CHAIN_OUTSIDE_PICKUP, compile_outside_servers(c));
	RULE(b, chain, NULL, nowhere, to_chain(VERDICT_JUMP, CHAIN_OUTSIDE_PICKUP));
}

void write_pickup(struct compiler *c, const char *chain, enum reason reason,
                  const struct role *role, bool blocked)
{
	const char *entrance = NULL;
	if (!connections_are_picked_up(c))
		return;
	switch (reason) {
	case REASON_QUARANTINE:
	case REASON_SPOOFED:
	case REASON_IMPOSTOR:
	case REASON_THROTTLE:
		return; /* it is not whoever it says it is, or the role permits it */
	case REASON_UNASSIGNED:
	case REASON_BLOCKLIST:
	case REASON_ROLE:
		entrance = compile_entrance(c, role, blocked);
		break;
	case REASON_INBOUND:
		if (!blocked || !pickup_window_is_open(c))
			return;
		entrance = compile_inbound_entrance(c);
		break;
	}
	RULE(&c->builder, chain, NULL, role ? role->at : nowhere, to_chain(VERDICT_JUMP, entrance));
}

/* "swapped_outbound_ROLE": may a host of the role have initiated what is sent to it? */
static const char *compile_swapped_outbound(struct compiler *c, const struct role *role,
                                            enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, CHAIN_SWAPPED "_outbound_%s", role->name);
	(void)mode; /* no mode permits anything */
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, NULL, role->at);
	return_blocked(c, name, SIDE_SOURCE);
	compile_swapped(c, role, DIRECTION_OUTBOUND, name, to_chain(VERDICT_GOTO, CHAIN_PICK_UP));
	write_swapped_permits(c, name, role, CHAIN_PICK_UP);
	return name;
}

/* Where hosts with MACs lead to: what is sent to one does not show its MAC. */
static const char *compile_bound_end(struct compiler *c, const struct role *role, enum mode mode)
{
	build_chain(&c->builder, CHAIN_SWAPPED_MAC,
	            "not picked up: nothing shows the MAC of the destination", nowhere);
	return CHAIN_SWAPPED_MAC;
}

void compile_pickup(struct compiler *c)
{
	struct builder *b = &c->builder;
	const struct words *inside = &c->policy->gateway.inside;
	if (!connections_are_picked_up(c))
		return;

	make_sets(c);
	write_pick_up(c);
	build_chain(b, CHAIN_SWAPPED, "which host would have initiated it?", nowhere);
	for (size_t i = 0; i < inside->count; i++)
		RULE(b, CHAIN_SWAPPED, NULL, inside->items[i].at,
		     match_interface(c, MATCH_OIFNAME, &inside->items[i]),
		     to_chain(VERDICT_GOTO, CHAIN_SWAPPED_INSIDE));
	RULE(b, CHAIN_SWAPPED, "from outside", nowhere, to_chain(VERDICT_GOTO, CHAIN_PICK_UP));

	build_chain(b, CHAIN_SWAPPED_INSIDE, NULL, nowhere);
	return_quarantined(c, CHAIN_SWAPPED_INSIDE);
	compile_swapped_ends(c, CHAIN_SWAPPED_INSIDE, SIDE_DESTINATION, compile_swapped_outbound,
	                     compile_bound_end);
	write_swapped_permits(c, CHAIN_SWAPPED_INSIDE, NULL, CHAIN_PICK_UP);
}
