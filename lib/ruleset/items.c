/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/items.h"

#include "base/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

bool has_single_port(const struct service_item *item)
{
	return protocol_has_ports(item->protocol) && item->from == item->to;
}

/* The families in which connections that the item permits get its helper. */
static uint8_t helper_families(const struct writing *w, const struct service_item *item)
{
	if (!item->helper)
		return 0;
	return policy_helper_families(w->c->policy, item->helper, item->protocol);
}

static bool is_of_pass(const struct writing *w, const struct service_item *item)
{
	if (!w->pass.kind)
		return helper_families(w, item) != FAMILIES_BOTH;
	return item->helper && item->protocol == w->pass.protocol &&
	       strcmp(item->helper, w->pass.kind) == 0;
}

bool pass_permits(const struct writing *w, const struct service_item *item, enum family family)
{
	uint8_t bit = FAMILY_BIT(family);
	return w->pass.kind ? w->pass.families & bit : !(helper_families(w, item) & bit);
}

/* False when another pass permits all items of the list in that family. */
static bool any_permitted(const struct writing *w, const struct item_list *items,
                          enum family family)
{
	ARRAY_FOREACH (item, &items->list)
		if (pass_permits(w, item, family))
			return true;
	return false;
}

/* The other end's address, and the service at this end. */
static struct statement swap(struct statement statement)
{
	statement.side = statement.side == SIDE_SOURCE ? SIDE_DESTINATION : SIDE_SOURCE;
	statement.swapped = true;
	return statement;
}

static bool can_be_swapped(enum statement_kind kind)
{
	return kind == MATCH_SERVICE_SET || kind == MATCH_PORT_SET ||
	       kind == MATCH_ADDRESS_SERVICE_SET;
}

void write_rule(struct writing *w, const struct statement *address, struct statement match,
                struct location at)
{
	struct statement statements[5];
	size_t n = 0;
	uint8_t families = w->pass.kind ? w->pass.families : FAMILIES_BOTH;

	if (w->swapped && !can_be_swapped(match.kind))
		return;
	if (!address && match.kind != MATCH_ADDRESS_SERVICE_SET && families != FAMILIES_BOTH)
		statements[n++] = (struct statement){
		        .kind = MATCH_FAMILY,
		        .family = families == FAMILY_BIT(FAMILY_IPV4) ? FAMILY_IPV4 : FAMILY_IPV6};
	if (address && w->except)
		statements[n++] = w->swapped ? swap(*w->except) : *w->except;
	if (address)
		statements[n++] = w->swapped ? swap(*address) : *address;
	statements[n++] = w->swapped ? swap(match) : match;
	if (w->pass.object && !w->swapped)
		statements[n++] = to_chain(ACTION_HELPER, w->pass.object);
	statements[n++] = w->permitted;
	build_rule(&w->c->builder, RULE_ALWAYS, w->chain, NULL, at, statements, n);
}

void service_key(uint8_t key[static 8], uint8_t protocol, uint16_t port)
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

void collect_items(struct writing *w, const struct permission *permission, struct item_list *items)
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
			made = build_set(b, &(struct set){.name = label,
			                                  .type = SET_SERVICE,
			                                  .timed = w->timed,
			                                  .at = items->at});
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
		                                       .timed = w->timed,
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
			made = build_set(b, &(struct set){.name = name,
			                                  .type = type,
			                                  .timed = w->timed,
			                                  .at = items->at});
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

void write_items(struct writing *w, const char *label, struct item_list *items,
                 const struct statement *address, bool with_single_ports)
{
	if (!items->list.count || w->c->builder.error)
		return;
	if (address && !any_permitted(w, items, address->family))
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
