/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_INDEX_H
#define EGRESSD_BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where things of a growing array are, by name: a hash table beside the array, which takes in what
 * was appended since the last look-up. Of things with the same name the first one is found. It is
 * only a way to be quick: without memory it searches the array.
 */
struct index {
	uint32_t *slots; /* position + 1; 0: free */
	size_t slot_count;
	size_t indexed; /* that many items of the array are in it */
};

/*
 * The item of that name, or NULL; *index is all zero before the first look-up. Each item is `size`
 * bytes and begins with its name, a `const char *` that is not changed any more.
 */
void *index_find(struct index *index, const void *items, size_t count, size_t size,
                 const char *name);

/* Releases what it holds; the struct may be used again. */
void index_done(struct index *index);

#endif
