/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compile.h"

#include "base/reason.h"
#include "ruleset/compiler.h"
#include "ruleset/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* linux/netfilter_ipv4.h: NF_IP_PRI_FILTER */
#define PRIORITY_FILTER 0

#define CHAIN_FORWARD        "forward"
#define CHAIN_OUTPUT         "output"
#define CHAIN_CONNECTION     "connection"
#define CHAIN_OWN_CONNECTION "own_connection"
#define CHAIN_RELATED        "related"
#define CHAIN_SPOOFED        "spoofed"
#define CHAIN_UNASSIGNED     "unassigned"

#define SET_ICMP_ERROR          "icmp_error"
#define SET_ICMPV6_ERROR        "icmpv6_error"
#define SET_NEIGHBOUR_DISCOVERY "neighbour_discovery"

/* Flows remembered after they were cut; past that, their packets count as attempts. */
#define REVOKED_FLOWS_MAX 262144

/* Only the closed table has this counter. */
#define COUNTER_CLOSED "blocked_closed"

#define FORWARD_COMMENT "what crosses the gateway"
#define TABLE_COMMENT   "written by egressd: change its configuration, not this"

static const struct location nowhere;

static const struct statement accept_it = {.kind = VERDICT_ACCEPT};
static const struct statement established = {.kind = MATCH_CT_ESTABLISHED};

static void make_type_set(struct builder *b, const char *name, enum set_type type,
                          const uint8_t *types, size_t count)
{
	build_set(b, &(struct set){.name = name, .type = type});
	for (size_t i = 0; i < count; i++)
		build_element(b, name, &types[i], sizeof(types[i]), NULL, nowhere);
}

/* RFC 792 and RFC 4443: messages that report on a packet of another connection. */
static void make_icmp_error_sets(struct builder *b)
{
	static const uint8_t icmp[] = {3, 11, 12};
	static const uint8_t icmpv6[] = {1, 2, 3, 4};
	make_type_set(b, SET_ICMP_ERROR, SET_ICMP_TYPE, icmp, sizeof(icmp));
	make_type_set(b, SET_ICMPV6_ERROR, SET_ICMPV6_TYPE, icmpv6, sizeof(icmpv6));
}

/*
 * The fast path, one rule for all that is established; the rest goes on to be judged. While flows
 * are judged again only their replies pass here. The rules that see to that stand before the fast
 * path rather than in its place: after every rule that is added the kernel walks through all maps
 * that lead to chains, which for many hosts takes longer than all else, and when the fast path
 * comes back there is nothing to add.
 */
static void pass_established(struct builder *b, const char *chain, const char *judge)
{
	RULE_WHEN(b, RULE_JUDGING, chain, "a change is being made: replies only", nowhere,
	          established, {.kind = MATCH_CT_REPLY}, accept_it);
	RULE_WHEN(b, RULE_JUDGING, chain, NULL, nowhere, to_chain(VERDICT_GOTO, judge));
	RULE(b, chain, "replies, and all that was judged before", nowhere, established, accept_it);
	RULE(b, chain, NULL, nowhere, to_chain(VERDICT_GOTO, judge));
}

/* Errors about a connection that is known, in both directions. */
static void write_related(struct builder *b)
{
	build_chain(b, CHAIN_RELATED, "what belongs to a connection that is known", nowhere);
	RULE(b, CHAIN_RELATED, NULL, nowhere, {.kind = MATCH_ICMP_TYPE_SET, .name = SET_ICMP_ERROR},
	     accept_it);
	RULE(b, CHAIN_RELATED, NULL, nowhere,
	     {.kind = MATCH_ICMPV6_TYPE_SET, .name = SET_ICMPV6_ERROR}, accept_it);
}

static void pass_expected(struct builder *b, const char *kind, struct location at)
{
	const struct chain *related = b->error ? NULL : ruleset_chain(b->ruleset, CHAIN_RELATED);
	for (size_t i = 0; related && i < related->rules.count; i++) {
		const struct statement *first = related->rules.items[i].statements;
		if (first->kind == MATCH_CT_HELPER && strcmp(first->name, kind) == 0)
			return;
	}
	RULE(b, CHAIN_RELATED, "data connections of a permitted service", at,
	     to_chain(MATCH_CT_HELPER, kind), accept_it);
}

/*
 * Connections that a helper expects: only one that a permitted service assigned ever does, or one
 * that the kernel gave to a connection which that one expects. No role could know of them when they
 * are judged again.
 */
