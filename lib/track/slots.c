/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/slots.h"

#include <string.h>

static size_t buckets(size_t max)
{
	size_t count = 1;
	while (count < max / 4 + (max % 4 != 0))
		count *= 2;
	return count;
}

size_t slots_size(size_t max)
{
	return buckets(max) * sizeof(struct slot_bucket) + SLOT_LINE - 1;
}

void slots_use(struct slots *slots, void *memory, size_t max)
{
	uintptr_t start = ((uintptr_t)memory + SLOT_LINE - 1) & ~(uintptr_t)(SLOT_LINE - 1);
	slots->buckets = (struct slot_bucket *)start;
	slots->mask = buckets(max) - 1;
}

uint32_t slots_search(const struct slots *slots, uint32_t tag, unsigned places, const void *key,
                      size_t key_size, const uint8_t *keys, size_t stride)
{
	size_t home = tag & slots->mask, at = home;
	for (;;) {
		const struct slot_bucket *bucket = &slots->buckets[at];
		for (; places; places &= places - 1) {
			uint32_t number = bucket->numbers[words_first(places)];
			if (number && memcmp(keys + number * stride, key, key_size) == 0)
				return number;
		}
		at = (at + 1) & slots->mask;
		if (!bucket->tags[SLOT_PASSED] || at == home)
			return SLOT_NONE;
		places = slot_places_of(slots->buckets[at].tags, tag);
	}
}
