/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_OWNERS_H
#define EGRESSD_TRACK_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Inside the tables that are fair: who owns how much of one. Owners are counted in groups by a
 * hash, so that few of them share one, and nobody can choose who; whoever shares one by chance
 * loses detail only.
 */
#define OWNERS_GROUPS 8192 /* their counts stay in the nearest cache */
#define OWNERS_SHARE  16 /* one in so many of the items that there is room for, but at least one */

struct owners {
	size_t share; /* more than that is heavy */
	size_t heavy; /* groups that own more than their share, until it is half of it */
	uint32_t *
	        counts; /* of OWNERS_GROUPS, zeroed and borrowed: items of each, and OWNERS_HEAVY */
};

#define OWNERS_HEAVY ((uint32_t)1 << 31)

/* The share of an owner in a table for max items. */
static inline size_t owners_share(size_t max)
{
	return max / OWNERS_SHARE ? max / OWNERS_SHARE : 1;
}

static inline bool owners_is_heavy(const struct owners *owners, uint32_t group)
{
	return owners->counts[group] & OWNERS_HEAVY;
}

/* Counts one item more of that group; true when that made it heavy. */
static inline bool owners_add(struct owners *owners, uint32_t group)
{
	if (++owners->counts[group] != owners->share + 1)
		return false;
	owners->counts[group] |= OWNERS_HEAVY;
	owners->heavy++;
	return true;
}

/* Counts one less. A heavy group stays so until it has half its share: one item to and fro is not
 * to change it each time. */
static inline void owners_remove(struct owners *owners, uint32_t group)
{
	uint32_t *count = &owners->counts[group];
	if (--*count != (OWNERS_HEAVY | (uint32_t)(owners->share / 2)))
		return;
	*count &= ~OWNERS_HEAVY;
	owners->heavy--;
}

#endif
