/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include "policy/runtime.h"
#include "ruleset/compile.h"
#include "ruleset/names.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Room in the sets of assignments, so that none of them ever has to be built anew. */
#define ASSIGNED_MAX REQUESTS_MAX

bool in_force(const struct compiler *c, usec_t until)
{
	return !until || until > c->now;
}

void set_life(struct compiler *c, usec_t until, const char *comment)
{
	usec_t left = until ? until - c->now + USEC_PER_SEC - 1 : 0;
	assert(in_force(c, until));
	left /= USEC_PER_SEC;
	c->builder.life = (struct life){
	        .timeout = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left,
	        .comment = comment ? build_name(&c->builder, "%s", comment) : NULL,
	};
}

/* All assignments of a family that are in force. */
#define ASSIGNMENTS_FOREACH(a, c, of_family)                                                       \
	for (const struct assignment *a =                                                          \
	             (c)->policy->runtime ? (c)->policy->runtime->assignments.items : NULL;        \
	     a && a < (c)->policy->runtime->assignments.items +                                    \
	                          (c)->policy->runtime->assignments.count;                         \
	     a++)                                                                                  \
		if (a->address.family == (of_family) && in_force((c), a->until))

/* "assigned_address4": all that are assigned. */
static const char *address_set(struct compiler *c, enum family family)
{
	return build_name(&c->builder, "assigned_address%c", family == FAMILY_IPV4 ? '4' : '6');
}

/* "assigned_to_ROLE_4": those assigned to that role. */
static const char *role_set(struct compiler *c, const struct role *role, enum family family)
{
	return build_name(&c->builder, SET_ASSIGNED_TO "%s_%c", role->name,
	                  family == FAMILY_IPV4 ? '4' : '6');
}

static void add(struct compiler *c, const char *set, const struct assignment *assignment)
{
	static const struct location nowhere;
	struct life before = c->builder.life;
	set_life(c, assignment->until, assignment->comment);
	build_element(&c->builder, set, assignment->address.bytes,
	              family_length(assignment->address.family), NULL, nowhere);
	c->builder.life = before;
}

/* Makes a set of the assignments to a role (NULL: to any) when it is not there yet. */
static void make_set(struct compiler *c, const char *name, const struct role *role,
                     enum family family)
{
	struct builder *b = &c->builder;
	if (!build_set(b, &(struct set){.name = name,
	                                .type = family == FAMILY_IPV4 ? SET_IPV4 : SET_IPV6,
	                                .timed = true,
	                                .size = ASSIGNED_MAX}))
		return;
	ASSIGNMENTS_FOREACH(assignment, c, family)
	if (!role || assignment->host.role == role)
		add(c, name, assignment);
}

/* [role->index]: true for roles to which an address of the family is assigned; NULL: none. */
static const bool *roles_assigned(struct compiler *c, enum family family)
{
	bool *assigned = NULL;
	ASSIGNMENTS_FOREACH(assignment, c, family)
	{
		if (!assigned)
			assigned = arena_alloc(c->builder.ruleset->arena, c->policy->roles.count,
			                       sizeof(*assigned));
		if (!assigned) {
			c->builder.error = -ENOMEM;
			return NULL;
		}
		assigned[assignment->host.role->index] = true;
	}
	return assigned;
}

void write_assigned(struct compiler *c, const char *chain, enum family family, enum side side)
{
	struct builder *b = &c->builder;
	const bool *assigned = roles_assigned(c, family);

	for (size_t i = 0; assigned && i < c->policy->roles.count && !b->error; i++) {
		const struct role *role = &c->policy->roles.items[i];
		if (!assigned[i])
			continue;
		const char *target = CHAIN_NOT_JUDGED;
		if (side == SIDE_SOURCE)
			target = compile_role(c, role, role->effective_mode);
		else if (role->judged_inbound)
			target = compile_inbound(c, role, role->effective_mode);
		RULE(b, chain, NULL, role->at, assigned_to(c, role, family, side),
		     to_chain(VERDICT_GOTO, target));
	}
}

