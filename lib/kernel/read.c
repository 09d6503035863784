/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/read.h"

#include "kernel/ownership.h"
#include "kernel/reading.h"
#include "kernel/view.h"

#include <errno.h>

static int read_all_elements(struct reading *reading)
{
	uint32_t generation;
	const struct ruleset *view = kernel_view(reading->kernel, &generation);

	ARRAY_FOREACH (set, &reading->ruleset->sets) {
		int r;

		/* Dynamic elements are packets' doing; a foreign set is replaced as a whole. */
		if (set->dynamic || set->foreign)
			continue;
		r = reading_elements_or_sample(reading, set,
		                               view ? ruleset_set(view, set->name) : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_contents(struct reading *reading)
{
	int r = reading_chains(reading);

	if (r >= 0)
		r = reading_rules(reading);
	if (r >= 0)
		r = reading_objects(reading);
	if (r >= 0)
		r = reading_sets(reading);
	if (r >= 0)
		r = read_all_elements(reading);
	if (r >= 0)
		r = reading_flowtables(reading);
	return r;
}

/*
 * One pass: 0; -EAGAIN: somebody changed the rules meanwhile; else a negative errno. The header is
 * one answer, which nobody can change halfway: a commit since the generation is found as any other.
 */
static int read_once(struct kernel *kernel, bool contents, struct ruleset **ret_ruleset,
                     uint32_t *ret_generation)
{
	_cleanup_(reading_done) struct reading reading = {.kernel = kernel};
	uint32_t before, after;
	int r, again;

	reading.ruleset = ruleset_new();
	if (!reading.ruleset)
		return -ENOMEM;
	reading.ruleset->exists = false;

	r = kernel_generation(kernel, &before);
	if (r < 0)
		return r;
	after = before;
	r = reading_header(&reading);
	if (r >= 0 && contents && reading.ruleset->exists)
		r = read_contents(&reading);
	if (r == -ENOMEM)
		return r;
	again = contents ? kernel_generation(kernel, &after) : 0;
	if (again < 0)
		return again;
	/* What vanished while it was read is no error, only a reason to read again. */
	if (before != after || r == -EINTR || r == -ENOBUFS)
		return -EAGAIN;
	if (r < 0)
		return r;

	*ret_ruleset = TAKE_POINTER(reading.ruleset);
	*ret_generation = before;
	return 0;
}

static int read_stable(struct kernel *kernel, bool contents, struct ruleset **ret_ruleset,
                       uint32_t *ret_generation)
{
	for (unsigned i = 0; i < KERNEL_READ_TRIES; i++) {
		int r = read_once(kernel, contents, ret_ruleset, ret_generation);

		if (r != -EAGAIN)
			return r;
	}
	return -EBUSY;
}

int table_read(struct kernel *kernel, struct ruleset **ret_ruleset, uint32_t *ret_generation)
{
	return read_stable(kernel, true, ret_ruleset, ret_generation);
}

/* Whether the kernel has as many elements in the timed set as we know of: 0, -EAGAIN or an errno.
 */
static int read_timed(struct reading *reading, const struct set *known)
{
	struct set *set = ARRAY_ADD(&reading->ruleset->sets);
	int r;

	if (!set)
		return -ENOMEM;
	*set = (struct set){.name = known->name,
	                    .type = known->type,
	                    .interval = known->interval,
	                    .map = known->map,
	                    .timed = true};
	r = reading_elements(reading, set);
	if (r < 0)
		return r == -ENOMEM ? r : -EAGAIN;
	return set->foreign || set->elements.count != known->elements.count ? -EAGAIN : 0;
}

/*
 * Elements of timed sets go at their time without a new generation, and in no other way does a
 * table change without one. So a view holds as long as its generation does and none of these has
 * gone: 0, or -EAGAIN.
 */
static int timed_sets_hold(struct kernel *kernel, const struct ruleset *view)
{
	_cleanup_(reading_done) struct reading reading = {.kernel = kernel};
	int r;

	reading.ruleset = ruleset_new();
	if (!reading.ruleset)
		return -ENOMEM;
	r = reading_chains_called(&reading, NULL, 0);
	ARRAY_FOREACH (set, &view->sets) {
		if (r < 0)
			return r;
		if (set->timed && !set->foreign && set->elements.count)
			r = read_timed(&reading, set);
	}
	return r;
}

/*
 * Another owner is gone without a generation when its process ends. While we are the owner, what
 * others commit is to other tables.
 */
int table_holds(struct kernel *kernel)
{
	_cleanup_(ruleset_freep) struct ruleset *header = NULL;
	uint32_t now, then;
	const struct ruleset *view = kernel_view(kernel, &then);
	int r;

	if (!view || owner_of(kernel, view) == OWNERSHIP_OTHERS)
		return -EAGAIN;
	r = kernel_generation(kernel, &now);
	if (r < 0)
		return r;
	if (now == then)
		return timed_sets_hold(kernel, view);
	if (owner_of(kernel, view) != OWNERSHIP_OURS)
		return -EAGAIN;
	r = read_stable(kernel, false, &header, &now);
	if (r < 0)
		return r;
	if (owner_of(kernel, header) != OWNERSHIP_OURS || !kernel_view_outlasts(kernel, now))
		return -EAGAIN;
	return timed_sets_hold(kernel, view);
}

int table_view(struct kernel *kernel, const struct ruleset **ret_ruleset, uint32_t *ret_generation)
{
	uint32_t then;
	struct ruleset *fresh;
	const struct ruleset *view = kernel_view(kernel, &then);
	int r = table_holds(kernel);

	if (r < 0 && r != -EAGAIN)
		return r;
	(void)kernel_view(kernel, &then); /* it may have been found true for another one */
	if (r == -EAGAIN) {
		r = table_read(kernel, &fresh, &then);
		if (r < 0)
			return r;
		kernel_keep_view(kernel, fresh, then);
		view = fresh;
	}
	*ret_ruleset = view;
	*ret_generation = then;
	return 0;
}

int table_header(struct kernel *kernel, struct ruleset **ret_ruleset, uint32_t *ret_generation)
{
	return read_stable(kernel, false, ret_ruleset, ret_generation);
}

int table_exists(struct kernel *kernel, bool *ret_exists, uint32_t *ret_generation)
{
	struct ruleset *ruleset;
	int r = read_stable(kernel, false, &ruleset, ret_generation);

	if (r < 0)
		return r;
	*ret_exists = ruleset->exists;
	ruleset_free(ruleset);
	return 0;
}
