/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

/* Index of the last claim that begins at or before the address, or -1. */
static ptrdiff_t last_beginning_at_or_before(const struct claims *claims,
                                             const struct address *address)
{
	size_t low = 0, high = claims->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&claims->items[middle].range.from, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (ptrdiff_t)low - 1;
}

const struct host *policy_host_at(const struct policy *policy, const struct address *address)
{
	const struct claims *claims = &policy->claims[address->family];

	/* Claims nest like brackets: what lies around the address is that claim or around it. */
	ptrdiff_t i = last_beginning_at_or_before(claims, address);
	while (i >= 0) {
		const struct claim *claim = &claims->items[i];
		if (range_contains(&claim->range, address))
			return claim->host;
		i = claim->parent;
	}
	return NULL;
}
