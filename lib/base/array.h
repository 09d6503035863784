/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_ARRAY_H
#define EGRESSD_BASE_ARRAY_H

#include <stddef.h>

/*
 * A growing array of any type:
 *
 *	ARRAY(struct rule) rules = {};
 *	struct rule *r = ARRAY_ADD(&rules);	// zeroed, NULL without memory
 *	ARRAY_FOREACH(r, &rules) ...
 *	ARRAY_DONE(&rules);
 *
 * Adding may move the items: a pointer to one lasts until the next ARRAY_ADD.
 */
#define ARRAY(type)                                                                                \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
		size_t capacity;                                                                   \
	}

/* Makes room for count items of the given size; 0 or -ENOMEM, then the array is as before. */
int array_reserve(void **items, size_t *capacity, size_t count, size_t size);

#define ARRAY_RESERVE(a, n)                                                                        \
	array_reserve((void **)&(a)->items, &(a)->capacity, (n), sizeof(*(a)->items))

#define ARRAY_ADD(a)                                                                               \
	(ARRAY_RESERVE(a, (a)->count + 1) < 0                                                      \
	         ? NULL                                                                            \
	         : (__typeof__((a)->items))array_zero(&(a)->items[(a)->count++],                   \
	                                              sizeof(*(a)->items)))

#define ARRAY_FOREACH(i, a)                                                                        \
	for (__typeof__(*(a)->items) *i = (a)->items; i && i < (a)->items + (a)->count; i++)

/* Gives back the room for more items than there are, where the memory allows. */
#define ARRAY_FIT(a)                                                                               \
	array_fit((void **)&(a)->items, (a)->count, &(a)->capacity, sizeof(*(a)->items))

#define ARRAY_DONE(a) array_done((void **)&(a)->items, &(a)->count, &(a)->capacity)

/* Internal to the macros above. */
void *array_zero(void *item, size_t size);
void array_fit(void **items, size_t count, size_t *capacity, size_t size);
void array_done(void **items, size_t *count, size_t *capacity);

/* Takes the items out of an array, in no more room than they need; for arena_keep(). */
void *array_take(void **items, size_t *count, size_t *capacity, size_t size);

#define ELEMENTS_OF(a) (sizeof(a) / sizeof((a)[0]))

#endif