bool role_is_assigned(struct compiler *c, const struct role *role, enum family family)
{
	ASSIGNMENTS_FOREACH(assignment, c, family)
	if (assignment->host.role == role)
		return true;
	return false;
}

struct statement not_assigned(struct compiler *c, enum family family, enum side side)
{
	const char *name = address_set(c, family);
	make_set(c, name, NULL, family);

	struct statement statement = match_address(family, side, name);
	statement.inverted = true;
	return statement;
}

struct statement assigned_to(struct compiler *c, const struct role *role, enum family family,
                             enum side side)
{
	const char *name = role_set(c, role, family);
	make_set(c, name, role, family);
	return match_address(family, side, name);
}

bool chain_asks(const struct ruleset *have, const char *chain_name, const char *set)
{
	const struct chain *chain = ruleset_chain(have, chain_name);
	if (!chain)
		return false;
	ARRAY_FOREACH (rule, &chain->rules)
		for (size_t i = 0; i < rule->statement_count; i++) {
			const struct statement *s = &rule->statements[i];
			if ((s->kind == MATCH_ADDRESS_SET || s->kind == MATCH_ETHER_SET) &&
			    strcmp(s->name, set) == 0)
				return true;
		}
	return false;
}

/*
 * The sets of one family, of those that `have` has the ones with elements, now or then; -ENOENT: it
 * lacks one that is needed, or the rules that lead from it to the role.
 */
static int make_sets(struct compiler *c, const struct ruleset *have, enum family family)
{
	const bool *assigned = roles_assigned(c, family);
	const char *name = address_set(c, family);

	if (ruleset_set(have, name))
		make_set(c, name, NULL, family);
	for (size_t i = 0; i < c->policy->roles.count && !c->builder.error; i++) {
		bool wanted = assigned && assigned[i];
		name = role_set(c, &c->policy->roles.items[i], family);
		const struct set *known = ruleset_set(have, name);
		if (wanted &&
		    (!known || !chain_asks(have, CHAIN_FROM_INSIDE, name) ||
		     (inbound_is_judged(c->policy) && !chain_asks(have, CHAIN_INBOUND, name))))
			return -ENOENT;
		if (wanted || (known && known->elements.count))
			make_set(c, name, &c->policy->roles.items[i], family);
	}
	return c->builder.error;
}

int ruleset_assignments(const struct policy *policy, usec_t now, const struct ruleset *have,
                        struct ruleset **ret_ruleset)
{
	struct compiler c;
	int r = compiler_begin(&c, policy, now);
	if (r < 0)
		return r;
	c.builder.ruleset->flags = have->flags;
	for (int family = 0; family < FAMILY_COUNT && r == 0; family++)
		r = make_sets(&c, have, (enum family)family);
	return compiler_end(&c, r, ret_ruleset);
}

static bool has_range(const struct host *host)
{
	for (size_t i = 0; i < host->range_count; i++)
		if (!range_is_single(&host->ranges[i].range))
			return true;
	return false;
}

bool can_lose_addresses(struct compiler *c, const struct host *host, const struct role *role)
{
	const struct policy *policy = c->policy;
	if (host)
		return has_range(host);
	if (!c->roles_with_ranges) {
		c->roles_with_ranges = arena_alloc(c->builder.ruleset->arena, policy->roles.count,
		                                   sizeof(*c->roles_with_ranges));
		if (!c->roles_with_ranges) {
			c->builder.error = -ENOMEM;
			return true;
		}
		for (size_t i = 0; i < policy->hosts.count; i++)
			if (has_range(&policy->hosts.items[i]))
				c->roles_with_ranges[policy->hosts.items[i].role->index] = true;
	}
	return c->roles_with_ranges[role->index];
}
