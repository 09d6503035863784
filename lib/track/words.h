/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_WORDS_H
#define EGRESSD_TRACK_WORDS_H

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Eight words of a cache line that are asked together. */
#define WORDS 8

/* Bit i is set when word i is that value. All are compared: to guess which is dearer than that. */
static inline unsigned words_equal(const uint32_t words[static WORDS], uint32_t value)
{
#ifdef __SSE2__
	const __m128i wanted = _mm_set1_epi32((int)value);
	__m128i low = _mm_loadu_si128((const void *)words);
	__m128i high = _mm_loadu_si128((const void *)(words + WORDS / 2));
	low = _mm_cmpeq_epi32(low, wanted);
	high = _mm_cmpeq_epi32(high, wanted);
	const __m128i both = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
	return (unsigned)_mm_movemask_epi8(both);
#else
	unsigned bits = 0;
	for (unsigned i = 0; i < WORDS; i++)
		bits |= (unsigned)(words[i] == value) << i;
	return bits;
#endif
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
