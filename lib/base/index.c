/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/index.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 16

/* FNV-1a: the names come from the operator's own files. */
static size_t hash(const char *name)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		value = (value ^ *p) * UINT64_C(0x100000001b3);
	return (size_t)(value ^ value >> 32);
}

static const void *item_at(const void *items, size_t size, size_t position)
{
	return (const char *)items + position * size;
}

static const char *name_of(const void *item)
{
	const char *name;

	memcpy(&name, item, sizeof(name));
	return name;
}

/* The slot that has the name, or the free one where it would be. */
static uint32_t *slot_of(const struct index *index, const void *items, size_t size,
                         const char *name)
{
	size_t mask = index->slot_count - 1;

	for (size_t i = hash(name) & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &index->slots[i];

		if (*slot == 0 || strcmp(name_of(item_at(items, size, *slot - 1)), name) == 0)
			return slot;
	}
}

/* Never more than half full, so that a search ends soon. */
static int make_room(struct index *index, size_t count)
{
	size_t slot_count = index->slot_count ? index->slot_count : SLOTS_MIN;
	uint32_t *slots;

	while (slot_count < 2 * count)
		slot_count *= 2;
	if (slot_count == index->slot_count)
		return 0;
	slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return -1;
	free(index->slots);
	index->slots = slots;
	index->slot_count = slot_count;
	index->indexed = 0;
	return 0;
}

/* Takes in what is new; an array that has become shorter begins anew. */
static int catch_up(struct index *index, const void *items, size_t count, size_t size)
{
	if (index->indexed > count)
		index_done(index);
	if (index->slots && index->indexed == count)
		return 0;
	if (count >= UINT32_MAX || make_room(index, count) < 0)
		return -1;
	for (; index->indexed < count; index->indexed++) {
		uint32_t *slot =
		        slot_of(index, items, size, name_of(item_at(items, size, index->indexed)));

		if (*slot == 0)
			*slot = (uint32_t)index->indexed + 1;
	}
	return 0;
}

static const void *search(const void *items, size_t count, size_t size, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name_of(item_at(items, size, i)), name) == 0)
			return item_at(items, size, i);
	return NULL;
}

void *index_find(struct index *index, const void *items, size_t count, size_t size,
                 const char *name)
{
	const void *found = NULL;

	if (count == 0)
		return NULL;
	if (catch_up(index, items, count, size) < 0) {
		found = search(items, count, size, name);
	} else {
		uint32_t slot = *slot_of(index, items, size, name);

		if (slot != 0)
			found = item_at(items, size, slot - 1);
	}
	return (void *)found;
}

void index_done(struct index *index)
{
	free(index->slots);
	*index = (struct index){0};
}
