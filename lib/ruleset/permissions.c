/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/items.h"

#include "base/protocol.h"

#include <assert.h>
#include <string.h>

/* Past this many combinations of address and port, a group becomes a rule over interval sets. */
#define EXACT_ELEMENTS_MAX 4096

static bool all_single(const struct address_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!range_is_single(&ranges[i]))
			return false;
	return true;
}

/* "outbound_desk", or "outbound_desk.ftp_tcp" in the pass of a helper. */
static const char *pass_label(struct writing *w)
{
	if (!w->pass.object)
		return w->prefix;
	return build_name(&w->c->builder, "%s.%s", w->prefix, w->pass.object);
}

/* "outbound_desk.to4": where single addresses meet single ports. */
static const char *exact_set(struct writing *w, enum family family)
{
	return build_name(&w->c->builder, "%s.%s%c", pass_label(w),
	                  w->peer_side == SIDE_DESTINATION ? "to" : "from",
	                  family == FAMILY_IPV4 ? '4' : '6');
}

static const char *make_exact_set(struct writing *w, enum family family, struct location at)
{
	const char *name = exact_set(w, family);
	build_set(&w->c->builder,
	          &(struct set){.name = name,
	                        .type = family == FAMILY_IPV4 ? SET_IPV4_SERVICE : SET_IPV6_SERVICE,
	                        .timed = w->timed,
	                        .at = at});
	return name;
}

static void add_exact(struct writing *w, const struct address_range *ranges, size_t count,
                      const struct item_list *items)
{
	struct builder *b = &w->c->builder;
	const char *sets[FAMILY_COUNT] = {};

	for (size_t i = 0; i < count; i++) {
		enum family family = ranges[i].from.family;
		size_t length = family_length(family);
		ARRAY_FOREACH (item, &items->list) {
			uint8_t key[SET_KEY_MAX];
			if (!has_single_port(item) || !pass_permits(w, item, family))
				continue;
			if (!sets[family])
				sets[family] = make_exact_set(w, family, items->at);
			memcpy(key, ranges[i].from.bytes, length);
			service_key(key + length, item->protocol, item->from);
			build_element(b, sets[family], key, length + 8, NULL, items->at);
		}
	}
}

static void write_exact_rules(struct writing *w)
{
	for (int family = 0; family < FAMILY_COUNT; family++) {
		const char *name = exact_set(w, (enum family)family);
		const struct set *set = ruleset_set(w->c->builder.ruleset, name);
		if (set)
			write_rule(w, NULL,
			           (struct statement){.kind = MATCH_ADDRESS_SERVICE_SET,
			                              .family = (enum family)family,
			                              .side = w->peer_side,
			                              .name = name},
			           set->at);
	}
}

static bool fits_exact(size_t range_count, const struct item_list *items)
{
	size_t singles = 0;
	ARRAY_FOREACH (item, &items->list)
		singles += has_single_port(item);
	return range_count * singles <= EXACT_ELEMENTS_MAX;
}

/*
 * Addresses of the peer that are assigned at run time belong to it no more; those assigned to the
 * role do. Both are sets that change with every assignment, and the rules stay.
 */
static void write_peer(struct writing *w, const struct peer *peer, const char *label,
                       struct item_list *items, bool with_single_ports)
{
	bool loses = (peer->kind == PEER_HOST || peer->kind == PEER_ROLE) &&
	             can_lose_addresses(w->c, peer->host, peer->role);
	struct peer_sets sets = compile_peer(w->c, peer);

	for (int family = 0; family < FAMILY_COUNT; family++) {
		if (!sets.set[family])
			continue;
		struct statement address =
		        match_address((enum family)family, w->peer_side, sets.set[family]);
		struct statement except = {};
		if (loses) {
			except = not_assigned(w->c, (enum family)family, w->peer_side);
			w->except = &except;
		}
		write_items(w, label, items, &address, with_single_ports);
		w->except = NULL;
	}
}

static void write_assigned_peer(struct writing *w, const struct role *role, const char *label,
                                struct item_list *items)
{
	for (int family = 0; family < FAMILY_COUNT; family++) {
		struct statement address =
		        assigned_to(w->c, role, (enum family)family, w->peer_side);
		write_items(w, label, items, &address, true);
	}
}

/* One by one they are keys of a hash, unless they may be assigned to somebody else. */
static bool is_exact(struct writing *w, const struct peer *peer, const struct item_list *items,
                     const struct address_range *ranges, size_t count)
{
	if ((peer->kind == PEER_HOST || peer->kind == PEER_ROLE) &&
	    can_lose_addresses(w->c, peer->host, peer->role))
		return false;
	return all_single(ranges, count) && fits_exact(count, items);
}

