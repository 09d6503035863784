/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_BUDGET_H
#define EGRESSD_TRACK_BUDGET_H

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

/* So many of something may be done in a second. Start from {}. */
struct budget {
	usec_t second; /* when it began */
	uint32_t spent;
};

/* Begins a new second when the last one is over, or the clock stepped back. */
static inline void budget_refill(struct budget *budget, usec_t now)
{
	if (now >= budget->second && now - budget->second < USEC_PER_SEC)
		return;
	budget->second = now;
	budget->spent = 0;
}

/* Spends one, where the allowance of this second has one left. */
static inline bool budget_spend(struct budget *budget, uint32_t allowance, usec_t now)
{
	budget_refill(budget, now);
	if (budget->spent >= allowance)
		return false;
	budget->spent++;
	return true;
}

#endif
