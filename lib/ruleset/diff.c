/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/diff.h"

#include <errno.h>
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

/* Two tables being compared. A failure of memory sticks and is asked for once, at the end. */
struct comparison {
	const struct ruleset *have;
	const struct ruleset *wanted;
	struct delta *delta;
	int error;
};

static void add_step(struct comparison *c, struct step step)
{
	struct step *slot = ARRAY_ADD(&c->delta->steps);
	if (slot)
		*slot = step;
	else
		c->error = -ENOMEM;
}

/* `size` may differ as long as everything fits: the kernel cannot change it in place. */
static bool set_can_stay(const struct set *have, const struct set *wanted)
{
	if (have->foreign || have->type != wanted->type || have->interval != wanted->interval ||
	    have->map != wanted->map || have->dynamic != wanted->dynamic)
		return false;
	if (wanted->dynamic)
		return have->size == wanted->size && have->timeout == wanted->timeout;
	return have->size == 0 || have->size >= wanted->elements.count;
}

static const struct set *counterpart(const struct comparison *c, const struct set *wanted)
{
	const struct set *have = ruleset_set(c->have, wanted->name);
	return have && set_can_stay(have, wanted) ? have : NULL;
}

static bool set_stays(const struct comparison *c, const struct set *have)
{
	const struct set *wanted = ruleset_set(c->wanted, have->name);
	return wanted && set_can_stay(have, wanted);
}

static bool chain_can_stay(const struct chain *have, const struct chain *wanted)
{
	return !have->foreign && have->hook == wanted->hook &&
	       (have->hook == HOOK_NONE || have->priority == wanted->priority);
}

static bool chain_stays(const struct comparison *c, const struct chain *have)
{
	const struct chain *wanted = ruleset_chain(c->wanted, have->name);
	return wanted && chain_can_stay(have, wanted);
}

static bool helper_equal(const struct helper *a, const struct helper *b)
{
	return a->protocol == b->protocol && strcmp(a->kind, b->kind) == 0;
}

static bool helper_stays(const struct comparison *c, const char *name)
{
	const struct helper *have = ruleset_helper(c->have, name);
	const struct helper *wanted = ruleset_helper(c->wanted, name);
	return have && wanted && helper_equal(have, wanted);
}

/* A rule that uses a set or helper which is built anew has to be built anew as well. */
static bool rule_can_stay(const struct comparison *c, const struct rule *have)
{
	for (size_t i = 0; i < have->code.count; i++) {
		const struct op *op = &have->code.ops[i];
		if (op->kind == OP_LOOKUP || op->kind == OP_DYNSET) {
			const struct set *set = ruleset_set(c->have, op->name);
			if (!set || !set_stays(c, set))
				return false;
		}
		if (op->kind == OP_HELPER && !helper_stays(c, op->name))
			return false;
	}
	return true;
}

static bool rule_equal(const struct comparison *c, const struct rule *have,
                       const struct rule *wanted)
{
	return bytecode_equal(&have->code, &wanted->code) && rule_can_stay(c, have);
}

/* The rules of a chain that count in the phase of its ruleset. */
struct rules {
	const struct rule **items;
	size_t count;
};

static struct rules rules_of(struct comparison *c, const struct ruleset *ruleset,
                             const struct chain *chain)
{
	struct rules rules = {};
	if (!chain || !chain->rules.count)
		return rules;
	rules.items = arena_alloc(c->delta->arena, chain->rules.count, sizeof(*rules.items));
	if (!rules.items) {
		c->error = -ENOMEM;
		return rules;
	}
	ARRAY_FOREACH (rule, &chain->rules)
		if (rule_counts(ruleset, rule))
			rules.items[rules.count++] = rule;
	return rules;
}

/* How many rules at the start and at the end of a chain may stay; between them all is replaced. */
struct kept {
	size_t first;
	size_t last;
};

static struct kept compare_rules(const struct comparison *c, const struct chain *have,
                                 const struct chain *wanted, const struct rules *h,
                                 const struct rules *w)
{
	struct kept kept = {};
	if (!have || !wanted || !chain_can_stay(have, wanted))
		return kept;

	size_t least = h->count < w->count ? h->count : w->count;
	while (kept.first < least && rule_equal(c, h->items[kept.first], w->items[kept.first]))
		kept.first++;
	while (kept.last < least - kept.first && rule_equal(c, h->items[h->count - kept.last - 1],
	                                                    w->items[w->count - kept.last - 1]))
		kept.last++;
	return kept;
}

