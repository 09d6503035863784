/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

#include "policy/runtime.h"

/* How many of the sorted starts are less than that one. */
static size_t count_less(const uint64_t *starts, size_t count, uint64_t than)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (starts[middle] < than)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Index of the last claim that begins at or before the address, or -1. */
static ptrdiff_t last_beginning_at_or_before(const struct claims *claims,
                                             const struct address *address)
{
	uint64_t start = address_start(address);
	size_t low = count_less(claims->starts, claims->count, start), high = low;
	/* Few begin alike, unless all hosts are of one IPv6 network: then the rest is searched. */
	for (unsigned i = 0; i < 4 && high < claims->count && claims->starts[high] == start; i++)
		high++;
	if (high == low + 4)
		high += count_less(claims->starts + high, claims->count - high,
		                   start < UINT64_MAX ? start + 1 : start);
	if (start == UINT64_MAX)
		high = claims->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&claims->items[middle].range.from, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (ptrdiff_t)low - 1;
}

const struct claim *policy_claim_at(const struct policy *policy, const struct address *address)
{
	const struct claims *claims = &policy->claims[address->family];

	/* Claims nest like brackets: what lies around the address is that claim or around it. */
	ptrdiff_t i = last_beginning_at_or_before(claims, address);
	while (i >= 0) {
		const struct claim *claim = &claims->items[i];
		if (range_contains(&claim->range, address))
			return claim;
		i = claim->parent;
	}
	return NULL;
}

const struct host *policy_host_at(const struct policy *policy, const struct address *address)
{
	const struct assignment *assignment = policy_assignment(policy, address);
	if (assignment)
		return &assignment->host;
	const struct claim *claim = policy_claim_at(policy, address);
	return claim ? claim->host : NULL;
}
