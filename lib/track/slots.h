/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_SLOTS_H
#define EGRESSD_TRACK_SLOTS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Inside recent: where a key is. A hash table of numbers of slots, in buckets of one cache line; a
 * key whose bucket is full is in the next one with room, and each bucket counts those that went on.
 * It looks at a slot's key only when 32 bits of the hash agree: a look-up for a key that is not
 * there touches one line of memory, and so does to add or to remove one.
 */
struct slots {
	struct slot_bucket *buckets;
	size_t mask; /* a power of two less 1; at least three in seven places are free */
};

#define SLOT_NONE UINT32_MAX

/* The bytes of memory for max slots; and the table in such memory, which is zeroed and borrowed. */
size_t slots_size(size_t max);
void slots_use(struct slots *slots, void *memory, size_t max);

/*
 * The slot whose key of key_size bytes is that one, or SLOT_NONE. tag is the low 32 bits of the
 * key's hash; the key of slot n stands at keys + n * stride.
 */
uint32_t slots_find(const struct slots *slots, uint32_t tag, const void *key, size_t key_size,
                    const uint8_t *keys, size_t stride);

/* A slot whose key has that tag, which is likely the wanted one; SLOT_NONE: it seems not there. */
uint32_t slots_guess(const struct slots *slots, uint32_t tag);

/* Adds a slot that is not there, or removes one that is; the tag is the one of its key. */
void slots_add(struct slots *slots, uint32_t tag, uint32_t slot);
void slots_remove(struct slots *slots, uint32_t tag, uint32_t slot);

/* The bucket of a key with that tag will be needed soon. */
void slots_prefetch(const struct slots *slots, uint32_t tag);

#endif
