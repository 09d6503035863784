/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include "base/record.h"
#include "ruleset/names.h"

#include <assert.h>

/*
 * Room for pairs of source and destination that were told within CONTACTED_SECONDS. Nothing depends
 * on it: where there is none left, each connection of further pairs is told, not the first alone.
 */
#define CONTACTED_MAX 65536

static const char *contacted_set(struct compiler *c, enum family family)
{
	const char *name = set_contacted(family);

	build_set(&c->builder,
	          &(struct set){.name = name,
	                        .type = family == FAMILY_IPV4 ? SET_IPV4_PAIR : SET_IPV6_PAIR,
	                        .dynamic = true,
	                        .learning = true,
	                        .timeout = CONTACTED_SECONDS,
	                        .size = CONTACTED_MAX});
	return name;
}

static struct statement log_contact(struct compiler *c, const struct role *role)
{
	char prefix[LOG_PREFIX_MAX];
	int r = log_prefix_print_contact(role->name, prefix);
	assert(r == 0); /* names are far shorter */
	(void)r;
	return (struct statement){.kind = ACTION_LOG,
	                          .value = c->policy->gateway.contact_group,
	                          .name = build_name(&c->builder, "%s", prefix)};
}

/*
 * It is told before it is remembered, for a full set ends the rule that adds to it. The chain
 * always returns.
 */
static const char *compile_contact(struct compiler *c, const struct role *role)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, CHAIN_CONTACT "%s", role->name);
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, "first contacts that are permitted are told", role->at);
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, name, NULL, role->at,
		     {.kind = MATCH_PAIR_SET,
		      .family = (enum family)family,
		      .name = contacted_set(c, (enum family)family)},
		     {.kind = VERDICT_RETURN});
	RULE(b, name, NULL, role->at, log_contact(c, role));
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, name, NULL, role->at,
		     {.kind = ACTION_ADD_PAIR,
		      .family = (enum family)family,
		      .name = contacted_set(c, (enum family)family)});
	return name;
}

void write_contact(struct compiler *c, const char *chain, const struct role *role)
{
	if (policy_tells_contacts(c->policy, role))
		RULE(&c->builder, chain, NULL, role->at,
		     to_chain(VERDICT_JUMP, compile_contact(c, role)));
}
