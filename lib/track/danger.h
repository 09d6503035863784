/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_DANGER_H
#define EGRESSD_TRACK_DANGER_H

#include <stdint.h>

/*
 * The danger levels of psad (its DANGER_LEVEL1 to 5) from 0 to 5, for people who think in them:
 * the higher one of what a source's packets and what its distinct destinations come to.
 */
#define DANGER_LEVEL_MAX 5

unsigned danger_level(uint64_t packets, uint64_t destinations);

/*
 * About how many distinct destinations there were, in little memory: linear counting (Whang,
 * Vander-Zanden, Taylor 1990), within some percent up to a thousand. Start from {}.
 */
#define DANGER_BITS 1024

struct destinations {
	uint64_t bits[DANGER_BITS / 64];
};

/* hash: of the destination, all its bits alike. */
void destinations_note(struct destinations *destinations, uint64_t hash);
uint64_t destinations_estimate(const struct destinations *destinations);

#endif
