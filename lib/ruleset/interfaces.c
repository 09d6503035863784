/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include <string.h>

#define SET_INSIDE "inside"

static bool is_wildcard(const struct word *interface)
{
	size_t n = strlen(interface->text);
	return n && interface->text[n - 1] == '*';
}

struct statement match_interface(struct compiler *c, enum statement_kind kind,
                                 const struct word *interface)
{
	bool wildcard = is_wildcard(interface);
	int length = (int)strlen(interface->text) - wildcard;
	return (struct statement){.kind = kind,
	                          .wildcard = wildcard,
	                          .name = build_name(&c->builder, "%.*s", length, interface->text)};
}

static void from_interface_rule(struct compiler *c, const char *chain, struct location at,
                                struct statement interface, const struct statement *more,
                                struct statement last)
{
	if (more)
		RULE(&c->builder, chain, NULL, at, interface, *more, last);
	else
		RULE(&c->builder, chain, NULL, at, interface, last);
}

/* The only one that is no wildcard, or NULL. */
static const struct word *single_name(const struct words *inside)
{
	const struct word *found = NULL;
	for (size_t i = 0; i < inside->count; i++) {
		if (is_wildcard(&inside->items[i]))
			continue;
		if (found)
			return NULL;
		found = &inside->items[i];
	}
	return found;
}

void from_inside_rules(struct compiler *c, const char *chain, const struct statement *more,
                       struct statement last)
{
	const struct words *inside = &c->policy->gateway.inside;
	const struct word *single = single_name(inside);

	if (ruleset_set(c->builder.ruleset, SET_INSIDE))
		from_interface_rule(c, chain, c->policy->gateway.at,
		                    to_chain(MATCH_IIFNAME_SET, SET_INSIDE), more, last);
	for (size_t i = 0; i < inside->count; i++) {
		const struct word *interface = &inside->items[i];
		if (is_wildcard(interface) || interface == single)
			from_interface_rule(c, chain, interface->at,
			                    match_interface(c, MATCH_IIFNAME, interface), more,
			                    last);
	}
}

void make_inside_set(struct compiler *c)
{
	struct builder *b = &c->builder;
	const struct words *inside = &c->policy->gateway.inside;

	if (single_name(inside))
		return; /* a comparison costs a packet less than a look-up */
	for (size_t i = 0; i < inside->count; i++) {
		const struct word *interface = &inside->items[i];
		char key[16] = "";
		if (is_wildcard(interface))
			continue;
		build_set(b, &(struct set){
		                     .name = SET_INSIDE, .type = SET_IFNAME, .at = interface->at});
		memcpy(key, interface->text, strnlen(interface->text, sizeof(key) - 1));
		build_element(b, SET_INSIDE, key, sizeof(key), NULL, interface->at);
	}
}