static void delete_rules(struct comparison *c)
{
	ARRAY_FOREACH (chain, &c->have->chains) {
		const struct chain *wanted = ruleset_chain(c->wanted, chain->name);
		struct rules h = rules_of(c, c->have, chain), w = rules_of(c, c->wanted, wanted);
		struct kept kept = compare_rules(c, chain, wanted, &h, &w);
		for (size_t i = kept.first; i + kept.last < h.count; i++) {
			add_step(c, (struct step){.kind = STEP_DELETE_RULE,
			                          .chain = chain,
			                          .rule = h.items[i],
			                          .handle = h.items[i]->handle});
			c->delta->rules_deleted++;
		}
	}
}

static void add_rules(struct comparison *c)
{
	ARRAY_FOREACH (chain, &c->wanted->chains) {
		const struct chain *have = ruleset_chain(c->have, chain->name);
		struct rules h = rules_of(c, c->have, have), w = rules_of(c, c->wanted, chain);
		struct kept kept = compare_rules(c, have, chain, &h, &w);
		uint64_t before = kept.last ? h.items[h.count - kept.last]->handle : 0;
		for (size_t i = kept.first; i + kept.last < w.count; i++) {
			add_step(c, (struct step){.kind = STEP_ADD_RULE,
			                          .chain = chain,
			                          .rule = w.items[i],
			                          .handle = before,
			                          .at = w.items[i]->at});
			c->delta->rules_added++;
		}
	}
}

static void delete_sets(struct comparison *c)
{
	ARRAY_FOREACH (set, &c->have->sets) {
		if (set_stays(c, set))
			continue;
		add_step(c, (struct step){.kind = STEP_DELETE_SET, .set = set});
		c->delta->sets_deleted++;
	}
}

static void add_sets(struct comparison *c)
{
	ARRAY_FOREACH (set, &c->wanted->sets) {
		if (counterpart(c, set))
			continue;
		add_step(c, (struct step){.kind = STEP_ADD_SET, .set = set, .at = set->at});
		c->delta->sets_added++;
	}
}

