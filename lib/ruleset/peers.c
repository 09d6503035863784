/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include <errno.h>

struct peer_sets compile_ranges(struct compiler *c, const char *name,
                                const struct address_range *ranges, size_t count,
                                struct location at)
{
	static const char suffix[FAMILY_COUNT] = {[FAMILY_IPV4] = '4', [FAMILY_IPV6] = '6'};
	struct builder *b = &c->builder;
	struct peer_sets sets = {};
	bool made[FAMILY_COUNT] = {};

	for (size_t i = 0; i < count && !b->error; i++) {
		enum family family = ranges[i].from.family;
		if (!sets.set[family]) {
			sets.set[family] = build_name(b, "%s%c", name, suffix[family]);
			made[family] =
			        build_set(b, &(struct set){.name = sets.set[family],
			                                   .type = family == FAMILY_IPV4 ? SET_IPV4
			                                                                 : SET_IPV6,
			                                   .interval = true,
			                                   .at = at});
		}
		if (made[family])
			build_range(b, sets.set[family], ranges[i].from.bytes, ranges[i].to.bytes,
			            family_length(family), NULL, at);
	}
	return sets;
}

/* The segments of one host, or of all hosts of one role, joined where they touch. */
static void owned_ranges(struct compiler *c, const struct host *host, const struct role *role,
                         const struct address_range **ret_ranges, size_t *ret_count)
{
	ARRAY(struct address_range) owned = {};

	for (int family = 0; family < FAMILY_COUNT; family++) {
		const struct segments *segments = segments_for(c, (enum family)family, true);
		ARRAY_FOREACH (segment, &segments->list) {
			if (segment->host != host && segment->host->role != role)
				continue;
			struct address_range *range = ARRAY_ADD(&owned);
			if (!range)
				c->builder.error = -ENOMEM;
			else
				*range = segment->range;
		}
	}

	*ret_count = ranges_merge(owned.items, owned.count);
	*ret_ranges = arena_copy(c->builder.ruleset->arena, owned.items, *ret_count,
	                         sizeof(*owned.items));
	if (*ret_count && !*ret_ranges) {
		c->builder.error = -ENOMEM;
		*ret_count = 0;
	}
	ARRAY_DONE(&owned);
}

void peer_ranges(struct compiler *c, const struct peer *peer,
                 const struct address_range **ret_ranges, size_t *ret_count)
{
	*ret_ranges = NULL;
	*ret_count = 0;

	switch (peer->kind) {
	case PEER_RANGE:
		*ret_ranges = &peer->range;
		*ret_count = 1;
		return;
	case PEER_NETWORK:
		*ret_ranges = peer->network->ranges;
		*ret_count = peer->network->range_count;
		return;
	case PEER_HOST:
		owned_ranges(c, peer->host, NULL, ret_ranges, ret_count);
		return;
	case PEER_ROLE:
		owned_ranges(c, NULL, peer->role, ret_ranges, ret_count);
		return;
	}
}

struct peer_sets compile_peer(struct compiler *c, const struct peer *peer)
{
	struct builder *b = &c->builder;
	const struct address_range *ranges;
	size_t count;
	char text[RANGE_TEXT_MAX];
	const char *name = NULL;

	peer_ranges(c, peer, &ranges, &count);
	switch (peer->kind) {
	case PEER_RANGE:
		/* A literal is named by what it is: equal ones share a set. */
		range_print(&peer->range, text);
		for (char *p = text; *p; p++)
			if (*p == ':')
				*p = '_';
		name = build_name(b, "range_%s_", text);
		break;
	case PEER_NETWORK:
		name = build_name(b, "network_%s_", peer->network->name);
		break;
	case PEER_HOST:
		name = build_name(b, "host_%s_", peer->host->name);
		break;
	case PEER_ROLE:
		name = build_name(b, "hosts_of_%s_", peer->role->name);
		break;
	}
	return compile_ranges(c, name, ranges, count, peer->at);
}
