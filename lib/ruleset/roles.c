/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include "base/record.h"
#include "ruleset/names.h"

#include <assert.h>

const char *variant_suffix(const struct role *role, enum mode mode)
{
	if (mode == role->effective_mode)
		return "";
	return mode == MODE_AUDIT ? ".audit" : ".enforce";
}

struct statement count_blocked(struct compiler *c, enum reason reason, const struct role *role)
{
	char text[COUNTER_NAME_MAX];
	const char *name = build_name(&c->builder, "%s",
	                              counter_blocked(reason, role ? role->name : NULL, text));
	build_counter(&c->builder, name, role ? role->at : c->policy->gateway.at);
	return to_chain(ACTION_COUNTER, name);
}

struct statement log_blocked(struct compiler *c, enum reason reason, const struct role *role)
{
	char prefix[LOG_PREFIX_MAX];
	int r = log_prefix_print(reason, role ? role->name : NULL, prefix);
	assert(r == 0); /* names are far shorter */
	(void)r;
	return (struct statement){.kind = ACTION_LOG,
	                          .value = c->policy->gateway.nflog_group,
	                          .name = build_name(&c->builder, "%s", prefix)};
}

const char *compile_revoked(struct compiler *c, const struct role *role)
{
	struct builder *b = &c->builder;
	char text[COUNTER_NAME_MAX];
	struct location at = role ? role->at : c->policy->gateway.at;
	const char *name = build_name(b, "%s", counter_revoked(role ? role->name : NULL, text));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, NULL, at);
	build_counter(b, name, at);
	RULE(b, name, NULL, at, to_chain(ACTION_COUNTER, name),
	     to_chain(VERDICT_GOTO, CHAIN_REFUSE_REVOKED));
	return name;
}

/*
 * Established flows come to a role's chains only while all flows are judged again; else the fast
 * path has them. So nothing in these chains has to come and go with the phases.
 *
 * An established flow that ends here was permitted before (no throttle ends one). Its
 * later packets, and what its other end still sends, find the flow gone from conntrack but
 * remembered in the sets.
 */
static void sort_out_revoked(struct compiler *c, const char *chain, enum reason reason,
                             const struct role *role, struct location at)
{
	struct builder *b = &c->builder;
	const char *revoked = compile_revoked(c, role);

	if (reason != REASON_THROTTLE && !connections_are_picked_up(c))
		RULE(b, chain, NULL, at, {.kind = MATCH_CT_ESTABLISHED},
		     to_chain(VERDICT_GOTO, revoked));
	for (int family = 0; family < FAMILY_COUNT; family++) {
		struct statement flow = {.kind = MATCH_FLOW_SET,
		                         .family = (enum family)family,
		                         .name = set_revoked((enum family)family)};
		struct statement reply = flow;
		reply.side = SIDE_DESTINATION;
		RULE(b, chain, NULL, at, flow, to_chain(VERDICT_GOTO, revoked));
		RULE(b, chain, NULL, at, reply, to_chain(VERDICT_GOTO, revoked));
	}
	/* What was cut is not picked up, whoever may be reached by it. */
	write_pickup(c, chain, reason, role, true);
	if (reason != REASON_THROTTLE && connections_are_picked_up(c))
		RULE(b, chain, NULL, at, {.kind = MATCH_CT_ESTABLISHED},
		     to_chain(VERDICT_GOTO, revoked));
}

void write_blocked(struct compiler *c, const char *chain, enum reason reason,
                   const struct role *role, enum mode mode, struct statement last)
{
	struct builder *b = &c->builder;
	struct location at = role ? role->at : c->policy->gateway.at;

	if (mode == MODE_AUDIT)
		write_pickup(c, chain, reason, role, false);
	if (mode == MODE_ENFORCE)
		sort_out_revoked(c, chain, reason, role, at);
	else if (reason == REASON_INBOUND)
		RULE(b, chain, NULL, at, {.kind = MATCH_CT_ESTABLISHED}, {.kind = VERDICT_RETURN});
	else if (reason != REASON_THROTTLE)
		RULE(b, chain, NULL, at, {.kind = MATCH_CT_ESTABLISHED},
		     to_chain(VERDICT_GOTO, CHAIN_PASS_ON));
	RULE(b, chain, NULL, at, count_blocked(c, reason, role), log_blocked(c, reason, role),
	     last);
}

