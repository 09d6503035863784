/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include "base/protocol.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Past this many combinations of address and port, a group becomes a rule over interval sets. */
#define EXACT_ELEMENTS_MAX 4096

/* Items with the same conntrack helper on the same protocol: the kernel has an object for each. */
struct pass {
	const char *kind; /* "ftp"; NULL: items without a helper */
	uint8_t protocol;
	const char *object; /* "ftp_tcp", the helper object's name; NULL as kind */
};
#define PASSES_MAX 64

/* One direction of one role on its way into one chain. */
struct writing {
	struct compiler *c;
	enum side peer_side; /* where `to` (destination) or `from` (source) stands in the packet */
	const char *prefix;  /* of set names: "outbound_desk" */
	const char *chain;
	struct pass pass; /* what is being written now */
	struct statement permitted;
};

static bool has_single_port(const struct service_item *item)
{
	return protocol_has_ports(item->protocol) && item->from == item->to;
}

static bool is_of_pass(const struct writing *w, const struct service_item *item)
{
	if (!w->pass.kind)
		return !item->helper;
	return item->helper && item->protocol == w->pass.protocol &&
	       strcmp(item->helper, w->pass.kind) == 0;
}

/* Appends `[address match] MATCH [ct helper set] PERMITTED`. */
static void write_rule(struct writing *w, const struct statement *address, struct statement match,
                       struct location at)
{
	struct statement statements[4];
	size_t n = 0;

	if (address)
		statements[n++] = *address;
	statements[n++] = match;
	if (w->pass.object)
		statements[n++] = to_chain(ACTION_HELPER, w->pass.object);
	statements[n++] = w->permitted;
	build_rule(&w->c->builder, RULE_ALWAYS, w->chain, NULL, at, statements, n);
}

/* A key of SET_SERVICE, or its tail in an address . protocol . port. */
static void service_key(uint8_t key[static 8], uint8_t protocol, uint16_t port)
{
	uint16_t big_endian = htons(port);
	memset(key, 0, 8);
	key[0] = protocol;
	memcpy(key + 4, &big_endian, sizeof(big_endian));
}

