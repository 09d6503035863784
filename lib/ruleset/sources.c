/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include <errno.h>
#include <string.h>

/* The names of one family's sets and maps. */
struct family_names {
	const char *source_address, *source_range;
	const char *destination_address, *destination_range;
	const char *client_address, *client_range; /* with the ends swapped */
	const char *server_address, *server_range;
	const char *bound; /* address . MAC of hosts that have MACs */
};

static const struct family_names names[FAMILY_COUNT] = {
        [FAMILY_IPV4] = {"source_address4", "source_range4", "destination_address4",
                         "destination_range4", "swapped_address4", "swapped_range4",
                         "swapped_server_address4", "swapped_server_range4", "bound4"},
        [FAMILY_IPV6] = {"source_address6", "source_range6", "destination_address6",
                         "destination_range6", "swapped_address6", "swapped_range6",
                         "swapped_server_address6", "swapped_server_range6", "bound6"},
};

#define SOURCE_MAC "source_mac"

const struct segments *segments_for(struct compiler *c, enum family family, bool with_singles)
{
	struct segments *segments = &c->segments[family][with_singles];
	if (!segments->list.count && !c->builder.error)
		c->builder.error = segments_of(&c->policy->claims[family], with_singles, segments);
	return segments;
}

void segments_done(struct compiler *c)
{
	for (int family = 0; family < FAMILY_COUNT; family++)
		for (int i = 0; i < 2; i++)
			ARRAY_DONE(&c->segments[family][i].list);
}

static bool make_address_set(struct compiler *c, const char *name, enum family family,
                             bool interval, bool map)
{
	return build_set(&c->builder,
	                 &(struct set){.name = name,
	                               .type = family == FAMILY_IPV4 ? SET_IPV4 : SET_IPV6,
	                               .interval = interval,
	                               .map = map});
}

/* "bound_ROLE": single addresses whose MAC is in the hash go on to the role. */
static const char *compile_bound(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "bound_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	const char *role_chain = compile_role(c, role, mode);
	const char *impostor = compile_impostor(c, role, mode);
	build_chain(b, name, "hosts with an address and a MAC", role->at);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		/* Both sets are always there: which of them has elements changes with the hosts. */
		build_set(b, &(struct set){.name = names[family].bound,
		                           .type = family == FAMILY_IPV4 ? SET_IPV4_ETHER
		                                                         : SET_IPV6_ETHER});
		RULE(b, name, NULL, role->at,
		     {.kind = MATCH_ADDRESS_ETHER_SET,
		      .family = (enum family)family,
		      .name = names[family].bound},
		     to_chain(VERDICT_GOTO, role_chain));
	}
	RULE(b, name, NULL, role->at, to_chain(VERDICT_GOTO, impostor));
	return name;
}

static void bind_address(struct compiler *c, const struct host *host, const struct claim *claim)
{
	enum family family = claim->written->range.from.family;
	size_t length = family_length(family);

	for (size_t i = 0; i < host->mac_count; i++) {
		uint8_t key[SET_KEY_MAX] = {};
		memcpy(key, claim->written->range.from.bytes, length);
		memcpy(key + length, host->macs[i].bytes, sizeof(host->macs[i].bytes));
		build_element(&c->builder, names[family].bound, key, length + 8, NULL,
		              claim_location(claim));
	}
}

/*
 * A range with MACs gets a chain of its own: address and MAC together would need every address of
 * the range as an element. There are few such hosts.
 */
static const char *compile_bound_range(struct compiler *c, const struct host *host)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "host_%s", host->name);
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	const char *set = build_name(b, "mac_%s", host->name);
	const char *role_chain = compile_role(c, host->role, host->effective_mode);
	const char *impostor = compile_impostor(c, host->role, host->effective_mode);
	build_set(b, &(struct set){.name = set, .type = SET_ETHER, .at = host->at});
	for (size_t i = 0; i < host->mac_count; i++)
		build_element(b, set, host->macs[i].bytes, sizeof(host->macs[i].bytes), NULL,
		              host->at);
	build_chain(b, name, "a range with MACs", host->at);
	RULE(b, name, NULL, host->at, {.kind = MATCH_ETHER_SET, .name = set},
	     to_chain(VERDICT_GOTO, role_chain));
	RULE(b, name, NULL, host->at, to_chain(VERDICT_GOTO, impostor));
	return name;
}

/*
 * Chains per role and mode, looked up for every host: a name is made once and remembered, so that
 * a hundred thousand hosts cost a hundred thousand look-ups by index.
 */
struct chain_memory {
	compile_chain_t compile;
	const char **chains; /* [role->index * 2 + (mode is audit)] */
};

static const char *chain_for(struct compiler *c, struct chain_memory *memory,
                             const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	if (!memory->chains) {
		memory->chains = arena_alloc(b->ruleset->arena, c->policy->roles.count * 2,
		                             sizeof(*memory->chains));
		if (!memory->chains) {
			b->error = -ENOMEM;
			return "";
		}
	}

	const char **chain = &memory->chains[role->index * 2 + (mode == MODE_AUDIT)];
	if (!*chain)
		*chain = memory->compile(c, role, mode);
	return *chain;
}

