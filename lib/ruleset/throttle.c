/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"
#include "ruleset/names.h"

/*
 * Room for addresses that contacted something new within the time of a throttle, and for what all
 * addresses contacted within THROTTLE_KNOWN_SECONDS. An address takes one place of the first kind,
 * however much it does: those of 65,536 hosts have room. Where somebody sends under so many that
 * there is none left, new contacts of further ones are blocked. Without a place of the second kind
 * a destination is only forgotten at once.
 */
#define SOURCES_MAX      65536
#define DESTINATIONS_MAX 262144

/*
 * Whoever keeps to N within every span T is never stopped by a bucket that holds N and gains N in
 * T; whoever does not gets N at once, and N in T from then on. The rate is said exactly in the
 * shortest unit in which it is a whole number, else in weeks, rounded up.
 */
static struct limit limit_of(const struct throttle *throttle)
{
	static const uint64_t units[] = {1, 60, 3600, 86400, 604800};
	struct limit limit = {.burst = throttle->destinations};

	for (size_t i = 0; i < ELEMENTS_OF(units); i++) {
		uint64_t gained = throttle->destinations * units[i] * USEC_PER_SEC;
		limit.unit = units[i];
		limit.rate = (gained + throttle->per - 1) / throttle->per;
		if (gained % throttle->per == 0)
			break;
	}
	return limit;
}

/* "throttle_ROLE_4": the buckets of all roles that have the throttle of that one. */
static const char *source_set(struct compiler *c, const struct throttle *throttle,
                              enum family family)
{
	const char *name = build_name(&c->builder, "throttle_%s_%c", throttle->role,
	                              family == FAMILY_IPV4 ? '4' : '6');

	/* A bucket that is left alone for that long is full, as one that is made anew. */
	usec_t full = throttle->per + USEC_PER_SEC - 1;
	build_set(&c->builder, &(struct set){.name = name,
	                                     .type = family == FAMILY_IPV4 ? SET_IPV4 : SET_IPV6,
	                                     .dynamic = true,
	                                     .learning = true,
	                                     .timeout = (uint32_t)(full / USEC_PER_SEC),
	                                     .limit = limit_of(throttle),
	                                     .size = SOURCES_MAX,
	                                     .at = throttle->at});
	return name;
}

static const char *known_set(struct compiler *c, enum family family)
{
	const char *name = set_known(family);

	build_set(&c->builder,
	          &(struct set){.name = name,
	                        .type = family == FAMILY_IPV4 ? SET_IPV4_PAIR : SET_IPV6_PAIR,
	                        .dynamic = true,
	                        .learning = true,
	                        .timeout = THROTTLE_KNOWN_SECONDS,
	                        .size = DESTINATIONS_MAX});
	return name;
}

/* "remember_ROLE": a new destination within the limit. Its verdict does not depend on the sets. */
static const char *compile_remember(struct compiler *c, const struct role *role,
                                    const char *permitted)
{
	struct builder *b = &c->builder;
	struct location at = role->throttled->at;
	const char *name = build_name(b, "remember_%s", role->name);
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, "new destinations that a host may contact", at);
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, name, NULL, at,
		     {.kind = ACTION_ADD_PAIR,
		      .family = (enum family)family,
		      .name = known_set(c, (enum family)family)});
	RULE(b, name, NULL, at, to_chain(VERDICT_GOTO, permitted));
	return name;
}

/*
 * What permits stands before what a full set leads to, so that this fails closed; and a destination
 * that is blocked is not remembered.
 */
static void write_throttle(struct compiler *c, const char *chain, const struct role *role,
                           enum mode mode, const char *permitted)
{
	struct builder *b = &c->builder;
	struct location at = role->throttled->at;
	const char *remember = compile_remember(c, role, permitted);

	RULE(b, chain, "judged again: it began before", at, {.kind = MATCH_CT_ESTABLISHED},
	     to_chain(VERDICT_GOTO, permitted));
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, chain, NULL, at,
		     {.kind = MATCH_PAIR_SET,
		      .family = (enum family)family,
		      .name = known_set(c, (enum family)family)},
		     to_chain(VERDICT_GOTO, permitted));
	for (int family = 0; family < FAMILY_COUNT; family++)
		RULE(b, chain, NULL, at,
		     {.kind = ACTION_LIMIT_SOURCE,
		      .family = (enum family)family,
		      .name = source_set(c, role->throttled, (enum family)family)},
		     to_chain(VERDICT_GOTO, remember));
	write_blocked(c, chain, REASON_THROTTLE, role, mode,
	              to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
}

const char *compile_admission(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *permitted = compile_permitted(c, role);
	if (!role->throttled)
		return permitted;

	const char *name = build_name(b, "throttle_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;
	build_chain(b, name, "destinations that are new to a host", role->throttled->at);
	write_throttle(c, name, role, mode, permitted);
	return name;
}
