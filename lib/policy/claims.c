/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy.h"

#include "policy/runtime.h"
#include "policy/soles.h"

#define LINE 64 /* bytes of a cache line */

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

/*
 * Index of the last claim that begins at or before the address, or -1; so many begin with less than
 * its start.
 */
static ptrdiff_t last_beginning_at_or_before(const struct claims *claims,
                                             const struct address *address, size_t less)
{
	uint64_t start = address_start(address);
	size_t low = less, high = low;
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
		if (address_compare(&claims->items[middle].written->range.from, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (ptrdiff_t)low - 1;
}

/* Claims nest like brackets: what lies around the address is that last one or around it. */
static const struct claim *claim_around(const struct claims *claims, const struct address *address,
                                        size_t less)
{
	ptrdiff_t i = last_beginning_at_or_before(claims, address, less);
	while (i >= 0) {
		const struct claim *claim = &claims->items[i];
		if (range_contains(&claim->written->range, address))
			return claim;
		i = claim->parent;
	}
	return NULL;
}

const struct claim *policy_claim_at(const struct policy *policy, const struct address *address)
{
	const struct claims *claims = &policy->claims[address->family];
	const struct claim *sole = soles_find(&claims->soles, claims, address);
	if (sole || claims->soles.all)
		return sole;
	return claim_around(claims, address,
	                    count_less(claims->starts, claims->count, address_start(address)));
}

const struct host *policy_host_at(const struct policy *policy, const struct address *address)
{
	const struct assignment *assignment = policy_assignment(policy, address);
	if (assignment)
		return &assignment->host;
	const struct claim *claim = policy_claim_at(policy, address);
	return claim ? claim->host : NULL;
}

/*
 * count_less() of many addresses, of which those of one family are of interest. All take each step
 * together: no step of one depends on another's, so that their ways to memory overlap.
 */
static void count_less_together(const struct claims *claims, enum family family,
                                const struct address *const *addresses, size_t count, size_t *less)
{
	uint64_t wanted[POLICY_AT_ONCE];
	for (size_t i = 0; i < count; i++) {
		bool of_interest = addresses[i]->family == family;
		wanted[i] = of_interest ? address_start(addresses[i]) : 0;
		less[i] = of_interest ? 0 : less[i];
	}
	for (size_t left = claims->count; left > 0;) {
		size_t half = (left + 1) / 2;
		for (size_t i = 0; i < count; i++)
			if (addresses[i]->family == family)
				less[i] +=
				        claims->starts[less[i] + half - 1] < wanted[i] ? half : 0;
		left -= half;
	}
}

/* The claims around addresses that are no sole ones, all searched for together. */
static void find_around(const struct policy *policy, const struct address *const *addresses,
                        size_t count, const struct claim **ret_claims)
{
	size_t less[POLICY_AT_ONCE] = {};
	for (int family = 0; family < FAMILY_COUNT; family++)
		count_less_together(&policy->claims[family], (enum family)family, addresses, count,
		                    less);
	for (size_t i = 0; i < count; i++) {
		const struct claims *claims = &policy->claims[addresses[i]->family];
		if (claims->count)
			__builtin_prefetch(&claims->items[less[i]]);
	}
	for (size_t i = 0; i < count; i++)
		ret_claims[i] =
		        claim_around(&policy->claims[addresses[i]->family], addresses[i], less[i]);
}

/* policy_claim_at() of each. */
static void find_claims(const struct policy *policy, const struct address *const *addresses,
                        size_t count, const struct claim **ret_claims)
{
	const struct address *others[POLICY_AT_ONCE];
	const struct claim *around[POLICY_AT_ONCE];
	size_t numbers[POLICY_AT_ONCE], left = 0;

	for (size_t i = 0; i < count; i++)
		soles_prefetch(&policy->claims[addresses[i]->family].soles, addresses[i]);
	for (size_t i = 0; i < count; i++) {
		const struct claims *claims = &policy->claims[addresses[i]->family];
		ret_claims[i] = soles_find(&claims->soles, claims, addresses[i]);
		if (ret_claims[i]) {
			__builtin_prefetch(ret_claims[i]);
		} else if (!claims->soles.all) {
			numbers[left] = i;
			others[left++] = addresses[i];
		}
	}
	if (!left)
		return;
	find_around(policy, others, left, around);
	for (size_t i = 0; i < left; i++)
		ret_claims[numbers[i]] = around[i];
}

void policy_hosts_at(const struct policy *policy, const struct address *const *addresses,
                     size_t count, const struct host **ret_hosts)
{
	const struct claim *claims[POLICY_AT_ONCE];
	bool assigned = policy->runtime && policy->runtime->assignments.count;
	find_claims(policy, addresses, count, claims);
	for (size_t i = 0; i < count; i++) {
		const struct assignment *assignment =
		        assigned ? policy_assignment(policy, addresses[i]) : NULL;
		ret_hosts[i] = assignment ? &assignment->host : claims[i] ? claims[i]->host : NULL;
		for (size_t at = 0; ret_hosts[i] && at < sizeof(struct host); at += LINE)
			__builtin_prefetch((const char *)ret_hosts[i] + at);
	}
}