struct source_chains {
	struct chain_memory role, bound;
};

static void compile_source_addresses(struct compiler *c, struct source_chains *chains,
                                     enum family family)
{
	struct builder *b = &c->builder;
	const struct claims *claims = &c->policy->claims[family];

	make_address_set(c, names[family].source_address, family, false, true);
	for (size_t i = 0; i < claims->count && !b->error; i++) {
		const struct claim *claim = &claims->items[i];
		const struct host *host = claim->host;
		if (!range_is_single(&claim->written->range))
			continue;
		const char *chain = chain_for(c, host->mac_count ? &chains->bound : &chains->role,
		                              host->role, host->effective_mode);
		build_element(b, names[family].source_address, claim->written->range.from.bytes,
		              family_length(family), chain, claim_location(claim));
		if (host->mac_count && !b->error)
			bind_address(c, host, claim);
	}
}

static void compile_source_ranges(struct compiler *c, struct source_chains *chains,
                                  enum family family)
{
	struct builder *b = &c->builder;
	const struct segments *segments = segments_for(c, family, false);

	ARRAY_FOREACH (segment, &segments->list) {
		const struct host *host = segment->host;
		make_address_set(c, names[family].source_range, family, true, true);
		const char *chain = host->mac_count ? compile_bound_range(c, host)
		                                    : chain_for(c, &chains->role, host->role,
		                                                host->effective_mode);
		build_range(b, names[family].source_range, segment->range.from.bytes,
		            segment->range.to.bytes, family_length(family), chain, segment->at);
	}
}

static void compile_source_macs(struct compiler *c, struct source_chains *chains)
{
	struct builder *b = &c->builder;
	for (size_t i = 0; i < c->policy->hosts.count && !b->error; i++) {
		const struct host *host = &c->policy->hosts.items[i];
		if (host->range_count || !host->mac_count)
			continue;
		build_set(b, &(struct set){.name = SOURCE_MAC, .type = SET_ETHER, .map = true});
		const char *chain = chain_for(c, &chains->role, host->role, host->effective_mode);
		for (size_t j = 0; j < host->mac_count; j++)
			build_element(b, SOURCE_MAC, host->macs[j].bytes,
			              sizeof(host->macs[j].bytes), chain, host->at);
	}
}

/* Appends `ip saddr vmap @NAME` to a chain if that map was made. */
static void look_up_address(struct compiler *c, const char *chain, enum family family,
                            enum side side, const char *map)
{
	if (ruleset_set(c->builder.ruleset, map))
		RULE(&c->builder, chain, NULL, c->policy->gateway.at,
		     {.kind = VMAP_ADDRESS, .family = family, .side = side, .name = map});
}

void compile_sources(struct compiler *c)
{
	struct source_chains chains = {
	        .role = {.compile = compile_role},
	        .bound = {.compile = compile_bound},
	};

	for (int family = 0; family < FAMILY_COUNT; family++)
		compile_source_addresses(c, &chains, (enum family)family);
	for (int family = 0; family < FAMILY_COUNT; family++)
		compile_source_ranges(c, &chains, (enum family)family);
	compile_source_macs(c, &chains);

	for (int family = 0; family < FAMILY_COUNT; family++) {
		look_up_address(c, CHAIN_FROM_INSIDE, (enum family)family, SIDE_SOURCE,
		                names[family].source_address);
		write_assigned(c, CHAIN_FROM_INSIDE, (enum family)family, SIDE_SOURCE);
		look_up_address(c, CHAIN_FROM_INSIDE, (enum family)family, SIDE_SOURCE,
		                names[family].source_range);
	}
	write_permits(c, CHAIN_FROM_INSIDE, PERMIT_WITHOUT_ADDRESS, NULL, MODE_UNSET);
	if (ruleset_set(c->builder.ruleset, SOURCE_MAC))
		RULE(&c->builder, CHAIN_FROM_INSIDE, NULL, c->policy->gateway.at,
		     {.kind = VMAP_ETHER, .name = SOURCE_MAC});
}

static bool is_judged(const struct host *host)
{
	return host->role->judged_inbound && !host->self;
}

bool inbound_is_judged(const struct policy *policy)
{
	for (size_t i = 0; i < policy->roles.count; i++)
		if (policy->roles.items[i].judged_inbound)
			return true;
	return false;
}

static void compile_destination_addresses(struct compiler *c, struct chain_memory *chains,
                                          enum family family)
{
	struct builder *b = &c->builder;
	const struct claims *claims = &c->policy->claims[family];

