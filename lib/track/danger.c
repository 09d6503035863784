/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/danger.h"

#include <math.h>

static unsigned level_of(uint64_t count, const uint64_t least[static DANGER_LEVEL_MAX])
{
	unsigned level = DANGER_LEVEL_MAX;
	while (level && count < least[level - 1])
		level--;
	return level;
}

unsigned danger_level(uint64_t packets, uint64_t destinations)
{
	static const uint64_t least_packets[DANGER_LEVEL_MAX] = {5, 15, 150, 1500, 10000};
	static const uint64_t least_destinations[DANGER_LEVEL_MAX] = {10, 20, 50, 100, 500};
	unsigned by_packets = level_of(packets, least_packets);
	unsigned by_destinations = level_of(destinations, least_destinations);
	return by_packets > by_destinations ? by_packets : by_destinations;
}

void destinations_note(struct destinations *destinations, uint64_t hash)
{
	unsigned bit = (unsigned)(hash % DANGER_BITS);
	destinations->bits[bit / 64] |= (uint64_t)1 << bit % 64;
}

uint64_t destinations_estimate(const struct destinations *destinations)
{
	unsigned set = 0;
	for (unsigned i = 0; i < DANGER_BITS / 64; i++)
		set += (unsigned)__builtin_popcountll(destinations->bits[i]);
	unsigned empty = set < DANGER_BITS ? DANGER_BITS - set : 1;
	return (uint64_t)llround(-DANGER_BITS * log((double)empty / DANGER_BITS));
}
