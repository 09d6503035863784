/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/lookup.h"
#include "kernel/reading.h"

#include <errno.h>
#include <string.h>

#define SAMPLE 4096 /* elements that are looked up */

/*
 * A kernel before 6.16 does not tell the number. A dump that is left cannot be ended but with its
 * socket, so it has one of its own; -EFBIG when there are more.
 */
static int read_within(struct reading *reading, struct set *set, size_t most)
{
	_cleanup_(kernel_freep) struct kernel *apart = NULL;
	struct kernel *kernel = reading->kernel;
	int r = kernel_open_asking(&apart);

	if (r < 0)
		return r;
	reading->kernel = apart;
	reading->most = most;
	r = reading_elements(reading, set);
	reading->kernel = kernel;
	reading->most = 0;
	return r;
}

static bool is_alike(const struct set *set, const struct set *known)
{
	return known && !known->foreign && !known->unread && !set->timed &&
	       known->type == set->type && known->interval == set->interval &&
	       known->map == set->map && known->timed == set->timed &&
	       (!set->counted || set->count == set_kernel_count(known));
}

/* Where they were written is forgotten: that file's name may not last. */
static int copy_elements(struct reading *reading, struct set *set, const struct set *known)
{
	if (ARRAY_RESERVE(&set->elements, known->elements.count) < 0)
		return -ENOMEM;
	ARRAY_FOREACH (element, &known->elements) {
		struct element *copy = &set->elements.items[set->elements.count++];

		*copy = *element;
		copy->file = 0;
		if (!set->map)
			continue;
		copy->chain = reading_target(reading, element->chain);
		if (!copy->chain)
			return -ENOMEM;
	}
	return 0;
}

static int recognise(struct reading *reading, struct set *set, const struct set *known)
{
	int r;

	set->elements.count = 0;
	set->unread = true;
	if (!is_alike(set, known))
		return 0;
	r = elements_sample(reading->kernel, known, known->elements.items, known->elements.count,
	                    SAMPLE, &set->looked_up);
	if (r != 0)
		return r < 0 ? r : 0;
	set->unread = false;
	return copy_elements(reading, set, known);
}

int reading_elements_or_sample(struct reading *reading, struct set *set, const struct set *known)
{
	size_t most = kernel_whole_max(reading->kernel);
	int r;

	if (set->counted && set->count > most)
		return recognise(reading, set, known);
	r = set->counted || (set->size && set->size <= most) ? reading_elements(reading, set)
	                                                     : read_within(reading, set, most);
	return r == -EFBIG ? recognise(reading, set, known) : r;
}