/* Rules of one `{ service; to | from }`; what is exact goes into the role's exact sets instead. */
static void write_group(struct writing *w, const struct permission *permission, const char *label,
                        bool exact_pass)
{
	struct item_list items = {};
	collect_items(w, permission, &items);

	for (size_t i = 0; i < permission->peer_count && items.list.count; i++) {
		const struct peer *peer = &permission->resolved_peers[i];
		const struct address_range *ranges;
		size_t count;
		peer_ranges(w->c, peer, &ranges, &count);
		bool exact = is_exact(w, peer, &items, ranges, count);
		if (exact_pass) {
			if (exact && !w->swapped)
				add_exact(w, ranges, count, &items);
			continue;
		}

		bool only_single_ports = true;
		ARRAY_FOREACH (item, &items.list)
			only_single_ports = only_single_ports && has_single_port(item);
		if (!exact || !only_single_ports)
			write_peer(w, peer, label, &items, !exact);
		if (peer->kind == PEER_ROLE)
			write_assigned_peer(w, peer->role, label, &items);
	}
	ARRAY_DONE(&items.list);
}

static void write_groups(struct writing *w, const struct permission_list *list, bool exact_pass)
{
	unsigned number = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct permission *permission = list->items[i];
		if (permission->any_peer)
			continue;
		number++;
		const char *label = build_name(&w->c->builder, "%s.%u", pass_label(w), number);
		write_group(w, permission, label, exact_pass);
	}
}

/* Everything of one helper, or of none: anywhere first, as that costs one lookup. */
static void write_pass(struct writing *w, const struct permission_list *list)
{
	struct item_list anywhere = {};
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->any_peer)
			collect_items(w, list->items[i], &anywhere);

	write_items(w, pass_label(w), &anywhere, NULL, true);
	ARRAY_DONE(&anywhere.list);

	write_groups(w, list, true);
	write_exact_rules(w);
	write_groups(w, list, false);
}

static bool has_pass(const struct pass *passes, size_t count, const struct service_item *item)
{
	for (size_t i = 0; i < count; i++)
		if (passes[i].protocol == item->protocol &&
		    strcmp(passes[i].kind, item->helper) == 0)
			return true;
	return false;
}

/* The passes with a helper that the list needs; their helper objects are made on the way. */
static size_t list_passes(struct compiler *c, const struct permission_list *list,
                          struct pass passes[static PASSES_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++) {
		for (size_t j = 0; j < list->items[i]->resolved.count; j++) {
			const struct service_item *item = &list->items[i]->resolved.items[j];
			if (!item->helper || has_pass(passes, count, item))
				continue;
			uint8_t families =
			        policy_helper_families(c->policy, item->helper, item->protocol);
			if (!families)
				continue;

			char protocol[PROTOCOL_TEXT_MAX];
			const char *object = build_name(&c->builder, "%s_%s", item->helper,
			                                protocol_print(item->protocol, protocol));
			assert(count < PASSES_MAX);
			passes[count++] =
			        (struct pass){item->helper, item->protocol, families, object};
			build_helper(&c->builder, &(struct helper){.name = object,
			                                           .kind = item->helper,
			                                           .protocol = item->protocol,
			                                           .families = families,
			                                           .at = list->items[i]->at});
		}
	}
	return count;
}

/* Entries with a helper come first: a connection that may have one gets it. */
static void write_list(struct writing *w, const struct permission_list *list)
{
	struct pass passes[PASSES_MAX];
	size_t count = list_passes(w->c, list, passes);
	for (size_t i = 0; i < count; i++) {
		w->pass = passes[i];
		write_pass(w, list);
	}
	w->pass = (struct pass){};
	write_pass(w, list);
}

static void write_role_rules(struct compiler *c, const struct role *role, enum direction direction,
                             const char *chain, struct statement permitted, bool swapped)
{
	bool outbound = direction == DIRECTION_OUTBOUND;
	struct writing w = {
	        .c = c,
	        .peer_side = outbound ? SIDE_DESTINATION : SIDE_SOURCE,
	        .prefix = build_name(&c->builder, "%s_%s", outbound ? "outbound" : "inbound",
	                             role->name),
	        .chain = chain,
	        .permitted = permitted,
	        .swapped = swapped,
	};
	write_list(&w, outbound ? &role->may_initiate : &role->may_be_reached);
}

void compile_permissions(struct compiler *c, const struct role *role, enum direction direction,
                         const char *chain, struct statement permitted)
{
	write_role_rules(c, role, direction, chain, permitted, false);
}

void compile_swapped(struct compiler *c, const struct role *role, enum direction direction,
                     const char *chain, struct statement permitted)
{
	write_role_rules(c, role, direction, chain, permitted, true);
}

static void write_permit_rules(struct compiler *c, const struct permission *permission,
                               const char *prefix, const char *chain, struct statement permitted,
                               bool swapped)
{
	struct writing w = {
	        .c = c,
	        .peer_side = SIDE_DESTINATION,
	        .prefix = prefix,
	        .chain = chain,
	        .permitted = permitted,
	        .timed = true,
	        .swapped = swapped,
	};
	write_list(&w, &(struct permission_list){.items = &permission, .count = 1});
}

void compile_permit_rules(struct compiler *c, const struct permission *permission,
                          const char *chain, struct statement permitted)
{
	write_permit_rules(c, permission, chain, chain, permitted, false);
}

void compile_swapped_permit(struct compiler *c, const struct permission *permission,
                            const char *permit, const char *chain, struct statement permitted)
{
	write_permit_rules(c, permission, permit, chain, permitted, true);
}