	for (size_t i = 0; i < claims->count && !b->error; i++) {
		const struct claim *claim = &claims->items[i];
		const struct host *host = claim->host;
		const struct claim *around =
		        claim->parent >= 0 ? &claims->items[claim->parent] : NULL;
		const char *chain = CHAIN_NOT_JUDGED;

		if (!range_is_single(&claim->written->range))
			continue;
		if (is_judged(host))
			chain = chain_for(c, chains, host->role, host->effective_mode);
		else if (!around || !is_judged(around->host))
			continue; /* a miss says the same */

		make_address_set(c, names[family].destination_address, family, false, true);
		build_element(b, names[family].destination_address,
		              claim->written->range.from.bytes, family_length(family), chain,
		              claim_location(claim));
	}
}

static void compile_destination_ranges(struct compiler *c, struct chain_memory *chains,
                                       enum family family)
{
	struct builder *b = &c->builder;
	const struct segments *segments = segments_for(c, family, false);

	ARRAY_FOREACH (segment, &segments->list) {
		const struct host *host = segment->host;
		if (!is_judged(host))
			continue;
		make_address_set(c, names[family].destination_range, family, true, true);
		build_range(b, names[family].destination_range, segment->range.from.bytes,
		            segment->range.to.bytes, family_length(family),
		            chain_for(c, chains, host->role, host->effective_mode), segment->at);
	}
}

void compile_destinations(struct compiler *c)
{
	if (!inbound_is_judged(c->policy))
		return;

	struct chain_memory chains = {.compile = compile_inbound};
	for (int family = 0; family < FAMILY_COUNT; family++)
		compile_destination_addresses(c, &chains, (enum family)family);
	for (int family = 0; family < FAMILY_COUNT; family++)
		compile_destination_ranges(c, &chains, (enum family)family);
	for (size_t i = 0; i < c->policy->roles.count && !c->builder.error; i++) {
		const struct role *role = &c->policy->roles.items[i];
		if (role->judged_inbound)
			compile_inbound(c, role, role->effective_mode);
	}

	for (int family = 0; family < FAMILY_COUNT; family++) {
		look_up_address(c, CHAIN_INBOUND, (enum family)family, SIDE_DESTINATION,
		                names[family].destination_address);
		write_assigned(c, CHAIN_INBOUND, (enum family)family, SIDE_DESTINATION);
		look_up_address(c, CHAIN_INBOUND, (enum family)family, SIDE_DESTINATION,
		                names[family].destination_range);
	}
}

/* The maps of one end of swapped packets: the client is the destination, the server the source. */
struct swapped_end {
	const char *address, *range;
	enum side side;
};

static struct swapped_end end_of(enum family family, enum side side)
{
	if (side == SIDE_DESTINATION)
		return (struct swapped_end){names[family].client_address,
		                            names[family].client_range, side};
	return (struct swapped_end){names[family].server_address, names[family].server_range, side};
}

static void compile_swapped_family(struct compiler *c, struct source_chains *chains,
                                   enum family family, const struct swapped_end *end)
{
	struct builder *b = &c->builder;
	const struct claims *claims = &c->policy->claims[family];
	const struct segments *segments = segments_for(c, family, false);

	for (size_t i = 0; i < claims->count && !b->error; i++) {
		const struct claim *claim = &claims->items[i];
		const struct host *host = claim->host;
		if (!range_is_single(&claim->written->range))
			continue;
		make_address_set(c, end->address, family, false, true);
		build_element(b, end->address, claim->written->range.from.bytes,
		              family_length(family),
		              chain_for(c, host->mac_count ? &chains->bound : &chains->role,
		                        host->role, MODE_ENFORCE),
		              claim_location(claim));
	}
	ARRAY_FOREACH (segment, &segments->list) {
		const struct host *host = segment->host;
		make_address_set(c, end->range, family, true, true);
		build_range(b, end->range, segment->range.from.bytes, segment->range.to.bytes,
		            family_length(family),
		            chain_for(c, host->mac_count ? &chains->bound : &chains->role,
		                      host->role, MODE_ENFORCE),
		            segment->at);
	}
}

void compile_swapped_ends(struct compiler *c, const char *chain, enum side side,
                          compile_chain_t compile, compile_chain_t bound)
{
	struct builder *b = &c->builder;
	struct source_chains chains = {
	        .role = {.compile = compile},
	        .bound = {.compile = bound},
	};

	for (int i = 0; i < FAMILY_COUNT; i++) {
		enum family family = (enum family)i;
		const struct swapped_end end = end_of(family, side);
		compile_swapped_family(c, &chains, family, &end);
		look_up_address(c, chain, family, side, end.address);
		for (size_t j = 0; j < c->policy->roles.count && !b->error; j++) {
			const struct role *role = &c->policy->roles.items[j];
			if (role_is_assigned(c, role, family))
				RULE(b, chain, NULL, role->at, assigned_to(c, role, family, side),
				     to_chain(VERDICT_GOTO, compile(c, role, MODE_ENFORCE)));
		}
		look_up_address(c, chain, family, side, end.range);
	}
}
