/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TEST_RANDOM_H
#define EGRESSD_TEST_RANDOM_H

#include <math.h>
#include <stdint.h>

/* Random numbers that are the same in every run: SplitMix64 (Steele, Lea, Flood 2014). */
struct random {
	uint64_t state; /* the seed at first */
};

static inline uint64_t random_bits(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* From 0 up to 1, without 1. */
static inline double random_unit(struct random *random)
{
	return (double)(random_bits(random) >> 11) / (double)((uint64_t)1 << 53);
}

static inline double random_between(struct random *random, double low, double high)
{
	return low + (high - low) * random_unit(random);
}

static inline uint32_t random_below(struct random *random, uint32_t count)
{
	return (uint32_t)(random_unit(random) * count);
}

/* The gaps of a Poisson stream. */
static inline double random_exponential(struct random *random, double mean)
{
	return -mean * log(1 - random_unit(random));
}

#endif
