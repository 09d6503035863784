/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include "policy/runtime.h"
#include "ruleset/names.h"

static const struct location nowhere;

/* Where a permit stands: where the rules know whose the packet is, and it is not blocked yet. */
static enum permit_place place_of(const struct compiler *c, const struct permit *permit,
                                  const struct host **ret_owner)
{
	const struct host *host = permit->host;
	if (!host)
		host = policy_host_at(c->policy, &permit->address);
	*ret_owner = host;
	if (permit->host && permit->host->self)
		return PERMIT_OF_SELF;
	/* Hosts that only their MAC tells: their role's chain serves those with an address too. */
	return host && host->range_count ? PERMIT_IN_ROLE : PERMIT_WITHOUT_ADDRESS;
}

/* What a permit lets pass ends as what the role lets pass, if there is one. */
static const char *permitted_chain(struct compiler *c, const struct host *owner)
{
	struct builder *b = &c->builder;
	if (owner)
		return compile_admission(c, owner->role, owner->effective_mode);
	if (b->error || ruleset_chain(b->ruleset, CHAIN_PERMITTED))
		return CHAIN_PERMITTED;

	build_counter(b, CHAIN_PERMITTED, nowhere);
	build_chain(b, CHAIN_PERMITTED, "permitted for a while, from addresses of nobody", nowhere);
	write_permitted(c, CHAIN_PERMITTED, NULL);
	return CHAIN_PERMITTED;
}

/* "permit_3" goes on to what is permitted, or returns. */
static const char *compile_permit(struct compiler *c, const struct permit *permit,
                                  enum permit_place place, const struct host *owner)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, CHAIN_PERMIT "%llu", (unsigned long long)permit->id);
	const char *permitted = permitted_chain(c, owner);
	struct permission permission = permit->permission;
	permission.at = nowhere; /* its own is the runtime's, which the table may outlive */

	build_chain(b, name, build_name(b, "%s", permit->comment), nowhere);
	/* Elsewhere the blocklist is asked only after the permits. */
	if (place != PERMIT_IN_ROLE)
		return_blocked(c, name, SIDE_DESTINATION);
	set_life(c, permit->until, NULL);
	compile_permit_rules(c, &permission, name, to_chain(VERDICT_GOTO, permitted));
	return name;
}

static void jump_by_address(struct compiler *c, const char *from, const struct permit *permit,
                            enum side side, const char *chain)
{
	struct builder *b = &c->builder;
	struct peer owner = {.kind = PEER_RANGE, .range = {permit->address, permit->address}};
	bool loses = false;
	if (permit->host) {
		owner = (struct peer){
		        .kind = PEER_HOST, .host = permit->host, .at = permit->host->at};
		loses = can_lose_addresses(c, permit->host, NULL);
	}

	struct peer_sets sets = compile_peer(c, &owner);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		if (!sets.set[family])
			continue;
		struct statement match = match_address((enum family)family, side, sets.set[family]);
		if (loses)
			RULE(b, from, NULL, nowhere, not_assigned(c, (enum family)family, side),
			     match, to_chain(VERDICT_JUMP, chain));
		else
			RULE(b, from, NULL, nowhere, match, to_chain(VERDICT_JUMP, chain));
	}
}

static void jump_by_mac(struct compiler *c, const char *from, const struct host *host,
                        const char *chain)
{
	struct builder *b = &c->builder;
	const char *set = build_name(b, "%s_from", chain);

	build_set(b, &(struct set){.name = set, .type = SET_ETHER});
	for (size_t i = 0; i < host->mac_count; i++)
		build_element(b, set, host->macs[i].bytes, sizeof(host->macs[i].bytes), NULL,
		              host->at);
	RULE(b, from, NULL, nowhere, {.kind = MATCH_ETHER_SET, .name = set},
	     to_chain(VERDICT_JUMP, chain));
}

void write_permits(struct compiler *c, const char *from, enum permit_place where,
                   const struct role *role, enum mode mode)
{
	const struct runtime *runtime = c->policy->runtime;
	for (size_t i = 0; runtime && i < runtime->permits.count && !c->builder.error; i++) {
		const struct permit *permit = &runtime->permits.items[i];
		const struct host *owner;
		enum permit_place place = place_of(c, permit, &owner);
		if (place != where || !in_force(c, permit->until))
			continue;
		if (role && (owner->role != role || owner->effective_mode != mode))
			continue;

		const char *chain = compile_permit(c, permit, place, owner);
		if (place == PERMIT_OF_SELF)
			RULE(&c->builder, from, NULL, nowhere, to_chain(VERDICT_JUMP, chain));
		else if (place == PERMIT_WITHOUT_ADDRESS && permit->host)
			jump_by_mac(c, from, permit->host, chain);
		else
			jump_by_address(c, from, permit, SIDE_SOURCE, chain);
	}
}

void write_swapped_permits(struct compiler *c, const char *from, const struct role *role,
                           const char *permitted)
{
	struct builder *b = &c->builder;
	const struct runtime *runtime = c->policy->runtime;
	for (size_t i = 0; runtime && i < runtime->permits.count && !b->error; i++) {
		const struct permit *permit = &runtime->permits.items[i];
		const struct host *owner;
		enum permit_place place = place_of(c, permit, &owner);
		bool nobodys = place == PERMIT_WITHOUT_ADDRESS && !permit->host;
		if (!in_force(c, permit->until) ||
		    (role ? place != PERMIT_IN_ROLE || owner->role != role : !nobodys))
			continue;

		unsigned long long id = permit->id;
		const char *name = build_name(b, "swapped_" CHAIN_PERMIT "%llu", id);
		struct permission permission = permit->permission;
		permission.at = nowhere;
		build_chain(b, name, NULL, nowhere);
		if (nobodys)
			return_blocked(c, name, SIDE_SOURCE);
		compile_swapped_permit(c, &permission, build_name(b, CHAIN_PERMIT "%llu", id), name,
		                       to_chain(VERDICT_GOTO, permitted));
		jump_by_address(c, from, permit, SIDE_DESTINATION, name);
	}
}