static int compare_items(const void *a, const void *b)
{
	const struct service_item *x = a, *y = b;
	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

struct item_list {
	ARRAY(struct service_item) list;
	struct location at; /* of the first permission in it */
};

static void collect(struct writing *w, const struct permission *permission, struct item_list *items)
{
	for (size_t i = 0; i < permission->resolved.count; i++) {
		if (!is_of_pass(w, &permission->resolved.items[i]))
			continue;
		if (!items->list.count)
			items->at = permission->at;
		struct service_item *item = ARRAY_ADD(&items->list);
		if (!item) {
			w->c->builder.error = -ENOMEM;
			return;
		}
		*item = permission->resolved.items[i];
	}
}

/* Protocol and single ports: one lookup in a hash. */
static void write_services(struct writing *w, const char *label, const struct item_list *items,
                           const struct statement *address)
{
	struct builder *b = &w->c->builder;
	bool any = false, made = false;

	ARRAY_FOREACH (item, &items->list) {
		if (!has_single_port(item))
			continue;
		if (!any)
			made = build_set(
			        b,
			        &(struct set){.name = label, .type = SET_SERVICE, .at = items->at});
		any = true;

		uint8_t key[8];
		service_key(key, item->protocol, item->from);
		if (made)
			build_element(b, label, key, sizeof(key), NULL, items->at);
	}
	if (any)
		write_rule(w, address, (struct statement){.kind = MATCH_SERVICE_SET, .name = label},
		           items->at);
}

static void write_port_range(struct builder *b, const char *set, uint16_t from, uint16_t to,
                             struct location at)
{
	uint16_t first = htons(from), last = htons(to);
	build_range(b, set, &first, &last, sizeof(first), NULL, at);
}

/* Port ranges: an interval set for each protocol that has any; the items are sorted. */
static void write_port_ranges(struct writing *w, const char *label, const struct item_list *items,
                              const struct statement *address)
{
	struct builder *b = &w->c->builder;
	const struct service_item *all = items->list.items;

	for (size_t i = 0; i < items->list.count;) {
		if (!protocol_has_ports(all[i].protocol) || has_single_port(&all[i])) {
			i++;
			continue;
		}

		uint8_t protocol = all[i].protocol;
		char protocol_text[PROTOCOL_TEXT_MAX];
		const char *name =
		        build_name(b, "%s.%s", label, protocol_print(protocol, protocol_text));
		bool made = build_set(b, &(struct set){.name = name,
		                                       .type = SET_PORT,
		                                       .interval = true,
		                                       .at = items->at});

		/* Ranges that overlap or touch are joined: the kernel takes disjoint ones only. */
		uint16_t from = all[i].from, to = all[i].to;
		for (i++; i < items->list.count && all[i].protocol == protocol; i++) {
			if (has_single_port(&all[i]))
				continue;
			if ((uint32_t)all[i].from > (uint32_t)to + 1) {
				if (made)
					write_port_range(b, name, from, to, items->at);
				from = all[i].from;
				to = all[i].to;
			} else if (all[i].to > to) {
				to = all[i].to;
			}
		}
		if (made)
			write_port_range(b, name, from, to, items->at);
		write_rule(
		        w, address,
		        (struct statement){.kind = MATCH_PORT_SET, .value = protocol, .name = name},
		        items->at);
	}
}

/* ICMP types and protocols without ports: a small hash of one byte. */
static void write_bytes(struct writing *w, const char *label, const struct item_list *items,
                        const struct statement *address, enum set_type type)
{
	struct builder *b = &w->c->builder;
	struct statement match = {};
	const char *name = NULL;
	bool made = false;

	ARRAY_FOREACH (item, &items->list) {
		enum set_type of_item = SET_PROTOCOL;
		if (protocol_has_ports(item->protocol))
			continue;
		if (protocol_has_types(item->protocol))
			of_item = item->protocol == IPPROTO_ICMP ? SET_ICMP_TYPE : SET_ICMPV6_TYPE;
		if (of_item != type)
			continue;

		if (!name) {
			match.kind = type == SET_PROTOCOL    ? MATCH_PROTOCOL_SET
			             : type == SET_ICMP_TYPE ? MATCH_ICMP_TYPE_SET
			                                     : MATCH_ICMPV6_TYPE_SET;
			name = build_name(b, "%s.%s", label,
			                  type == SET_PROTOCOL    ? "protocols"
			                  : type == SET_ICMP_TYPE ? "icmp"
			                                          : "icmpv6");
			made = build_set(
			        b, &(struct set){.name = name, .type = type, .at = items->at});
		}
		uint8_t key = type == SET_PROTOCOL ? item->protocol : (uint8_t)item->from;
		if (made)
			build_element(b, name, &key, sizeof(key), NULL, items->at);
	}
	if (name) {
		match.name = name;
		write_rule(w, address, match, items->at);
	}
}

/* All rules for a list of items, with the address match in front where there is one. */
static void write_items(struct writing *w, const char *label, struct item_list *items,
                        const struct statement *address, bool with_single_ports)
{
	if (!items->list.count || w->c->builder.error)
		return;
	qsort(items->list.items, items->list.count, sizeof(*items->list.items), compare_items);

	/* icmp in an IPv6 packet is not ICMP, nor the reverse. */
	bool ipv4 = !address || address->family == FAMILY_IPV4;
	bool ipv6 = !address || address->family == FAMILY_IPV6;

	if (with_single_ports)
		write_services(w, label, items, address);
	write_port_ranges(w, label, items, address);
	if (ipv4)
		write_bytes(w, label, items, address, SET_ICMP_TYPE);
	if (ipv6)
		write_bytes(w, label, items, address, SET_ICMPV6_TYPE);
	write_bytes(w, label, items, address, SET_PROTOCOL);
}

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

static void add_exact(struct writing *w, const struct address_range *ranges, size_t count,
                      const struct item_list *items)
{
	struct builder *b = &w->c->builder;
	const char *sets[FAMILY_COUNT] = {};

	for (size_t i = 0; i < count; i++) {
		enum family family = ranges[i].from.family;
		size_t length = family_length(family);
		if (!sets[family]) {
			sets[family] = exact_set(w, family);
			build_set(b, &(struct set){.name = sets[family],
			                           .type = family == FAMILY_IPV4 ? SET_IPV4_SERVICE
			                                                         : SET_IPV6_SERVICE,
			                           .at = items->at});
		}
		ARRAY_FOREACH (item, &items->list) {
			uint8_t key[SET_KEY_MAX];
			if (!has_single_port(item))
				continue;
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

/* Rules of one `{ service; to | from }`; what is exact goes into the role's exact sets instead. */
static void write_group(struct writing *w, const struct permission *permission, const char *label,
                        bool exact_pass)
{
	struct item_list items = {};
	collect(w, permission, &items);

	for (size_t i = 0; i < permission->peer_count && items.list.count; i++) {
		const struct peer *peer = &permission->resolved_peers[i];
		const struct address_range *ranges;
		size_t count;
		peer_ranges(w->c, peer, &ranges, &count);
		bool exact = all_single(ranges, count) && fits_exact(count, &items);
		if (exact_pass) {
			if (exact)
				add_exact(w, ranges, count, &items);
			continue;
		}

		bool only_single_ports = true;
		ARRAY_FOREACH (item, &items.list)
			only_single_ports = only_single_ports && has_single_port(item);
		if (exact && only_single_ports)
			continue;

		struct peer_sets sets = compile_peer(w->c, peer);
		for (int family = 0; family < FAMILY_COUNT; family++) {
			if (!sets.set[family])
				continue;
			struct statement address =
			        match_address((enum family)family, w->peer_side, sets.set[family]);
			write_items(w, label, &items, &address, !exact);
		}
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
			collect(w, list->items[i], &anywhere);

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

			char protocol[PROTOCOL_TEXT_MAX];
			const char *object = build_name(&c->builder, "%s_%s", item->helper,
			                                protocol_print(item->protocol, protocol));
			assert(count < PASSES_MAX); /* check knows ten kinds, on tcp or udp */
			passes[count++] = (struct pass){item->helper, item->protocol, object};
			build_helper(&c->builder, object, item->helper, item->protocol,
			             list->items[i]->at);
		}
	}
	return count;
}

void compile_permissions(struct compiler *c, const struct role *role, enum direction direction,
                         const char *chain, struct statement permitted)
{
	bool outbound = direction == DIRECTION_OUTBOUND;
	const struct permission_list *list = outbound ? &role->may_initiate : &role->may_be_reached;
	struct writing w = {
	        .c = c,
	        .peer_side = outbound ? SIDE_DESTINATION : SIDE_SOURCE,
	        .prefix = build_name(&c->builder, "%s_%s", outbound ? "outbound" : "inbound",
	                             role->name),
	        .chain = chain,
	        .permitted = permitted,
	};

	/* Entries with a helper come first: a connection that may have one gets it. */
	struct pass passes[PASSES_MAX];
	size_t count = list_passes(c, list, passes);
	for (size_t i = 0; i < count; i++) {
		w.pass = passes[i];
		write_pass(&w, list);
	}
	w.pass = (struct pass){};
	write_pass(&w, list);
}