static void write_expected(struct builder *b)
{
	const struct helper *items = b->ruleset->helpers.items;
	for (size_t i = 0; i < b->ruleset->helpers.count && !b->error; i++) {
		const struct helper_kind *kind = helper_kind(items[i].kind);
		pass_expected(b, items[i].kind, items[i].at);
		for (size_t j = 0; kind && j < HELPER_FOLLOWERS_MAX && kind->followers[j]; j++)
			pass_expected(b, kind->followers[j], items[i].at);
	}
}

static void pass_related(struct builder *b, const char *chain)
{
	RULE(b, chain, NULL, nowhere, {.kind = MATCH_CT_KNOWN},
	     to_chain(VERDICT_JUMP, CHAIN_RELATED));
}

static void make_blocklist(struct compiler *c)
{
	ARRAY(struct address_range) all = {};
	const struct policy *policy = c->policy;

	for (size_t i = 0; i < policy->blocked_peer_count; i++) {
		const struct address_range *ranges;
		size_t count;
		peer_ranges(c, &policy->blocked_peers[i], &ranges, &count);
		if (ARRAY_RESERVE(&all, all.count + count) < 0) {
			c->builder.error = -ENOMEM;
			break;
		}
		if (count)
			memcpy(all.items + all.count, ranges, count * sizeof(*ranges));
		all.count += count;
	}
	all.count = ranges_merge(all.items, all.count);
	if (all.count)
		compile_ranges(c, "blocklist", all.items, all.count, policy->blocked_peers[0].at);
	ARRAY_DONE(&all);
}

static void make_revoked_sets(struct builder *b)
{
	for (int family = 0; family < FAMILY_COUNT; family++)
		build_set(b, &(struct set){.name = set_revoked((enum family)family),
		                           .type = family == FAMILY_IPV4 ? SET_IPV4_FLOW
		                                                         : SET_IPV6_FLOW,
		                           .dynamic = true,
		                           .timeout = REVOKED_SECONDS,
		                           .size = REVOKED_FLOWS_MAX});
}

static void make_base_chains(struct compiler *c)
{
	struct builder *b = &c->builder;
	build_base_chain(b, CHAIN_FORWARD, FORWARD_COMMENT, HOOK_FORWARD, PRIORITY_FILTER, true);
	build_chain(b, CHAIN_CONNECTION, "what is not established yet", nowhere);
	if (c->policy->self) {
		build_base_chain(b, CHAIN_OUTPUT, "what the gateway itself initiates", HOOK_OUTPUT,
		                 PRIORITY_FILTER, true);
		build_chain(b, CHAIN_OWN_CONNECTION, "what is not established yet", nowhere);
	}
	build_chain(b, CHAIN_FROM_INSIDE, "which host is it, and what may its role initiate?",
	            c->policy->gateway.at);
	if (inbound_is_judged(c->policy)) {
		build_chain(b, CHAIN_INBOUND, "what may be initiated to the destination?",
		            c->policy->gateway.at);
		build_chain(b, CHAIN_NOT_JUDGED, "hosts that anybody may reach", nowhere);
	}
}

/* From outside, a source address that the routing table has behind an inside interface is forged.
 */
static void refuse_inside_sources(struct compiler *c)
{
	const struct words *inside = &c->policy->gateway.inside;

	for (size_t i = 0; i < inside->count; i++)
		RULE(&c->builder, CHAIN_CONNECTION, NULL, inside->items[i].at,
		     match_interface(c, MATCH_FIB_OIFNAME, &inside->items[i]),
		     to_chain(VERDICT_GOTO, CHAIN_SPOOFED));
}

/*
 * Before the fast path, if every packet is checked: whoever forges the source of a neighbour's
 * connection can else send along it, for conntrack does not care where a packet came in. A route
 * look-up costs a third of what an established packet costs in all.
 */
static void check_source(struct compiler *c)
{
	const struct statement missing = {.kind = MATCH_FIB_MISSING};
	const struct statement spoofed = to_chain(VERDICT_GOTO, CHAIN_SPOOFED);
	if (c->policy->gateway.check_source == CHECK_SOURCE_PACKET)
		from_inside_rules(c, CHAIN_FORWARD, &missing, spoofed);
	else
		RULE(&c->builder, CHAIN_FROM_INSIDE, NULL, c->policy->gateway.at, missing, spoofed);
}

/*
 * What the outside still sends of a flow that was cut would begin it anew in the other direction,
 * and all that the inside then sends would be replies.
 */
