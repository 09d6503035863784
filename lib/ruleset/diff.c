/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/diff.h"

#include "ruleset/comparison.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

struct delta *delta_free(struct delta *delta)
{
	if (!delta)
		return NULL;
	ARRAY_DONE(&delta->steps);
	arena_free(delta->arena);
	free(delta);
	return NULL;
}

void comparison_step(struct comparison *c, struct step step)
{
	struct step *slot = ARRAY_ADD(&c->delta->steps);
	if (slot)
		*slot = step;
	else
		c->error = -ENOMEM;
}

static bool limit_equal(const struct limit *a, const struct limit *b)
{
	return a->rate == b->rate && a->unit == b->unit && a->burst == b->burst;
}

/* `size` may differ as long as everything fits: the kernel cannot change it in place. */
static bool set_can_stay(const struct set *have, const struct set *wanted)
{
	if (have->foreign || have->unread || have->type != wanted->type || have->interval != wanted->interval ||
	    have->map != wanted->map || have->dynamic != wanted->dynamic ||
	    have->timed != wanted->timed)
		return false;
	if (wanted->dynamic)
		return have->size == wanted->size && have->timeout == wanted->timeout &&
		       have->learning == wanted->learning &&
		       limit_equal(&have->limit, &wanted->limit);
	return have->size == 0 || have->size >= wanted->elements.count;
}

static bool chain_can_stay(const struct chain *have, const struct chain *wanted)
{
	return !have->foreign && have->hook == wanted->hook &&
	       (have->hook == HOOK_NONE || have->priority == wanted->priority);
}

const struct set *staying_set(const struct comparison *c, const struct set *have)
{
	return c->sets[have - c->have->sets.items];
}

const struct chain *staying_chain(const struct comparison *c, const struct chain *have)
{
	return c->chains[have - c->have->chains.items];
}

const struct set *set_there(const struct comparison *c, const struct set *wanted)
{
	const struct set *have = ruleset_set(c->have, wanted->name);
	return have && staying_set(c, have) ? have : NULL;
}

const struct chain *chain_there(const struct comparison *c, const struct chain *wanted)
{
	const struct chain *have = ruleset_chain(c->have, wanted->name);
	return have && staying_chain(c, have) ? have : NULL;
}

static bool helper_equal(const struct helper *a, const struct helper *b)
{
	return a->protocol == b->protocol && a->families == b->families &&
	       strcmp(a->kind, b->kind) == 0;
}

bool helper_stays(const struct comparison *c, const char *name)
{
	const struct helper *have = ruleset_helper(c->have, name);
	const struct helper *wanted = ruleset_helper(c->wanted, name);
	return have && wanted && helper_equal(have, wanted);
}

/* Finds the counterparts of all that is there. */
static void match(struct comparison *c)
{
	struct arena *arena = c->delta->arena;
	size_t i = 0, j = 0;

	c->sets = arena_alloc(arena, c->have->sets.count, sizeof(struct set *));
	c->chains = arena_alloc(arena, c->have->chains.count, sizeof(struct chain *));
	if ((c->have->sets.count && !c->sets) || (c->have->chains.count && !c->chains)) {
		c->error = -ENOMEM;
		return;
	}
	c->sets_stay = c->chains_stay = c->helpers_stay = true;
	ARRAY_FOREACH (set, &c->have->sets) {
		const struct set *wanted = ruleset_set(c->wanted, set->name);
		bool stays = wanted && set_can_stay(set, wanted);
		c->sets[i++] = stays ? wanted : NULL;
		c->sets_stay = c->sets_stay && stays;
	}
	ARRAY_FOREACH (chain, &c->have->chains) {
		const struct chain *wanted = ruleset_chain(c->wanted, chain->name);
		bool stays = wanted && chain_can_stay(chain, wanted);
		c->chains[j++] = stays ? wanted : NULL;
		c->chains_stay = c->chains_stay && stays;
	}
	ARRAY_FOREACH (helper, &c->have->helpers)
		c->helpers_stay = c->helpers_stay && helper_stays(c, helper->name);
}

static void delete_sets(struct comparison *c)
{
	ARRAY_FOREACH (set, &c->have->sets) {
		if (staying_set(c, set))
			continue;
		comparison_step(c, (struct step){.kind = STEP_DELETE_SET, .set = set});
		c->delta->sets_deleted++;
	}
}

static void add_sets(struct comparison *c)
{
	ARRAY_FOREACH (set, &c->wanted->sets) {
		if (set_there(c, set))
			continue;
		comparison_step(c, (struct step){.kind = STEP_ADD_SET, .set = set, .at = set->at});
		c->delta->sets_added++;
	}
}

