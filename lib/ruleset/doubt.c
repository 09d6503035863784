/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/doubt.h"

#include "ruleset/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct doubt {
	struct ruleset *seen;
	const struct ruleset *taken;
	struct delta *difference; /* from what was seen to what was taken */
	struct ruleset *table;
};

/* True when the two disagree about that set: its kind, or an element. */
static bool set_differs(const struct doubt *doubt, const char *name)
{
	ARRAY_FOREACH (step, &doubt->difference->steps)
		if (step->set && strcmp(step->set->name, name) == 0)
			return true;
	return false;
}

/* The same of a chain: its kind, or a rule. */
static bool chain_differs(const struct doubt *doubt, const char *name)
{
	ARRAY_FOREACH (step, &doubt->difference->steps)
		if (step->chain && strcmp(step->chain->name, name) == 0)
			return true;
	return false;
}

/* A base chain is replaced where its policy is in doubt, or what it hooks into. */
static bool base_differs(const struct doubt *doubt, const char *name)
{
	ARRAY_FOREACH (step, &doubt->difference->steps)
		if (step->chain && strcmp(step->chain->name, name) == 0 &&
		    (step->kind == STEP_SET_POLICY || step->kind == STEP_ADD_CHAIN))
			return true;
	return false;
}

/* In a map that leads to a chain which is to come, elements would need a batch before. */
static bool leads_to_new_chain(const struct doubt *doubt, const struct ruleset *wanted,
                               const char *name)
{
	const struct set *set = ruleset_set(wanted, name);
	if (!set || !set->map || set->dynamic)
		return false;
	ARRAY_FOREACH (element, &set->elements) {
		const char *chain = element_chain(set, element);
		if (chain && !ruleset_chain(doubt->taken, chain))
			return true;
	}
	return false;
}

/* Whatever is in it. */
static int add_unread_set(struct doubt *doubt, const struct set *set)
{
	struct set *slot = ARRAY_ADD(&doubt->table->sets);
	if (!slot)
		return -ENOMEM;
	*slot = *set;
	memset(&slot->elements, 0, sizeof(slot->elements));
	slot->at = (struct location){};
	slot->comment = NULL;
	slot->unread = true;
	slot->name = arena_strdup(doubt->table->arena, set->name);
	return slot->name ? 0 : -ENOMEM;
}

static int take_set(struct doubt *doubt, const struct set *taken, const struct ruleset *wanted)
{
	struct set *seen = ruleset_set(doubt->seen, taken->name);
	if (!seen || set_differs(doubt, taken->name) ||
	    (doubt->difference->steps.count && leads_to_new_chain(doubt, wanted, taken->name)))
		return add_unread_set(doubt, taken);
	struct set *slot = ARRAY_ADD(&doubt->table->sets);
	if (!slot)
		return -ENOMEM;
	*slot = *seen;
	memset(&seen->elements, 0, sizeof(seen->elements));
	return 0;
}

/* Whatever rules it has. */
static int add_unread_chain(struct doubt *doubt, const struct chain *chain)
{
	struct chain *slot = ARRAY_ADD(&doubt->table->chains);
	if (!slot)
		return -ENOMEM;
	*slot = *chain;
	memset(&slot->rules, 0, sizeof(slot->rules));
	slot->at = (struct location){};
	slot->comment = NULL;
	slot->unread = true;
	slot->foreign = chain->hook != HOOK_NONE && base_differs(doubt, chain->name);
	slot->name = arena_strdup(doubt->table->arena, chain->name);
	return slot->name ? 0 : -ENOMEM;
}

static int take_chain(struct doubt *doubt, const struct chain *taken)
{
	struct chain *seen = ruleset_chain(doubt->seen, taken->name);
	if (!seen || chain_differs(doubt, taken->name))
		return add_unread_chain(doubt, taken);
	struct chain *slot = ARRAY_ADD(&doubt->table->chains);
	if (!slot)
		return -ENOMEM;
	*slot = *seen;
	memset(&seen->rules, 0, sizeof(seen->rules));
	return 0;
}

static int take_objects(struct doubt *doubt, const struct ruleset *from, const struct ruleset *but)
{
	struct ruleset *table = doubt->table;
	ARRAY_FOREACH (counter, &from->counters) {
		if (but && ruleset_counter(but, counter->name))
			continue;
		struct counter *slot = ARRAY_ADD(&table->counters);
		if (!slot || !(slot->name = arena_strdup(table->arena, counter->name)))
			return -ENOMEM;
	}
	ARRAY_FOREACH (helper, &from->helpers) {
		if (but && ruleset_helper(but, helper->name))
			continue;
		struct helper *slot = ARRAY_ADD(&table->helpers);
		if (!slot)
			return -ENOMEM;
		slot->protocol = helper->protocol;
		slot->families = helper->families;
		slot->name = arena_strdup(table->arena, helper->name);
		slot->kind = arena_strdup(table->arena, helper->kind);
		if (!slot->name || !slot->kind)
			return -ENOMEM;
	}
	return 0;
}

/* What somebody else keeps there is told of, and is not touched. */
static int take_foreign(struct doubt *doubt)
{
	struct ruleset *table = doubt->table;
	ARRAY_FOREACH (name, &doubt->seen->foreign) {
		const char **slot = ARRAY_ADD(&table->foreign);
		if (!slot || !(*slot = arena_strdup(table->arena, *name)))
			return -ENOMEM;
	}
	return 0;
}

/* Objects that nothing leads to, and that go as a whole. */
static int take_prepared(struct doubt *doubt, const struct ruleset *prepared)
{
	const struct ruleset *taken = doubt->taken;
	int r = take_objects(doubt, prepared, taken);
	ARRAY_FOREACH (set, &prepared->sets)
		if (r == 0 && !ruleset_set(taken, set->name))
			r = add_unread_set(doubt, set);
	ARRAY_FOREACH (chain, &prepared->chains)
		if (r == 0 && !ruleset_chain(taken, chain->name) && chain->hook == HOOK_NONE)
			r = add_unread_chain(doubt, chain);
	return r;
}

static int take_all(struct doubt *doubt, const struct ruleset *prepared,
                    const struct ruleset *wanted)
{
	int r = take_objects(doubt, doubt->taken, NULL);
	if (r == 0)
		r = take_foreign(doubt);
	if (r == 0 && prepared)
		r = take_prepared(doubt, prepared);
	ARRAY_FOREACH (set, &doubt->taken->sets)
		if (r == 0)
			r = take_set(doubt, set, wanted);
	ARRAY_FOREACH (chain, &doubt->taken->chains)
		if (r == 0)
			r = take_chain(doubt, chain);
	return r;
}

int ruleset_doubt(struct ruleset *seen, const struct ruleset *taken, const struct ruleset *prepared,
                  const struct ruleset *wanted, struct ruleset **ret_table)
{
	_cleanup_(delta_freep) struct delta *difference = NULL;
	_cleanup_(ruleset_freep) struct ruleset *table = ruleset_new();
	if (!table)
		return -ENOMEM;
	int r = ruleset_diff(seen, taken, &difference);
	if (r < 0)
		return r;

	/* The strings of what was seen are there. */
	struct arena *arena = table->arena;
	table->arena = seen->arena;
	seen->arena = arena;
	table->exists = true;
	table->flags = seen->exists ? seen->flags : taken->flags;
	table->owner = seen->owner;
	table->comment = seen->comment;

	struct doubt doubt = {
	        .seen = seen, .taken = taken, .difference = difference, .table = table};
	r = take_all(&doubt, prepared, wanted);
	if (r < 0)
		return r;
	*ret_table = TAKE_POINTER(table);
	return 0;
}