static void refuse_cut_flows(struct compiler *c)
{
	struct builder *b = &c->builder;
	const char *revoked = compile_revoked(c, NULL);

	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, CHAIN_CONNECTION, NULL, nowhere,
		     {.kind = MATCH_FLOW_SET,
		      .family = (enum family)family,
		      .side = SIDE_DESTINATION,
		      .name = set_revoked((enum family)family)},
		     to_chain(VERDICT_GOTO, revoked));
}

static void write_forward(struct compiler *c)
{
	struct builder *b = &c->builder;

	pass_established(b, CHAIN_FORWARD, CHAIN_CONNECTION);
	from_inside_rules(c, CHAIN_CONNECTION, NULL, to_chain(VERDICT_GOTO, CHAIN_FROM_INSIDE));
	refuse_inside_sources(c);
	pass_related(b, CHAIN_CONNECTION);
	refuse_cut_flows(c);
	write_outside_pickup(c, CHAIN_CONNECTION);
	if (inbound_is_judged(c->policy))
		RULE(b, CHAIN_CONNECTION, "from outside", nowhere,
		     to_chain(VERDICT_JUMP, CHAIN_INBOUND));
	RULE(b, CHAIN_CONNECTION, NULL, nowhere, accept_it);
}

/* RFC 4861, RFC 2710, RFC 3810: without these the gateway has no IPv6 neighbours. */
static void make_neighbour_discovery_set(struct builder *b)
{
	static const uint8_t types[] = {130, 131, 132, 133, 134, 135, 136, 137, 143};
	make_type_set(b, SET_NEIGHBOUR_DISCOVERY, SET_ICMPV6_TYPE, types, sizeof(types));
}

static void write_output(struct compiler *c)
{
	struct builder *b = &c->builder;
	const struct host *self = c->policy->self;
	if (!self)
		return;

	pass_established(b, CHAIN_OUTPUT, CHAIN_OWN_CONNECTION);
	RULE(b, CHAIN_OWN_CONNECTION, "resets that refuse a connection", nowhere,
	     {.kind = MATCH_CT_REPLY}, accept_it);
	RULE(b, CHAIN_OWN_CONNECTION, NULL, nowhere, {.kind = MATCH_OIFNAME, .name = "lo"},
	     accept_it);
	/* The gateway reports on packets of others, whether their connection is known or not. */
	RULE(b, CHAIN_OWN_CONNECTION, NULL, nowhere,
	     {.kind = MATCH_ICMP_TYPE_SET, .name = SET_ICMP_ERROR}, accept_it);
	RULE(b, CHAIN_OWN_CONNECTION, NULL, nowhere,
	     {.kind = MATCH_ICMPV6_TYPE_SET, .name = SET_ICMPV6_ERROR}, accept_it);
	RULE(b, CHAIN_OWN_CONNECTION, NULL, nowhere,
	     {.kind = MATCH_ICMPV6_TYPE_SET, .name = SET_NEIGHBOUR_DISCOVERY}, accept_it);
	pass_related(b, CHAIN_OWN_CONNECTION);
	write_permits(c, CHAIN_OWN_CONNECTION, PERMIT_OF_SELF, NULL, MODE_UNSET);
	RULE(b, CHAIN_OWN_CONNECTION, NULL, self->at,
	     to_chain(VERDICT_GOTO, compile_role(c, self->role, self->effective_mode)));
}

