/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/verify.h"

#include "kernel/lookup.h"
#include "kernel/ownership.h"
#include "kernel/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_SET     4096 /* elements up to which a set is read whole */
#define SAMPLE_ADDED  1024 /* elements of one step that are looked up */
#define SAMPLE_GONE   256
#define SINGLE_ASKING 32 /* chains, or sets, up to which each is asked for by its name */

struct names {
	ARRAY(const char *) list;
};

/* What a delta touched, and what is done to see it. */
struct verification {
	const struct delta *delta;
	struct ruleset *wanted;
	struct names chains, sets; /* sorted, each once */
	bool objects;
	struct reading reading;
	struct ruleset *expected; /* of `wanted`, the parts that are read; they belong to it */
	struct verified verified;
};

static int add_name(struct names *names, const char *name)
{
	const char **slot;

	if (names->list.count && strcmp(names->list.items[names->list.count - 1], name) == 0)
		return 0;
	slot = ARRAY_ADD(&names->list);
	if (!slot)
		return -ENOMEM;
	*slot = name;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void sort_names(struct names *names)
{
	size_t kept = 0;

	if (names->list.count == 0)
		return;
	qsort(names->list.items, names->list.count, sizeof(*names->list.items), compare_names);
	for (size_t i = 1; i < names->list.count; i++)
		if (strcmp(names->list.items[kept], names->list.items[i]) != 0)
			names->list.items[++kept] = names->list.items[i];
	names->list.count = kept + 1;
}

static bool has_name(const struct names *names, const char *name)
{
	return names->list.count && bsearch(&name, names->list.items, names->list.count,
	                                    sizeof(*names->list.items), compare_names);
}

static int touch(struct verification *v, const struct step *step)
{
	switch (step->kind) {
	case STEP_ADD_CHAIN:
	case STEP_SET_POLICY:
	case STEP_DELETE_RULE:
	case STEP_ADD_RULE:
	case STEP_DELETE_CHAIN:
		return add_name(&v->chains, step->chain->name);
	case STEP_ADD_SET:
	case STEP_DELETE_SET:
	case STEP_ADD_ELEMENTS:
	case STEP_DELETE_ELEMENTS:
		return add_name(&v->sets, step->set->name);
	case STEP_ADD_COUNTER:
	case STEP_ADD_HELPER:
	case STEP_DELETE_COUNTER:
	case STEP_DELETE_HELPER:
	case STEP_DELETE_OBJECT:
		v->objects = true;
		return 0;
	case STEP_ADD_TABLE:
	case STEP_DELETE_TABLE:
		return 0; /* the table itself is always looked at */
	}
	abort(); /* no other value is ever made */
}

static int find_touched(struct verification *v)
{
	ARRAY_FOREACH (step, &v->delta->steps) {
		int r = touch(v, step);

		if (r < 0)
			return r;
	}
	sort_names(&v->chains);
	sort_names(&v->sets);
	return 0;
}

static int read_chains(struct verification *v)
{
	const struct names *names = &v->chains;
	int r;

	if (names->list.count > SINGLE_ASKING) {
		r = reading_chains(&v->reading);
		return r < 0 ? r : reading_rules(&v->reading);
	}
	r = reading_chains_called(&v->reading, names->list.items, names->list.count);
	ARRAY_FOREACH (chain, &v->reading.ruleset->chains) {
		if (r < 0)
			break;
		r = reading_rules_of(&v->reading, chain->name);
	}
	return r;
}

static int read_sets(struct verification *v)
{
	const struct names *names = &v->sets;

	return names->list.count > SINGLE_ASKING
	               ? reading_sets(&v->reading)
	               : reading_sets_called(&v->reading, names->list.items, names->list.count);
}

/* How many elements of the set came, or went, in all. */
static size_t changed(const struct verification *v, const char *set, enum step_kind kind)
{
	size_t sum = 0;

	ARRAY_FOREACH (step, &v->delta->steps)
		if (step->kind == kind && strcmp(step->set->name, set) == 0)
			sum += step->element_count;
	return sum;
}

/*
 * A sample says enough when it is all that changed, or the kernel tells how many there are; and it
 * has to when there are too many to be read.
 */
static bool may_be_sampled(const struct verification *v, const struct set *seen,
                           const struct set *wanted)
{
	if (wanted->timed || wanted->elements.count <= SMALL_SET)
		return false;
	return seen->counted || wanted->elements.count > kernel_whole_max(v->reading.kernel) ||
	       (changed(v, wanted->name, STEP_ADD_ELEMENTS) <= SAMPLE_ADDED &&
	        changed(v, wanted->name, STEP_DELETE_ELEMENTS) <= SAMPLE_GONE);
}

/* Whether an element that went has not come back under the same key, or a range from there on. */
static bool stays_away(const struct set *wanted, const struct element *element)
{
	const struct element *items = wanted->elements.items;
	size_t length = set_key_length(wanted->type), low = 0, high = wanted->elements.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(items[middle].key, element->key, length);

		if (order == 0)
			return false;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return true;
}

static int look_for_gone(struct verification *v, const struct set *wanted, const struct step *step,
                         size_t *ret_picked)
{
	size_t count = step->element_count < SAMPLE_GONE ? step->element_count : SAMPLE_GONE;
	const struct element *sample[SAMPLE_GONE];

	*ret_picked = 0;
	for (size_t i = 0; i < count; i++) {
		/* The first, the last, and evenly between them. */
		size_t at = count > 1 ? i * (step->element_count - 1) / (count - 1) : 0;

		if (stays_away(wanted, &step->elements[at]))
			sample[(*ret_picked)++] = &step->elements[at];
	}
	return elements_absent(v->reading.kernel, wanted, sample, *ret_picked);
}

static int look_up(struct verification *v, const struct set *wanted, const struct step *step)
{
	bool added = step->kind == STEP_ADD_ELEMENTS;
	size_t picked = 0;
	int r = added ? elements_sample(v->reading.kernel, wanted, step->elements,
	                                step->element_count, SAMPLE_ADDED, &picked)
	              : look_for_gone(v, wanted, step, &picked);

	v->verified.elements_sampled += picked;
	return r == LOOKUP_OTHER ? VERIFY_DIFFERS : r;
}

static int sample(struct verification *v, const struct set *seen, const struct set *wanted)
{
	if (seen->counted && seen->count != set_kernel_count(wanted))
		return VERIFY_DIFFERS;
	if (seen->size != 0 && seen->size < wanted->elements.count)
		return VERIFY_DIFFERS;
	v->verified.sets_sampled++;
	ARRAY_FOREACH (step, &v->delta->steps) {
		int r;

		if ((step->kind != STEP_ADD_ELEMENTS && step->kind != STEP_DELETE_ELEMENTS) ||
		    strcmp(step->set->name, wanted->name) != 0)
			continue;
		r = look_up(v, wanted, step);
		if (r != 0)
			return r;
	}
	return 0;
}

static int expect_set(struct verification *v, const struct set *wanted, bool whole)
{
	struct set *slot = ARRAY_ADD(&v->expected->sets);

	if (!slot)
		return -ENOMEM;
	*slot = *wanted;
	if (!whole)
		memset(&slot->elements, 0, sizeof(slot->elements));
	return 0;
}

/* Reads or samples the elements of one set that is wanted. */
static int verify_set(struct verification *v, const struct set *wanted)
{
	struct set *seen = ruleset_set(v->reading.ruleset, wanted->name);
	int r;

	if (!seen)
		return VERIFY_DIFFERS;
	if (seen->foreign || wanted->dynamic || !has_name(&v->sets, wanted->name))
		return expect_set(v, wanted, false);
	if (may_be_sampled(v, seen, wanted)) {
		r = sample(v, seen, wanted);
		return r != 0 ? r : expect_set(v, wanted, false);
	}
	r = reading_elements(&v->reading, seen);
	if (r < 0)
		return r;
	v->verified.sets_read++;
	v->verified.elements_read += seen->elements.count;
	return expect_set(v, wanted, true);
}

static int verify_sets(struct verification *v)
{
	bool all = v->sets.list.count > SINGLE_ASKING;

	ARRAY_FOREACH (set, &v->wanted->sets) {
		int r = all || has_name(&v->sets, set->name) ? verify_set(v, set) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

static int expect_chains(struct verification *v)
{
	bool all = v->chains.list.count > SINGLE_ASKING;

	ARRAY_FOREACH (chain, &v->wanted->chains) {
		struct chain *slot;

		if (!all && !has_name(&v->chains, chain->name))
			continue;
		slot = ARRAY_ADD(&v->expected->chains);
		if (!slot)
			return -ENOMEM;
		*slot = *chain;
	}
	return 0;
}

static void expect_objects(struct verification *v)
{
	memcpy(&v->expected->counters, &v->wanted->counters, sizeof(v->wanted->counters));
	memcpy(&v->expected->helpers, &v->wanted->helpers, sizeof(v->wanted->helpers));
}

/* What was read, held against what is wanted by the same comparison that finds every change. */
static int compare(struct verification *v)
{
	_cleanup_(delta_freep) struct delta *difference = NULL;
	int r = ruleset_diff(v->reading.ruleset, v->expected, &difference);

	if (r < 0)
		return r;
	return difference->steps.count ? VERIFY_DIFFERS : 0;
}

static int read_and_compare(struct verification *v)
{
	int r = reading_header(&v->reading);

	if (r >= 0 && !v->reading.ruleset->exists)
		return VERIFY_DIFFERS;
	if (r >= 0 && owner_of(v->reading.kernel, v->reading.ruleset) == OWNERSHIP_OTHERS)
		return VERIFY_DIFFERS;
	if (r >= 0)
		r = read_chains(v);
	if (r >= 0)
		r = expect_chains(v);
	if (r >= 0 && v->objects)
		r = reading_objects(&v->reading);
	if (r >= 0 && v->objects)
		expect_objects(v);
	if (r >= 0)
		r = read_sets(v);
	if (r >= 0)
		r = verify_sets(v);
	return r != 0 ? r : compare(v);
}

/* Two chains with the same rules: those that count in the phase of either table, one by one. */
static void copy_handles(const struct ruleset *from, const struct chain *a,
                         const struct ruleset *to, struct chain *b)
{
	struct rule *target = b->rules.items, *end = target + b->rules.count;

	ARRAY_FOREACH (rule, &a->rules) {
		if (!rule_counts(from, rule))
			continue;
		while (target < end && !rule_counts(to, target))
			target++;
		if (target == end)
			return;
		(target++)->handle = rule->handle;
	}
}

/* Rules that were read have their handles from the kernel, others have those from before. */
static void take_handles(struct verification *v, const struct ruleset *have)
{
	ARRAY_FOREACH (chain, &v->wanted->chains) {
		const struct ruleset *from = v->reading.ruleset;
		const struct chain *known = ruleset_chain(from, chain->name);

		if (!known && have) {
			from = have;
			known = ruleset_chain(from, chain->name);
		}
		if (known && known != chain)
			copy_handles(from, known, v->wanted, chain);
	}
}

static void verification_done(struct verification *v)
{
	ARRAY_DONE(&v->chains.list);
	ARRAY_DONE(&v->sets.list);
	reading_done(&v->reading);
	if (!v->expected)
		return;
	ARRAY_FOREACH (set, &v->expected->sets)
		memset(&set->elements, 0, sizeof(set->elements));
	ARRAY_FOREACH (chain, &v->expected->chains)
		memset(&chain->rules, 0, sizeof(chain->rules));
	memset(&v->expected->counters, 0, sizeof(v->expected->counters));
	memset(&v->expected->helpers, 0, sizeof(v->expected->helpers));
	ruleset_free(v->expected);
}

int table_verify(struct kernel *kernel, const struct delta *delta, const struct ruleset *have,
                 struct ruleset *wanted, struct verified *ret_verified)
{
	_cleanup_(verification_done) struct verification v = {
	        .delta = delta, .wanted = wanted, .reading = {.kernel = kernel}};
	int r;

	v.reading.ruleset = ruleset_new();
	v.expected = ruleset_new();
	if (!v.reading.ruleset || !v.expected)
		return -ENOMEM;
	v.reading.ruleset->exists = false;
	v.expected->exists = true;
	v.expected->flags = wanted->flags;
	v.expected->phase = wanted->phase;

	r = find_touched(&v);
	if (r >= 0)
		r = read_and_compare(&v);
	if (r != 0)
		return r;
	take_handles(&v, have);
	*ret_verified = v.verified;
	return 0;
}
