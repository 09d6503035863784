/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_TAG_H
#define EGRESSD_TRACK_TAG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Short names of keys that all have one length, by a universal hash: of any two keys, whoever chose
 * them, fewer than one secret in 2^31 gives them the same tag, and any bits of it are as good as
 * others. That holds for who never learns a tag; it is what makes it ten times as fast as a hash
 * that could be shown. NH with words of 64 bits (Black, Halevi, Krawczyk, Krovetz and Rogaway,
 * "UMAC: Fast and Secure Message Authentication", 1999), and a multiply-shift of what that gives
 * (Dietzfelbinger, "Universal hashing and k-wise independent random variables via integer
 * arithmetic without primes", 1996).
 */
#define TAG_KEY_MAX 128 /* bytes of a key */
#define TAG_HALVES  4   /* of 32 bits, in what NH gives */

struct tag_secret {
	uint64_t nh[TAG_KEY_MAX / sizeof(uint64_t)];
	uint64_t shift[TAG_HALVES + 1];
};

/* 0, or the failure of getrandom(2) as a negative errno. */
int tag_secret_draw(struct tag_secret *ret_secret);

static inline uint64_t tag_word(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* What is left behind the last whole word. In registers: what memory was told byte by byte it
 * cannot hand back as a word at once. */
static inline uint64_t tag_rest(const uint8_t *bytes, size_t left)
{
	uint64_t word = 0;
	unsigned bits = 0;
	if (left >= sizeof(uint32_t)) {
		uint32_t half;
		memcpy(&half, bytes, sizeof(half));
		word = half;
		bits = 32;
		bytes += sizeof(half);
		left -= sizeof(half);
	}
	for (; left; left--, bits += 8)
		word |= (uint64_t)*bytes++ << bits;
	return word;
}

/* The tag of a key of that many bytes, at most TAG_KEY_MAX. */
static inline uint32_t tag_of(const struct tag_secret *secret, const void *key, size_t size)
{
	const size_t word = sizeof(uint64_t);
	const uint8_t *bytes = key;
	const uint64_t *k = secret->nh;
	unsigned __int128 sum = 0;

	for (; size >= 2 * word; size -= 2 * word, bytes += 2 * word, k += 2)
		sum += (unsigned __int128)(tag_word(bytes) + k[0]) *
		       (tag_word(bytes + word) + k[1]);
	if (size >= word)
		sum += (unsigned __int128)(tag_word(bytes) + k[0]) *
		       (tag_rest(bytes + word, size - word) + k[1]);
	else if (size)
		sum += (unsigned __int128)(tag_rest(bytes, size) + k[0]) * k[1];

	uint64_t shifted = secret->shift[TAG_HALVES];
	for (unsigned i = 0; i < TAG_HALVES; i++, sum >>= 32)
		shifted += secret->shift[i] * (uint32_t)sum;
	return (uint32_t)(shifted >> 32);
}

#endif
