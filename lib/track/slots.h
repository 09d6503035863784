/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_SLOTS_H
#define EGRESSD_TRACK_SLOTS_H

#include "track/words.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Inside recent: where a key is. A hash table of numbers of slots, from 1 on, in buckets of one
 * cache line; a key whose bucket is full is in the next one with room, and each bucket counts those
 * that went on. It looks at a slot's key only when 32 bits of the hash agree: a look-up for a key
 * that is not there touches one line of memory, and so does to add or to remove one. What a flood
 * asks for is here, as the calls would cost as much as the work.
 */
#define SLOT_LINE   64 /* bytes of a cache line, which is what a bucket takes */
#define SLOT_PLACES 7  /* of a bucket; in the last word of tags: */
#define SLOT_PASSED SLOT_PLACES

struct slot_bucket {
	uint32_t tags[WORDS];    /* and how many keys found no place here, and went on */
	uint32_t numbers[WORDS]; /* of the slots; 0: free; the last one is not used */
};
_Static_assert(sizeof(struct slot_bucket) == SLOT_LINE, "a bucket is a line");

struct slots {
	struct slot_bucket *buckets;
	size_t mask; /* a power of two less 1; at least three in seven places are free */
};

#define SLOT_NONE 0

/* The bytes of memory for max slots; and the table in such memory, which is zeroed and borrowed. */
size_t slots_size(size_t max);
void slots_use(struct slots *slots, void *memory, size_t max);

/* Bits of the places that hold that value. */
static inline unsigned slot_places_of(const uint32_t words[static WORDS], uint32_t value)
{
	return words_equal(words, value) & ((1U << SLOT_PLACES) - 1);
}

static inline struct slot_bucket *slot_bucket_at(const struct slots *slots, size_t at)
{
	return &slots->buckets[at & slots->mask];
}

/* The bucket of a key with that tag will be needed soon. Always inlined: see prefetch_victim(). */
static inline __attribute__((always_inline)) void slots_prefetch(const struct slots *slots,
                                                                 uint32_t tag)
{
	__builtin_prefetch(slot_bucket_at(slots, tag), 1);
}

/* A slot whose key has that tag, which is likely the wanted one; SLOT_NONE: it seems not there. */
static inline uint32_t slots_guess(const struct slots *slots, uint32_t tag)
{
	const struct slot_bucket *bucket = slot_bucket_at(slots, tag);
	unsigned places = slot_places_of(bucket->tags, tag);
	return places ? bucket->numbers[words_first(places)] : SLOT_NONE;
}

/* For slots_find(): one of these places, or of the buckets behind this one, may have the key. */
uint32_t slots_search(const struct slots *slots, uint32_t tag, unsigned places, const void *key,
                      size_t key_size, const uint8_t *keys, size_t stride);

/*
 * The slot whose key of key_size bytes is that one, or SLOT_NONE. tag is the low 32 bits of the
 * key's hash; the key of slot n stands at keys + n * stride.
 */
static inline uint32_t slots_find(const struct slots *slots, uint32_t tag, const void *key,
                                  size_t key_size, const uint8_t *keys, size_t stride)
{
	const struct slot_bucket *bucket = slot_bucket_at(slots, tag);
	unsigned places = slot_places_of(bucket->tags, tag);
	/* In a flood hardly any key is there, which is not to cost more than this. */
	if (!places && !bucket->tags[SLOT_PASSED])
		return SLOT_NONE;
	return slots_search(slots, tag, places, key, key_size, keys, stride);
}

/* Adds a slot that is not there, or removes one that is; the tag is the one of its key. */
static inline void slots_add(struct slots *slots, uint32_t tag, uint32_t slot)
{
	struct slot_bucket *bucket = slot_bucket_at(slots, tag);
	unsigned places;
	for (size_t at = tag; !(places = slot_places_of(bucket->numbers, 0));
	     bucket = slot_bucket_at(slots, ++at))
		bucket->tags[SLOT_PASSED]++;
	bucket->tags[words_first(places)] = tag;
	bucket->numbers[words_first(places)] = slot;
}

static inline void slots_remove(struct slots *slots, uint32_t tag, uint32_t slot)
{
	struct slot_bucket *bucket = slot_bucket_at(slots, tag);
	unsigned places;
	for (size_t at = tag; !(places = slot_places_of(bucket->numbers, slot));
	     bucket = slot_bucket_at(slots, ++at))
		bucket->tags[SLOT_PASSED]--;
	bucket->numbers[words_first(places)] = 0;
}

#endif
