/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"
#include "ruleset/names.h"

#include <netinet/in.h>

/* A full set only stops counting by source: no verdict depends on it. */
#define BLOCKED_SOURCES_MAX 65535

static const struct location nowhere;

static const struct statement accept_it = {.kind = VERDICT_ACCEPT};

static void write_refusal(struct compiler *c, const char *chain)
{
	struct builder *b = &c->builder;
	struct location at = c->policy->gateway.at;

	if (c->policy->gateway.refuse == REFUSE_DROP) {
		RULE(b, chain, NULL, at, {.kind = VERDICT_DROP});
		return;
	}
	RULE(b, chain, NULL, at, {.kind = MATCH_PROTOCOL, .value = IPPROTO_TCP},
	     {.kind = VERDICT_REJECT_RESET});
	RULE(b, chain, NULL, at, {.kind = VERDICT_REJECT_ADMIN});
}

/* A reset would end a connection whose client sends next, and begins it as it should. */
static void let_older_wait(struct compiler *c, const char *chain)
{
	if (pickup_window_is_open(c) && c->policy->gateway.refuse == REFUSE_REJECT)
		RULE(&c->builder, chain, "of an older connection: its client may send next",
		     nowhere, to_chain(MATCH_PROTOCOL_SET, SET_PICKUP_WINDOW),
		     {.kind = MATCH_TCP_ACK}, {.kind = VERDICT_DROP});
}

/*
 * A reset takes a socket away before anybody can look whose it is, so where processes are looked
 * for, the gateway's own TCP connections wait for their time to be over instead.
 */
static void let_own_wait(struct compiler *c, const char *chain)
{
	const struct gateway *gateway = &c->policy->gateway;

	if (gateway->processes && gateway->refuse == REFUSE_REJECT)
		RULE(&c->builder, chain, "the gateway's own: its process can be found meanwhile",
		     gateway->processes_at, {.kind = MATCH_PROTOCOL, .value = IPPROTO_TCP},
		     {.kind = MATCH_FIB_OWN}, {.kind = VERDICT_DROP});
}

void compile_ends(struct compiler *c)
{
	struct builder *b = &c->builder;

	build_chain(b, CHAIN_COUNT_SOURCE, "attempts by source", nowhere);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		const char *set = set_blocked_source((enum family)family);
		build_set(b, &(struct set){.name = set,
		                           .type = family == FAMILY_IPV4 ? SET_IPV4 : SET_IPV6,
		                           .dynamic = true,
		                           .size = BLOCKED_SOURCES_MAX});
		RULE(b, CHAIN_COUNT_SOURCE, NULL, nowhere,
		     {.kind = ACTION_COUNT_SOURCE, .family = (enum family)family, .name = set});
	}

	build_chain(b, CHAIN_REFUSE, "blocked", nowhere);
	RULE(b, CHAIN_REFUSE, NULL, nowhere, to_chain(VERDICT_JUMP, CHAIN_COUNT_SOURCE));
	let_own_wait(c, CHAIN_REFUSE);
	let_older_wait(c, CHAIN_REFUSE);
	write_refusal(c, CHAIN_REFUSE);

	build_chain(b, CHAIN_LET_PASS, "audit: counted, but not blocked", nowhere);
	RULE(b, CHAIN_LET_PASS, NULL, nowhere, to_chain(VERDICT_JUMP, CHAIN_COUNT_SOURCE));
	RULE(b, CHAIN_LET_PASS, NULL, nowhere, to_chain(VERDICT_GOTO, CHAIN_PASS_ON));
	build_chain(b, CHAIN_PASS_ON, "the destination may still say no", nowhere);
	if (inbound_is_judged(c->policy))
		RULE(b, CHAIN_PASS_ON, NULL, nowhere, to_chain(VERDICT_JUMP, CHAIN_INBOUND));
	RULE(b, CHAIN_PASS_ON, NULL, nowhere, accept_it);

	build_chain(b, CHAIN_REFUSE_REVOKED, "flows that a change of policy cut", nowhere);
	write_refusal(c, CHAIN_REFUSE_REVOKED);

	if (!inbound_is_judged(c->policy))
		return;
	/* The Internet at large would fill the sets: only sources inside are counted singly. */
	build_chain(b, CHAIN_COUNT_INSIDE, "attempts by source, for sources inside", nowhere);
	from_inside_rules(c, CHAIN_COUNT_INSIDE, NULL, to_chain(VERDICT_GOTO, CHAIN_COUNT_SOURCE));
	build_chain(b, CHAIN_REFUSE_INBOUND, "blocked by the destination's role", nowhere);
	RULE(b, CHAIN_REFUSE_INBOUND, NULL, nowhere, to_chain(VERDICT_JUMP, CHAIN_COUNT_INSIDE));
	let_own_wait(c, CHAIN_REFUSE_INBOUND);
	let_older_wait(c, CHAIN_REFUSE_INBOUND);
	write_refusal(c, CHAIN_REFUSE_INBOUND);
}
