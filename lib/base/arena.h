/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_ARENA_H
#define EGRESSD_BASE_ARENA_H

#include "base/cleanup.h"

#include <stddef.h>

/*
 * Memory that is given out in pieces and taken back at once. A policy and a ruleset each own one:
 * whatever hangs below them lives exactly as long as they do, and nothing is freed singly.
 */
struct arena;

/* A new, empty arena, or NULL without memory. */
struct arena *arena_new(void);

/* Releases the arena with everything given out of it; takes NULL, returns NULL. */
struct arena *arena_free(struct arena *arena);
DEFINE_CLEANUP(struct arena *, arena_free)

/*
 * Zeroed memory for count items of size bytes, aligned for any type of that size; NULL without
 * memory.
 */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/*
 * Makes the items of an ARRAY the arena's without copying them, and the array empty. NULL without
 * memory, or when there are none: then the array is as before.
 */
#define ARENA_KEEP(arena, a)                                                                       \
	((__typeof__((a)->items))arena_keep((arena), (void **)&(a)->items, &(a)->count,            \
	                                    &(a)->capacity, sizeof(*(a)->items)))

/* A copy of a string, of its first n bytes, or of a formatted one; NULL without memory. */
char *arena_strdup(struct arena *arena, const char *string);
char *arena_strndup(struct arena *arena, const char *string, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Internal to the macro above. */
void *arena_keep(struct arena *arena, void **items, size_t *count, size_t *capacity, size_t size);

/* A copy of count items of size bytes; NULL without memory or when count is 0. */
void *arena_copy(struct arena *arena, const void *items, size_t count, size_t size);

#endif
