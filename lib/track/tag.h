/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_TAG_H
#define EGRESSD_TRACK_TAG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Short names of keys that all have one length, by a universal hash: of any two keys, whoever chose
 * them, one secret in 2^32 gives them the same tag, and any bits of it are as good as others. That
 * holds for who never learns a tag; it is what makes it ten times as fast as a hash that could be
 * shown. It is the multiply-shift of vectors of words of 32 bits (Dietzfelbinger, "Universal
 * hashing and k-wise independent random variables via integer arithmetic without primes", 1996;
 * Thorup, "High speed hashing for integers and strings", 2015, theorem 3.2): the upper half of a
 * sum of products. So keys that begin alike can share what their beginning gives.
 */
#define TAG_WORD    sizeof(uint32_t)
#define TAG_KEY_MAX 124 /* bytes of a key */

struct tag_secret {
	uint64_t factors[TAG_KEY_MAX / TAG_WORD];
	uint64_t summand;
};

/* 0, or the failure of getrandom(2) as a negative errno. */
int tag_secret_draw(struct tag_secret *ret_secret);

/*
 * What the bytes of a key from that one to before that one give; from is a whole number of words,
 * to at most TAG_KEY_MAX. The sums of all parts of a key are added.
 */
static inline uint64_t tag_sum(const struct tag_secret *secret, const void *key, size_t from,
                               size_t to)
{
	const uint8_t *bytes = key;
	const uint64_t *factor = secret->factors + from / TAG_WORD;
	uint64_t sum = 0;

	for (; to - from >= TAG_WORD; from += TAG_WORD) {
		uint32_t word;
		memcpy(&word, bytes + from, sizeof(word));
		/* In vectors, which hold no product of 64 bits, it would take twice as long: no
		 * compiler is to make any of it. */
		uint64_t alone = word;
		__asm__("" : "+r"(alone));
		sum += *factor++ * alone;
	}
	if (from < to) {
		uint32_t word = 0;
		memcpy(&word, bytes + from, to - from);
		sum += *factor * word;
	}
	return sum;
}

/*
 * The tag of a key that gave that sum. What is linear has keys in a row, as neighbours in a network
 * are, meet by the dozen with one secret in some hundred; so it is mixed, by half of the finalizer
 * of MurmurHash3 (Appleby, 2011), which as a permutation changes nothing of what holds for two
 * keys.
 */
static inline uint32_t tag_of_sum(const struct tag_secret *secret, uint64_t sum)
{
	uint32_t tag = (uint32_t)((sum + secret->summand) >> 32);
	tag ^= tag >> 16;
	tag *= 0x85ebca6b;
	return tag ^ tag >> 13;
}

/* The tag of a key of that many bytes, at most TAG_KEY_MAX. */
static inline uint32_t tag_of(const struct tag_secret *secret, const void *key, size_t size)
{
	return tag_of_sum(secret, tag_sum(secret, key, 0, size));
}

/* The same, and the tag of the owner that the key begins with, which is a whole number of words. */
static inline uint32_t tag_of_owned(const struct tag_secret *secret, const void *key,
                                    size_t owner_size, size_t size, uint32_t *ret_owner)
{
	uint64_t owner = tag_sum(secret, key, 0, owner_size);
	*ret_owner = tag_of_sum(secret, owner);
	return tag_of_sum(secret, owner + tag_sum(secret, key, owner_size, size));
}

#endif