static const struct location nowhere;

/* The destination may still say no. */
void write_permitted(struct compiler *c, const char *chain, const struct role *role)
{
	struct builder *b = &c->builder;
	struct location at = role ? role->at : nowhere;
	if (inbound_is_judged(c->policy))
		RULE(b, chain, NULL, at, to_chain(VERDICT_JUMP, CHAIN_INBOUND));
	/* A flow that is judged again was counted when it began. */
	RULE(b, chain, NULL, at, {.kind = MATCH_CT_ESTABLISHED}, {.kind = VERDICT_ACCEPT});
	if (role)
		write_contact(c, chain, role);
	RULE(b, chain, NULL, at, to_chain(ACTION_COUNTER, chain), {.kind = VERDICT_ACCEPT});
}

const char *compile_permitted(struct compiler *c, const struct role *role)
{
	struct builder *b = &c->builder;
	char text[COUNTER_NAME_MAX];
	const char *name = build_name(b, "%s", counter_permitted(role->name, text));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, NULL, role->at);
	build_counter(b, name, role->at);
	write_permitted(c, name, role);
	return name;
}

static const char *const blocklists[FAMILY_COUNT] = {"blocklist4", "blocklist6"};

void return_blocked(struct compiler *c, const char *chain, enum side side)
{
	struct builder *b = &c->builder;
	for (int family = 0; family < FAMILY_COUNT; family++)
		if (ruleset_set(b->ruleset, blocklists[family]))
			RULE(b, chain, NULL, c->policy->gateway.at,
			     match_address((enum family)family, side, blocklists[family]),
			     {.kind = VERDICT_RETURN});
}

/* "blocklist_ROLE": the destination is one that nobody may initiate to. */
static void compile_blocklist(struct compiler *c, const struct role *role, const char *chain,
                              enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "blocklist_%s%s", role->name, variant_suffix(role, mode));

	if (!ruleset_set(b->ruleset, blocklists[FAMILY_IPV4]) &&
	    !ruleset_set(b->ruleset, blocklists[FAMILY_IPV6]))
		return;
	build_chain(b, name, "nobody may initiate to that destination", role->at);
	write_blocked(c, name, REASON_BLOCKLIST, role, mode,
	              to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
	for (int family = 0; family < FAMILY_COUNT; family++)
		if (ruleset_set(b->ruleset, blocklists[family]))
			RULE(b, chain, NULL, role->at,
			     match_address((enum family)family, SIDE_DESTINATION,
			                   blocklists[family]),
			     to_chain(VERDICT_GOTO, name));
}

const char *compile_role(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "role_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	const char *permitted = compile_admission(c, role, mode);
	build_chain(b, name, NULL, role->at);
	compile_blocklist(c, role, name, mode);
	compile_permissions(c, role, DIRECTION_OUTBOUND, name, to_chain(VERDICT_GOTO, permitted));
	write_permits(c, name, PERMIT_IN_ROLE, role, mode);
	write_blocked(c, name, REASON_ROLE, role, mode, to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
	return name;
}

const char *compile_impostor(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "impostor_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, "the right address with the wrong MAC", role->at);
	write_blocked(c, name, REASON_IMPOSTOR, role, mode,
	              to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
	return name;
}

const char *compile_inbound(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "inbound_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, NULL, role->at);
	compile_permissions(c, role, DIRECTION_INBOUND, name,
	                    (struct statement){.kind = VERDICT_RETURN});

	/* In audit the chain ends after counting, and the connection goes on. */
	write_blocked(c, name, REASON_INBOUND, role, mode,
	              mode == MODE_AUDIT ? to_chain(VERDICT_JUMP, CHAIN_COUNT_INSIDE)
	                                 : to_chain(VERDICT_GOTO, CHAIN_REFUSE_INBOUND));
	return name;
}
