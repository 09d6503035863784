/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/timed.h"

#include "kernel/generation.h"
#include "kernel/reading.h"
#include "kernel/view.h"
#include "ruleset/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * What the view learns of these sets stays in its memory until it is made anew, and that comes
 * about when so much has been learned.
 */
#define LEARNED_MAX 65536 /* elements */

/* True when the sets of that name are there and can hold what is wanted of them. */
static bool fits(const struct ruleset *view, const struct ruleset *wanted)
{
	ARRAY_FOREACH (set, &wanted->sets) {
		const struct set *known = ruleset_set(view, set->name);

		if (!known || known->foreign || !known->timed || known->type != set->type ||
		    known->map || set->map)
			return false;
	}
	return true;
}

/* Reads those of the wanted sets as they are now. */
static int read_sets(struct kernel *kernel, const struct ruleset *wanted, struct reading *reading)
{
	_cleanup_free_ const char **names = calloc(wanted->sets.count + 1, sizeof(*names));
	size_t count = 0;
	int r;

	*reading = (struct reading){.kernel = kernel, .ruleset = ruleset_new()};
	if (!names || !reading->ruleset)
		return -ENOMEM;
	reading->ruleset->exists = true;
	reading->ruleset->flags = wanted->flags;
	ARRAY_FOREACH (set, &wanted->sets)
		names[count++] = set->name;
	r = reading_chains_called(reading, NULL, 0);
	if (r >= 0)
		r = reading_sets_called(reading, names, count);
	ARRAY_FOREACH (set, &reading->ruleset->sets) {
		if (r < 0)
			break;
		r = reading_elements(reading, set);
	}
	return r;
}

/*
 * In the generation of the view an element without an end is still there, whether the kernel tells
 * of it or not: one that is taken for gone would stay in the table.
 */
static int add_known(const struct ruleset *view, struct ruleset *seen)
{
	ARRAY_FOREACH (set, &seen->sets) {
		const struct set *known = ruleset_set(view, set->name);

		if (!known)
			continue;
		ARRAY_FOREACH (element, &known->elements) {
			if (element->life->timeout)
				continue;
			struct element *slot = ARRAY_ADD(&set->elements);
			if (!slot)
				return -ENOMEM;
			*slot = *element;
		}
		set_sort(set); /* of two of the same key it keeps one */
	}
	return 0;
}

/* The steps from what is there to what is wanted; NULL when more than elements would have to go. */
static int find_delta(const struct reading *reading, const struct ruleset *wanted,
                      struct delta **ret_delta)
{
	_cleanup_(delta_freep) struct delta *delta = NULL;
	int r = ruleset_diff(reading->ruleset, wanted, &delta);

	if (r < 0)
		return r;
	ARRAY_FOREACH (step, &delta->steps)
		if (step->kind != STEP_ADD_ELEMENTS && step->kind != STEP_DELETE_ELEMENTS)
			return TIMED_UNDECIDED;
	*ret_delta = TAKE_POINTER(delta);
	return 0;
}

/* Copies the elements that a set has now, as the kernel tells them, into what is known of it. */
static int learn(struct arena *arena, const struct set *seen, struct set *known)
{
	known->elements.count = 0;
	ARRAY_FOREACH (element, &seen->elements) {
		struct element *slot = ARRAY_ADD(&known->elements);

		if (!slot)
			return -ENOMEM;
		*slot = *element;
		slot->life = life_copy(arena, element->life);
		if (!slot->life)
			return -ENOMEM;
	}
	return 0;
}

/* The view holds for the next generation as well, once it knows these sets. */
static bool keep_known(struct kernel *kernel, const struct ruleset *seen, uint32_t generation)
{
	struct ruleset *view = kernel_change_view(kernel, generation);
	size_t learned = 0;

	if (!view)
		return false;
	ARRAY_FOREACH (set, &seen->sets) {
		struct set *known = ruleset_set(view, set->name);

		/* The sets are those of the table that the view shares, and last as it does. */
		if (!known || learn(view->of ? view->of->arena : view->arena, set, known) < 0)
			return false;
		learned += set->elements.count;
	}
	return kernel_view_learned(kernel, learned) <= LEARNED_MAX;
}

/* Reads them again, and the generation, which must be the one that our commit made. */
static int verify(struct kernel *kernel, const struct ruleset *wanted, uint32_t expected,
                  struct applied *applied)
{
	_cleanup_(reading_done) struct reading reading = {};
	_cleanup_(delta_freep) struct delta *delta = NULL;
	uint32_t generation;
	int r = read_sets(kernel, wanted, &reading);

	if (r >= 0)
		r = find_delta(&reading, wanted, &delta);
	if (r >= 0 && kernel_generation(kernel, &generation) < 0)
		r = TIMED_UNDECIDED;
	if (r != 0)
		return r;
	if (delta->steps.count || generation != expected)
		return TIMED_UNDECIDED;
	if (!keep_known(kernel, reading.ruleset, generation))
		kernel_doubt_view(kernel);
	applied->generation = generation;
	applied->sets_read = reading.ruleset->sets.count;
	ARRAY_FOREACH (set, &reading.ruleset->sets)
		applied->elements_read += set->elements.count;
	return 0;
}

static int apply(struct kernel *kernel, const struct ruleset *wanted, struct applied *applied)
{
	_cleanup_(reading_done) struct reading reading = {};
	_cleanup_(delta_freep) struct delta *delta = NULL;
	uint32_t generation, now;
	const struct ruleset *view = kernel_view(kernel, &generation);
	struct refusal refusal;
	int r;

	if (!view || !fits(view, wanted) || kernel_generation(kernel, &now) < 0 ||
	    now != generation)
		return TIMED_UNDECIDED;
	r = read_sets(kernel, wanted, &reading);
	if (r >= 0)
		r = add_known(view, reading.ruleset);
	if (r >= 0)
		r = find_delta(&reading, wanted, &delta);
	if (r != 0)
		return r;
	applied->generation = generation;
	if (delta->steps.count == 0)
		return 0;

	applied->attempts = 1;
	r = table_commit(kernel, delta, generation, &refusal);
	if (r != 0)
		return TIMED_UNDECIDED;
	applied->changed = true;
	applied->elements_added = delta->elements_added;
	applied->elements_deleted = delta->elements_deleted;
	r = verify(kernel, wanted, generation + 1, applied);
	/* What became of it, only reading everything can tell. */
	if (r != 0)
		kernel_doubt_view(kernel);
	return r;
}

int table_apply_timed(struct kernel *kernel, const struct ruleset *wanted,
                      struct applied *ret_applied)
{
	struct applied applied = {};
	int r = apply(kernel, wanted, &applied);

	if (r == 0)
		*ret_applied = applied;
	return r < 0 && r != -ENOMEM ? TIMED_UNDECIDED : r;
}
