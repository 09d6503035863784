/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/slots.h"

#include <stdbool.h>
#include <string.h>

#define LINE   64 /* bytes of a cache line, which is what a bucket takes */
#define PLACES 7  /* of a bucket */
#define WORDS  8  /* that are compared together */
#define PASSED 7  /* instead of the tag of a place more: */

struct slot_bucket {
	uint32_t tags[WORDS];    /* and how many keys found no place here, and went on */
	uint32_t numbers[WORDS]; /* of the slots, plus 1; 0: free; the last one is not used */
};
_Static_assert(sizeof(struct slot_bucket) == LINE, "a bucket is a line");

static size_t buckets(size_t max)
{
	size_t count = 1;
	while (count < max / 4 + (max % 4 != 0))
		count *= 2;
	return count;
}

size_t slots_size(size_t max)
{
	return buckets(max) * sizeof(struct slot_bucket) + LINE - 1;
}

void slots_use(struct slots *slots, void *memory, size_t max)
{
	uintptr_t start = ((uintptr_t)memory + LINE - 1) & ~(uintptr_t)(LINE - 1);
	slots->buckets = (struct slot_bucket *)start;
	slots->mask = buckets(max) - 1;
}

/* Four words at once, by whatever the processor has for that. */
typedef uint32_t quad __attribute__((vector_size(16)));

/* Bits of the places that hold that value. All are compared: to guess which is dearer than that. */
static inline unsigned places_of(const uint32_t words[static WORDS], uint32_t value)
{
	const quad wanted = {value, value, value, value};
	quad low, high;
	memcpy(&low, words, sizeof(low));
	memcpy(&high, words + WORDS / 2, sizeof(high));
	low = (quad)(low == wanted) & (quad){1, 2, 4, 8};
	high = (quad)(high == wanted) & (quad){16, 32, 64, 0};

	uint64_t halves[2];
	const quad both = low | high;
	memcpy(halves, &both, sizeof(halves));
	halves[0] |= halves[1];
	return (unsigned)(halves[0] | halves[0] >> 32);
}

static inline unsigned first_of(unsigned places)
{
	return (unsigned)__builtin_ctz(places);
}

/* One of these places, or of the buckets behind this one, may have the key. */
static uint32_t search(const struct slots *slots, uint32_t tag, unsigned places, const void *key,
                       size_t key_size, const uint8_t *keys, size_t stride)
{
	size_t home = tag & slots->mask, at = home;
	for (;;) {
		const struct slot_bucket *bucket = &slots->buckets[at];
		for (; places; places &= places - 1) {
			uint32_t number = bucket->numbers[first_of(places)];
			if (number && memcmp(keys + (number - 1) * stride, key, key_size) == 0)
				return number - 1;
		}
		at = (at + 1) & slots->mask;
		if (!bucket->tags[PASSED] || at == home)
			return SLOT_NONE;
		places = places_of(slots->buckets[at].tags, tag);
	}
}

uint32_t slots_find(const struct slots *slots, uint32_t tag, const void *key, size_t key_size,
                    const uint8_t *keys, size_t stride)
{
	const struct slot_bucket *bucket = &slots->buckets[tag & slots->mask];
	unsigned places = places_of(bucket->tags, tag);
	/* In a flood hardly any key is there, which is not to cost more than this. */
	if (!places && !bucket->tags[PASSED])
		return SLOT_NONE;
	return search(slots, tag, places, key, key_size, keys, stride);
}

uint32_t slots_guess(const struct slots *slots, uint32_t tag)
{
	const struct slot_bucket *bucket = &slots->buckets[tag & slots->mask];
	unsigned places = places_of(bucket->tags, tag);
	uint32_t number = places ? bucket->numbers[first_of(places)] : 0;
	return number ? number - 1 : SLOT_NONE;
}

void slots_prefetch(const struct slots *slots, uint32_t tag)
{
	__builtin_prefetch(&slots->buckets[tag & slots->mask], 1);
}

void slots_add(struct slots *slots, uint32_t tag, uint32_t slot)
{
	struct slot_bucket *bucket = &slots->buckets[tag & slots->mask];
	unsigned places;
	for (size_t at = tag; !(places = places_of(bucket->numbers, 0));
	     bucket = &slots->buckets[++at & slots->mask])
		bucket->tags[PASSED]++;
	bucket->tags[first_of(places)] = tag;
	bucket->numbers[first_of(places)] = slot + 1;
}

void slots_remove(struct slots *slots, uint32_t tag, uint32_t slot)
{
	struct slot_bucket *bucket = &slots->buckets[tag & slots->mask];
	unsigned places;
	for (size_t at = tag; !(places = places_of(bucket->numbers, slot + 1));
	     bucket = &slots->buckets[++at & slots->mask])
		bucket->tags[PASSED]--;
	bucket->numbers[first_of(places)] = 0;
}