static bool same_chain(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool element_equal(const struct element *a, const struct element *b)
{
	return memcmp(a->from, b->from, sizeof(a->from)) == 0 &&
	       memcmp(a->to, b->to, sizeof(a->to)) == 0 && same_chain(a->chain, b->chain);
}

/*
 * The chain that an element leads to is deleted and made again only with the whole chain; until
 * then the element holds it. Such an element goes away and comes back.
 */
static bool element_can_stay(const struct comparison *c, const struct element *have)
{
	if (!have->chain)
		return true;
	const struct chain *chain = ruleset_chain(c->have, have->chain);
	return chain && chain_stays(c, chain);
}

/* Elements of `a` that `b` has not equally, in the delta's arena; both are sorted. */
static struct element *only_in(struct comparison *c, const struct set *a, const struct set *b,
                               size_t *ret_count)
{
	ARRAY(struct element) only = {};
	size_t j = 0;

	for (size_t i = 0; i < a->elements.count; i++) {
		const struct element *element = &a->elements.items[i];
		const struct element *other = NULL;
		while (j < b->elements.count && element_compare(&b->elements.items[j], element) < 0)
			j++;
		if (j < b->elements.count && element_compare(&b->elements.items[j], element) == 0)
			other = &b->elements.items[j];
		if (other && element_equal(element, other) && element_can_stay(c, element))
			continue;

		struct element *slot = ARRAY_ADD(&only);
		if (slot)
			*slot = *element;
		else
			c->error = -ENOMEM;
	}

	*ret_count = only.count;
	struct element *copy =
	        arena_copy(c->delta->arena, only.items, only.count, sizeof(*only.items));
	if (only.count && !copy) {
		c->error = -ENOMEM;
		*ret_count = 0;
	}
	ARRAY_DONE(&only);
	return copy;
}

static void delete_elements(struct comparison *c)
{
	ARRAY_FOREACH (set, &c->have->sets) {
		if (set->dynamic || !set_stays(c, set))
			continue;
		size_t count;
		struct element *elements =
		        only_in(c, set, ruleset_set(c->wanted, set->name), &count);
		if (!count)
			continue;
		add_step(c, (struct step){.kind = STEP_DELETE_ELEMENTS,
		                          .set = set,
		                          .elements = elements,
		                          .element_count = count});
		c->delta->elements_deleted += count;
	}
}

static void add_elements(struct comparison *c)
{
	ARRAY_FOREACH (set, &c->wanted->sets) {
		if (set->dynamic || !set->elements.count)
			continue;
		const struct set *have = counterpart(c, set);
		const struct element *elements = set->elements.items;
		size_t count = set->elements.count;
		/* What the kernel does not have at all need not be copied. */
		if (have)
			elements = only_in(c, set, have, &count);
		if (!count)
			continue;
		add_step(c, (struct step){.kind = STEP_ADD_ELEMENTS,
		                          .set = set,
		                          .elements = elements,
		                          .element_count = count,
		                          .at = elements[0].at});
		c->delta->elements_added += count;
	}
}

static void delete_chains(struct comparison *c)
{
	ARRAY_FOREACH (chain, &c->have->chains) {
		if (chain_stays(c, chain))
			continue;
		add_step(c, (struct step){.kind = STEP_DELETE_CHAIN, .chain = chain});
		c->delta->chains_deleted++;
	}
}

static void add_chains(struct comparison *c)
{
	ARRAY_FOREACH (chain, &c->wanted->chains) {
		const struct chain *have = ruleset_chain(c->have, chain->name);
		if (!have || !chain_can_stay(have, chain)) {
			add_step(c, (struct step){.kind = STEP_ADD_CHAIN,
			                          .chain = chain,
			                          .at = chain->at});
			c->delta->chains_added++;
		} else if (chain->hook != HOOK_NONE && have->policy_drop != chain->policy_drop) {
			add_step(c, (struct step){.kind = STEP_SET_POLICY,
			                          .chain = chain,
			                          .at = chain->at});
		}
	}
}

static void delete_objects(struct comparison *c)
{
	ARRAY_FOREACH (counter, &c->have->counters)
		if (!ruleset_counter(c->wanted, counter->name))
			add_step(c, (struct step){.kind = STEP_DELETE_COUNTER, .counter = counter});
	ARRAY_FOREACH (helper, &c->have->helpers)
		if (!helper_stays(c, helper->name))
			add_step(c, (struct step){.kind = STEP_DELETE_HELPER, .helper = helper});
}

static void add_objects(struct comparison *c)
{
	ARRAY_FOREACH (counter, &c->wanted->counters)
		if (!ruleset_counter(c->have, counter->name))
			add_step(c, (struct step){.kind = STEP_ADD_COUNTER,
			                          .counter = counter,
			                          .at = counter->at});
	ARRAY_FOREACH (helper, &c->wanted->helpers)
		if (!helper_stays(c, helper->name))
			add_step(c, (struct step){.kind = STEP_ADD_HELPER,
			                          .helper = helper,
			                          .at = helper->at});
}

int ruleset_diff(const struct ruleset *have, const struct ruleset *wanted, struct delta **ret_delta)
{
	static const struct ruleset none;
	_cleanup_(delta_freep) struct delta *delta = calloc(1, sizeof(*delta));
	if (!delta)
		return -ENOMEM;
	delta->arena = arena_new();
	if (!delta->arena)
		return -ENOMEM;

	struct comparison c = {
	        .have = have && have->exists ? have : &none,
	        .wanted = wanted,
	        .delta = delta,
	};
	if (!c.have->exists || c.have->flags != wanted->flags)
		add_step(&c, (struct step){.kind = STEP_ADD_TABLE, .ruleset = wanted});

	/* What refers to others goes before what it refers to, and comes after it. */
	delete_rules(&c);
	delete_elements(&c);
	delete_sets(&c);
	delete_chains(&c);
	delete_objects(&c);
	add_objects(&c);
	add_chains(&c);
	add_sets(&c);
	add_elements(&c);
	add_rules(&c);
	if (c.error)
		return c.error;

	*ret_delta = TAKE_POINTER(delta);
	return 0;
}
