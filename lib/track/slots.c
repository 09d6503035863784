/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/slots.h"

#include <string.h>

struct slot_place {
	uint32_t tag;
	uint32_t number; /* of the slot, plus 1; 0: free */
};

static size_t places(size_t max)
{
	size_t count = 4;
	while (count < 2 * max)
		count *= 2;
	return count;
}

size_t slots_size(size_t max)
{
	return places(max) * sizeof(struct slot_place);
}

void slots_use(struct slots *slots, void *memory, size_t max)
{
	slots->places = memory;
	slots->mask = places(max) - 1;
}

uint32_t slots_find(const struct slots *slots, uint32_t tag, const void *key, size_t key_size,
                    const uint8_t *keys, size_t stride)
{
	for (size_t i = tag & slots->mask; slots->places[i].number; i = (i + 1) & slots->mask) {
		uint32_t slot = slots->places[i].number - 1;
		if (slots->places[i].tag == tag && memcmp(keys + slot * stride, key, key_size) == 0)
			return slot;
	}
	return SLOT_NONE;
}

void slots_prefetch(const struct slots *slots, uint32_t tag)
{
	__builtin_prefetch(&slots->places[tag & slots->mask], 1);
}

void slots_add(struct slots *slots, uint32_t tag, uint32_t slot)
{
	size_t i = tag & slots->mask;
	while (slots->places[i].number)
		i = (i + 1) & slots->mask;
	slots->places[i] = (struct slot_place){tag, slot + 1};
}

void slots_remove(struct slots *slots, uint32_t tag, uint32_t slot)
{
	size_t mask = slots->mask;
	size_t hole = tag & mask;
	while (slots->places[hole].number != slot + 1)
		hole = (hole + 1) & mask;

	/* What stands behind the hole and was only pushed on by what stood there moves up. */
	for (size_t i = (hole + 1) & mask; slots->places[i].number; i = (i + 1) & mask) {
		size_t home = slots->places[i].tag & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		slots->places[hole] = slots->places[i];
		hole = i;
	}
	slots->places[hole] = (struct slot_place){};
}
