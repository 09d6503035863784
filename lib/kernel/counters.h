/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_COUNTERS_H
#define EGRESSD_KERNEL_COUNTERS_H

#include "base/arena.h"
#include "base/array.h"
#include "kernel/socket.h"
#include "ruleset/ruleset.h"

#include <stdint.h>

/* The values of the named counters of the table, in the kernel's order. */
struct counter_value {
	const char *name; /* in the arena beside the list */
	uint64_t packets;
	uint64_t bytes;
};

struct counter_values {
	struct arena *arena;
	ARRAY(struct counter_value) list;
};

/*
 * Reads them all, without resetting any. 0; -EBUSY: others changed the rules all the time; or
 * another negative errno. A table that is not there has no counters.
 */
int counters_read(struct kernel *kernel, struct counter_values **ret_values);
struct counter_values *counter_values_free(struct counter_values *values);
DEFINE_CLEANUP(struct counter_values *, counter_values_free)

/* The elements of a dynamic set with their counters, in no order. */
struct counted_element {
	uint8_t key[SET_KEY_MAX]; /* as struct element has it */
	uint64_t packets;
	uint64_t bytes;
};

struct counted_elements {
	ARRAY(struct counted_element) list;
};

/*
 * Reads the elements of the table's set of that name; 0, errors as above, and -ENOENT when there is
 * no such set. The kernel's time for it grows with the square of the elements, 0.35 s for 100,000;
 * so with more than `most` of them it is COUNTED_MORE, with some of them.
 */
#define COUNTED_MORE 1
int counted_elements_read(const char *set, size_t most, struct counted_elements **ret_elements);

/*
 * Reads a single element by its key, which takes the same time however many there are. Errors as
 * above, -ENOENT also when it is not there.
 */
int counted_element_find(struct kernel *kernel, const char *set, const void *key, size_t key_length,
                         struct counted_element *ret_element);
struct counted_elements *counted_elements_free(struct counted_elements *elements);
DEFINE_CLEANUP(struct counted_elements *, counted_elements_free)

#endif
