/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/comparison.h"

#include <errno.h>
#include <string.h>

/* The names of the chains that two elements lead to are mostly those of the elements before. */
struct same_names {
	const char *a, *b;
};

static bool same_chain(struct same_names *last, const char *a, const char *b)
{
	if (a == b || (a == last->a && b == last->b))
		return true;
	if (!a || !b || strcmp(a, b) != 0)
		return false;
	*last = (struct same_names){a, b};
	return true;
}

static bool same_comment(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Of an element that ends the comment says when; what is left until then is another at each look.
 */
static bool same_life(const struct life *a, const struct life *b)
{
	return !a->timeout == !b->timeout && same_comment(a->comment, b->comment);
}

/*
 * The chain that an element leads to is deleted and made again only with the whole chain; until
 * then the element holds it. Such an element goes away and comes back.
 */
static bool chain_can_stay(const struct comparison *c, const char *have)
{
	if (!have || c->chains_stay)
		return true;
	const struct chain *chain = ruleset_chain(c->have, have);
	return chain && staying_chain(c, chain);
}

/* Two elements of the same bytes, in sets that are alike. */
static bool element_can_stay(const struct comparison *c, struct same_names *last,
                             const struct set *set, const struct element *have,
                             const struct element *wanted)
{
	const char *chain = element_chain(set, have);
	return (!set->timed || same_life(have->life, wanted->life)) &&
	       same_chain(last, chain, element_chain(set, wanted)) && chain_can_stay(c, chain);
}

/* Elements picked out of a set. */
struct picked {
	ARRAY(struct element) list;
};

static void pick(struct comparison *c, struct picked *picked, const struct element *element)
{
	struct element *slot = ARRAY_ADD(&picked->list);
	if (slot)
		*slot = *element;
	else
		c->error = -ENOMEM;
}

/* Both sets are sorted: one walk along the two of them. */
static void walk(struct comparison *c, const struct set *have, const struct set *wanted,
                 struct picked *deleted, struct picked *added)
{
	/* An empty set has no items to count from. */
	const struct element *h = have->elements.items, *w = wanted->elements.items;
	const struct element *h_end = h ? h + have->elements.count : NULL;
	const struct element *w_end = w ? w + wanted->elements.count : NULL;
	struct same_names last = {};

	while ((h < h_end || w < w_end) && !c->error) {
		int order = h == h_end ? 1 : w == w_end ? -1 : element_compare(h, w);
		if (order == 0 && element_can_stay(c, &last, have, h, w)) {
			h++;
			w++;
			continue;
		}
		if (order <= 0)
			pick(c, deleted, h++);
		if (order >= 0)
			pick(c, added, w++);
	}
}

static void note(struct comparison *c, struct step **slot, struct step step, struct picked *picked)
{
	if (!*slot)
		c->error = -ENOMEM;
	if (c->error)
		return;
	step.elements = arena_copy(c->delta->arena, picked->list.items, picked->list.count,
	                           sizeof(*picked->list.items));
	step.element_count = picked->list.count;
	if (!step.elements)
		c->error = -ENOMEM;
	**slot = step;
}

/* The elements of a set that stays. */
static void compare_set(struct comparison *c, const struct set *have, const struct set *wanted,
                        struct element_changes *changes)
{
	struct picked deleted = {}, added = {};

	/* Two tables may share their elements. */
	if (have->elements.items == wanted->elements.items &&
	    have->elements.count == wanted->elements.count && c->chains_stay)
		return;
	walk(c, have, wanted, &deleted, &added);
	/* Where they were written matters for what comes; what goes may outlive that file's name.
	 */
	ARRAY_FOREACH (element, &deleted.list)
		element->file = 0;
	if (deleted.list.count) {
		struct step *slot = ARRAY_ADD(&changes->deleted);
		note(c, &slot, (struct step){.kind = STEP_DELETE_ELEMENTS, .set = have}, &deleted);
	}
	if (added.list.count) {
		struct step *slot = ARRAY_ADD(&changes->added);
		note(c, &slot,
		     (struct step){.kind = STEP_ADD_ELEMENTS,
		                   .ruleset = c->wanted,
		                   .set = wanted,
		                   .at = element_location(c->wanted, &added.list.items[0])},
		     &added);
	}
	ARRAY_DONE(&deleted.list);
	ARRAY_DONE(&added.list);
}

/* What the kernel does not have at all need not be compared and copied. */
static void add_whole_set(struct comparison *c, const struct set *wanted,
                          struct element_changes *changes)
{
	struct step *slot = ARRAY_ADD(&changes->added);
	if (!slot) {
		c->error = -ENOMEM;
		return;
	}
	*slot = (struct step){
	        .kind = STEP_ADD_ELEMENTS,
	        .ruleset = c->wanted,
	        .set = wanted,
	        .fresh = true,
	        .elements = wanted->elements.items,
	        .element_count = wanted->elements.count,
	        .at = element_location(c->wanted, &wanted->elements.items[0]),
	};
}

/* Which rules count has no bearing on the elements: they are as they were found before. */
static void take_known(struct comparison *c, struct element_changes *changes)
{
	ARRAY_FOREACH (step, &c->known->steps) {
		struct step *slot;
		if (step->kind == STEP_DELETE_ELEMENTS)
			slot = ARRAY_ADD(&changes->deleted);
		else if (step->kind == STEP_ADD_ELEMENTS)
			slot = ARRAY_ADD(&changes->added);
		else
			continue;
		if (slot)
			*slot = *step;
		else
			c->error = -ENOMEM;
	}
}

void compare_elements(struct comparison *c, struct element_changes *changes)
{
	if (c->known) {
		take_known(c, changes);
		return;
	}
	ARRAY_FOREACH (set, &c->wanted->sets) {
		const struct set *have = set_there(c, set);
		if (set->dynamic || c->error)
			continue;
		if (have)
			compare_set(c, have, set, changes);
		else if (set->elements.count)
			add_whole_set(c, set, changes);
	}
}
