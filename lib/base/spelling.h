/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_SPELLING_H
#define EGRESSD_BASE_SPELLING_H

#include <stddef.h>

/* "Did you mean": keeps the known word nearest to what was written. Start from {.written = ...}. */
struct spelling {
	const char *written;
	const char *nearest; /* borrowed from spelling_offer(); NULL while nothing is near enough */
	size_t distance;
};

/* Offers one known word. Near enough is at most one typing error per three letters; among
 * equals one that begins alike is nearest, then the first. */
void spelling_offer(struct spelling *spelling, const char *known);

/* Optimal string alignment distance: insertions, deletions, changes and swaps of neighbours. */
size_t spelling_distance(const char *a, const char *b);

#endif
