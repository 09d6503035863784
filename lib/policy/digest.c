/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/digest.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
};

/* What the instructions below are part of, as CPUID tells. */
static bool has_instructions(void)
{
	unsigned a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* Four rounds a turn; the instructions want the state as ABEF and CDGH. */
__attribute__((target("sha,sse4.1"))) static void transform(uint32_t state[static 8],
                                                            const uint8_t *bytes, size_t blocks)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(void *)state), 0xb1);
	__m128i high =
	        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(void *)(state + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(low, high, 8);
	__m128i cdgh = _mm_blend_epi16(high, low, 0xf0);

	for (; blocks; blocks--, bytes += SHA256_BLOCK_LENGTH) {
		__m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w[4]; /* the last sixteen words of the message schedule */
		for (unsigned i = 0; i < 16; i++) {
			__m128i *now = &w[i % 4], before = w[(i + 3) % 4];
			if (i < 4) {
				const void *from = bytes + 16 * i;
				*now = _mm_shuffle_epi8(_mm_loadu_si128(from), big_endian);
			} else {
				__m128i sum =
				        _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) % 4]),
				                      _mm_alignr_epi8(before, w[(i + 2) % 4], 4));
				*now = _mm_sha256msg2_epu32(sum, before);
			}
			const void *four = constants + 4 * i;
			__m128i round = _mm_add_epi32(*now, _mm_loadu_si128(four));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, round);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(round, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}

	low = _mm_shuffle_epi32(abef, 0x1b);
	high = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

#else

static bool has_instructions(void)
{
	return false;
}

static void transform(uint32_t state[static 8], const uint8_t *bytes, size_t blocks)
{
	for (; blocks; blocks--, bytes += SHA256_BLOCK_LENGTH)
		SHA256Transform(state, bytes);
}

#endif

void digest_start(struct digest *digest)
{
	SHA256Init(&digest->state);
}

void digest_add(struct digest *digest, const void *bytes, size_t count)
{
	SHA2_CTX *state = &digest->state;
	const uint8_t *next = bytes;

	/* libmd keeps what is less than a block, and counts bits. */
	size_t kept = (size_t)(state->bitcount[0] / 8 % SHA256_BLOCK_LENGTH);
	size_t missing = kept ? SHA256_BLOCK_LENGTH - kept : 0;
	if (count >= missing + SHA256_BLOCK_LENGTH && has_instructions()) {
		SHA256Update(state, next, missing);
		size_t blocks = (count - missing) / SHA256_BLOCK_LENGTH;
		transform(state->state.st32, next + missing, blocks);
		state->bitcount[0] += (uint64_t)blocks * SHA256_BLOCK_LENGTH * 8;
		next += missing + blocks * SHA256_BLOCK_LENGTH;
		count -= missing + blocks * SHA256_BLOCK_LENGTH;
	}
	SHA256Update(state, next, count);
}

void digest_end(struct digest *digest, char ret_hex[static SHA256_DIGEST_STRING_LENGTH])
{
	SHA256End(&digest->state, ret_hex);
}
