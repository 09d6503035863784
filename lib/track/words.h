/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_WORDS_H
#define EGRESSD_TRACK_WORDS_H

#include <stdint.h>
#include <string.h>

/* Eight words of a cache line that are asked together. */
#define WORDS 8

/* Four of them at once, by whatever the processor has for that. */
typedef uint32_t word_quad __attribute__((vector_size(16)));

/* Bit i is set when word i is that value. All are compared: to guess which is dearer than that. */
static inline unsigned words_equal(const uint32_t words[static WORDS], uint32_t value)
{
	const word_quad wanted = {value, value, value, value};
	word_quad low, high;
	memcpy(&low, words, sizeof(low));
	memcpy(&high, words + WORDS / 2, sizeof(high));
	low = (word_quad)(low == wanted) & (word_quad){1, 2, 4, 8};
	high = (word_quad)(high == wanted) & (word_quad){16, 32, 64, 128};

	uint64_t halves[2];
	const word_quad both = low | high;
	memcpy(halves, &both, sizeof(halves));
	halves[0] |= halves[1];
	return (unsigned)(halves[0] | halves[0] >> 32);
}

static inline unsigned words_first(unsigned bits)
{
	return (unsigned)__builtin_ctz(bits);
}

/* The first of the words that none is greater than. */
static inline unsigned words_greatest(const uint32_t words[static WORDS])
{
	uint32_t greatest = 0;
	for (unsigned i = 0; i < WORDS; i++)
		greatest = words[i] > greatest ? words[i] : greatest;
	return words_first(words_equal(words, greatest));
}

#endif
