/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_RECKONING_H
#define EGRESSD_TRACK_RECKONING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Where blocked packets went on their way from the kernel's counters to the reader of its records.
 * Gaps in the numbers of records tell a loss exactly, but only with the next record, and not all
 * of them; the counters tell the rest, once nothing can be on its way any more.
 */
struct reckoning {
	bool begun, again; /* listening began, and began once more */
	uint64_t earlier;  /* before the first time; known from the second one on */
	uint64_t unheard_least, unheard_most; /* blocked when nobody listened lies in between */
	uint64_t lost;                        /* so many are known to be lost by the counters */
};

/* Every packet that was blocked is in exactly one of these. */
struct account {
	uint64_t unheard;  /* when nobody listened, though that had begun before */
	uint64_t received; /* by the reader */
	uint64_t lost;     /* on the way to the reader */
	uint64_t waiting;  /* on the way, or lost without a trace so far */
	uint64_t earlier;  /* before listening began for the first time */
};

/*
 * The packets blocked in all, of which so many were received so far, and so many are missing by
 * gaps. Should the counters have been set back, what was received and is missing is told, and the
 * sum is more than they say.
 */
struct account reckoning_account(const struct reckoning *reckoning, uint64_t blocked,
                                 uint64_t received, uint64_t gaps);

/*
 * Listening begins, again or for the first time, between two readings of the counters; received
 * and gaps are those of before.
 */
void reckoning_begin(struct reckoning *reckoning, uint64_t blocked_before, uint64_t blocked_after,
                     uint64_t received, uint64_t gaps);

/*
 * All of the packets blocked so far, as read earlier, have been received by now or never will be.
 * quiet: and no packet was blocked or received since that reading.
 */
void reckoning_settle(struct reckoning *reckoning, uint64_t blocked, uint64_t received,
                      uint64_t gaps, bool quiet);

#endif