static void delete_chains(struct comparison *c)
{
	ARRAY_FOREACH (chain, &c->have->chains) {
		if (staying_chain(c, chain))
			continue;
		comparison_step(c, (struct step){.kind = STEP_DELETE_CHAIN, .chain = chain});
		c->delta->chains_deleted++;
	}
}

static void add_chains(struct comparison *c)
{
	ARRAY_FOREACH (chain, &c->wanted->chains) {
		const struct chain *have = chain_there(c, chain);
		if (!have) {
			comparison_step(c, (struct step){.kind = STEP_ADD_CHAIN,
			                                 .chain = chain,
			                                 .at = chain->at});
			c->delta->chains_added++;
		} else if (chain->hook != HOOK_NONE && have->policy_drop != chain->policy_drop) {
			comparison_step(c, (struct step){.kind = STEP_SET_POLICY,
			                                 .chain = chain,
			                                 .at = chain->at});
		}
	}
}

static void delete_objects(struct comparison *c)
{
	ARRAY_FOREACH (counter, &c->have->counters)
		if (!ruleset_counter(c->wanted, counter->name))
			comparison_step(
			        c, (struct step){.kind = STEP_DELETE_COUNTER, .counter = counter});
	ARRAY_FOREACH (helper, &c->have->helpers)
		if (!helper_stays(c, helper->name))
			comparison_step(
			        c, (struct step){.kind = STEP_DELETE_HELPER, .helper = helper});
	ARRAY_FOREACH (object, &c->have->objects)
		comparison_step(c, (struct step){.kind = STEP_DELETE_OBJECT, .object = object});
}

static void add_objects(struct comparison *c)
{
	ARRAY_FOREACH (counter, &c->wanted->counters)
		if (!ruleset_counter(c->have, counter->name))
			comparison_step(c, (struct step){.kind = STEP_ADD_COUNTER,
			                                 .counter = counter,
			                                 .at = counter->at});
	ARRAY_FOREACH (helper, &c->wanted->helpers)
		if (!helper_stays(c, helper->name))
			comparison_step(c, (struct step){.kind = STEP_ADD_HELPER,
			                                 .helper = helper,
			                                 .at = helper->at});
}

/* What refers to others goes before what it refers to, and comes after it. */
static void write_steps(struct comparison *c, const struct element_changes *elements,
                        const struct rule_changes *rules)
{
	struct delta *delta = c->delta;

	if (!c->have->exists || c->have->flags != c->wanted->flags)
		comparison_step(c, (struct step){
		                           .kind = STEP_ADD_TABLE,
		                           .ruleset = c->wanted,
		                           .absent = !c->have->exists,
		                           .fresh = !c->have->exists ||
		                                    (c->have->flags & NFT_TABLE_F_DORMANT),
		                   });
	ARRAY_FOREACH (step, &rules->deleted)
		comparison_step(c, *step);
	ARRAY_FOREACH (step, &elements->deleted) {
		comparison_step(c, *step);
		delta->elements_deleted += step->element_count;
	}
	delete_sets(c);
	delete_chains(c);
	delete_objects(c);
	add_objects(c);
	add_chains(c);
	add_sets(c);
	ARRAY_FOREACH (step, &elements->added) {
		comparison_step(c, *step);
		delta->elements_added += step->element_count;
	}
	ARRAY_FOREACH (step, &rules->added)
		comparison_step(c, *step);
	delta->rules_deleted = rules->deleted.count;
	delta->rules_added = rules->added.count;
}

int ruleset_diff_again(const struct ruleset *have, const struct ruleset *wanted,
                       const struct delta *known, struct delta **ret_delta)
{
	static const struct ruleset none;
	struct element_changes elements = {};
	struct rule_changes rules = {};
	_cleanup_(delta_freep) struct delta *delta = calloc(1, sizeof(*delta));
	if (!delta)
		return -ENOMEM;
	delta->arena = arena_new();
	if (!delta->arena)
		return -ENOMEM;

	struct comparison c = {
	        .have = have && have->exists ? have : &none,
	        .wanted = wanted,
	        .known = known,
	        .delta = delta,
	};
	match(&c);
	if (!c.error)
		compare_elements(&c, &elements);
	if (!c.error)
		compare_rules(&c, &rules);
	if (!c.error)
		write_steps(&c, &elements, &rules);
	ARRAY_DONE(&elements.deleted);
	ARRAY_DONE(&elements.added);
	ARRAY_DONE(&rules.deleted);
	ARRAY_DONE(&rules.added);
	if (c.error)
		return c.error;

	*ret_delta = TAKE_POINTER(delta);
	return 0;
}

int ruleset_diff(const struct ruleset *have, const struct ruleset *wanted, struct delta **ret_delta)
{
	return ruleset_diff_again(have, wanted, NULL, ret_delta);
}
