/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/reckoning.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* As many as can be without a packet that was blocked twice, but no fewer than is known. */
static uint64_t unheard(const struct reckoning *reckoning, uint64_t blocked, uint64_t received,
                        uint64_t gaps)
{
	uint64_t most = less(less(blocked, received), gaps);
	if (most > reckoning->unheard_most)
		most = reckoning->unheard_most;
	return larger(most, reckoning->unheard_least);
}

struct account reckoning_account(const struct reckoning *reckoning, uint64_t blocked,
                                 uint64_t received, uint64_t gaps)
{
	uint64_t silent = unheard(reckoning, blocked, received, gaps);
	struct account account = {
	        .received = received,
	        .earlier = reckoning->again && reckoning->earlier < silent ? reckoning->earlier
	                                                                   : silent,
	};
	uint64_t missing = less(less(blocked, silent), received);

	account.unheard = silent - account.earlier;

	/* What was taken for lost may have been late. */
	account.lost = reckoning->lost < missing ? reckoning->lost : missing;
	account.lost = larger(account.lost, gaps);
	account.waiting = less(missing, account.lost);
	return account;
}

void reckoning_begin(struct reckoning *reckoning, uint64_t blocked_before, uint64_t blocked_after,
                     uint64_t received, uint64_t gaps)
{
	if (reckoning->begun && !reckoning->again) {
		reckoning->earlier = unheard(reckoning, blocked_before, received, gaps);
		reckoning->again = true;
	}
	reckoning->begun = true;
	uint64_t known = received + larger(gaps, reckoning->lost);
	reckoning->unheard_least = less(blocked_before, known);
	reckoning->unheard_most = larger(less(blocked_after, known), reckoning->unheard_least);
}

void reckoning_settle(struct reckoning *reckoning, uint64_t blocked, uint64_t received,
                      uint64_t gaps, bool quiet)
{
	if (quiet) {
		uint64_t exact = unheard(reckoning, blocked, received, gaps);
		reckoning->unheard_least = exact;
		reckoning->unheard_most = exact;
	}
	uint64_t lost = less(less(blocked, reckoning->unheard_most), received);
	if (quiet || lost > reckoning->lost)
		reckoning->lost = larger(lost, gaps);
}