static void write_unassigned(struct compiler *c)
{
	struct builder *b = &c->builder;
	enum mode mode = c->policy->gateway.mode;
	struct location at = c->policy->gateway.at;

	build_chain(b, CHAIN_UNASSIGNED, "the source address is no host of the policy", at);
	write_blocked(c, CHAIN_UNASSIGNED, REASON_UNASSIGNED, NULL, mode,
	              to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
	RULE(b, CHAIN_FROM_INSIDE, NULL, at, to_chain(VERDICT_GOTO, CHAIN_UNASSIGNED));
}

/*
 * A forged source is dropped even where others are refused: the answer would go to whoever the
 * address belongs to. For the same reason it is not counted by source.
 */
static void write_spoofed(struct compiler *c)
{
	struct builder *b = &c->builder;
	bool audit = c->policy->gateway.mode == MODE_AUDIT;
	struct location at = c->policy->gateway.at;
	struct statement drop = {.kind = VERDICT_DROP};

	build_chain(b, CHAIN_SPOOFED, "the source address does not belong where it came from", at);

	/* In audit the packet goes on to the destination's inbound, which is not asked for what
	 * belongs to a connection that is known. */
	if (audit && inbound_is_judged(c->policy)) {
		RULE(b, CHAIN_SPOOFED, NULL, at, count_blocked(c, REASON_SPOOFED, NULL),
		     log_blocked(c, REASON_SPOOFED, NULL));
		RULE(b, CHAIN_SPOOFED, NULL, at, established, {.kind = MATCH_CT_REPLY}, accept_it);
		pass_related(b, CHAIN_SPOOFED);
		RULE(b, CHAIN_SPOOFED, NULL, at, to_chain(VERDICT_JUMP, CHAIN_INBOUND));
		RULE(b, CHAIN_SPOOFED, NULL, at, accept_it);
		return;
	}
	RULE(b, CHAIN_SPOOFED, NULL, at, count_blocked(c, REASON_SPOOFED, NULL),
	     log_blocked(c, REASON_SPOOFED, NULL), audit ? accept_it : drop);
}

static void write_all(struct compiler *c)
{
	struct builder *b = &c->builder;

	make_inside_set(c);
	make_icmp_error_sets(b);
	make_revoked_sets(b);
	if (c->policy->self)
		make_neighbour_discovery_set(b);
	make_base_chains(c);
	write_related(b);
	make_blocklist(c);

	/* The rules of from_inside in the order of judgement: spoofed, the host, unassigned. */
	write_spoofed(c);
	check_source(c);
	pass_related(b, CHAIN_FROM_INSIDE);
	compile_sources(c);
	write_unassigned(c);
	for (size_t i = 0; i < c->policy->roles.count && !b->error; i++) {
		const struct role *role = &c->policy->roles.items[i];
		compile_role(c, role, role->effective_mode);
	}
	compile_destinations(c);
	compile_ends(c);
	compile_quarantine(c);
	compile_pickup(c);

	write_forward(c);
	write_output(c);
	write_expected(b); /* last, because by now every helper is known */
}

int compiler_begin(struct compiler *c, const struct policy *policy, usec_t now)
{
	*c = (struct compiler){.policy = policy, .now = now, .builder = {.ruleset = ruleset_new()}};
	if (!c->builder.ruleset)
		return -ENOMEM;
	c->builder.ruleset->exists = true;
	return 0;
}

int compiler_end(struct compiler *c, int r, struct ruleset **ret_ruleset)
{
	if (r == 0)
		r = build_finish(&c->builder);
	segments_done(c);
	if (r < 0)
		ruleset_free(c->builder.ruleset);
	else
		*ret_ruleset = c->builder.ruleset;
	return r;
}

int ruleset_compile(const struct policy *policy, usec_t now, struct ruleset **ret_ruleset)
{
	struct compiler c;
	int r = compiler_begin(&c, policy, now);
	if (r < 0)
		return r;
	c.builder.ruleset->comment = TABLE_COMMENT;
	write_all(&c);
	return compiler_end(&c, r, ret_ruleset);
}

int ruleset_closed(struct ruleset **ret_ruleset)
{
	_cleanup_(ruleset_freep) struct ruleset *ruleset = ruleset_new();
	if (!ruleset)
		return -ENOMEM;
	ruleset->exists = true;
	ruleset->comment = TABLE_COMMENT;

	struct builder b = {.ruleset = ruleset};
	make_icmp_error_sets(&b);
	build_counter(&b, COUNTER_CLOSED, nowhere);
	/* The kernel never changes the comment of a chain: it has to fit what comes after, too. */
	build_base_chain(&b, CHAIN_FORWARD, FORWARD_COMMENT, HOOK_FORWARD, PRIORITY_FILTER, true);
	RULE(&b, CHAIN_FORWARD, NULL, nowhere, established, accept_it);
	write_related(&b);
	pass_related(&b, CHAIN_FORWARD);
	RULE(&b, CHAIN_FORWARD, "closed: there is no policy yet", nowhere,
	     to_chain(ACTION_COUNTER, COUNTER_CLOSED), {.kind = VERDICT_DROP});

	int r = build_finish(&b);
	if (r < 0)
		return r;
	*ret_ruleset = TAKE_POINTER(ruleset);
	return 0;
}

bool ruleset_is_closed(const struct ruleset *ruleset)
{
	return ruleset_counter(ruleset, COUNTER_CLOSED) != NULL;
}
