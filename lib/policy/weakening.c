/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/weakening.h"

#include "base/index.h"

#include <string.h>

/* Both policies, what is found, and how the operator goes back. */
struct change {
	const struct policy *before, *after;
	struct interface_names interfaces;
	const char *revert;
	struct problems *warnings;
};

static bool is_most(size_t part, size_t whole)
{
	return part > whole / 2;
}

/* The host of the other policy that goes by the same name. */
static const struct host *namesake(const struct change *change, struct index *index,
                                   const struct host *host)
{
	return index_find(index, change->after->hosts.items, change->after->hosts.count,
	                  sizeof(*host), host->name);
}

/* The host that is written for the same addresses, or the same MAC, under another name. */
static const struct host *successor(const struct policy *after, const struct host *host)
{
	if (host->self)
		return after->self;
	if (!host->range_count)
		return host->mac_count ? policy_host_by_mac(after, &host->macs[0]) : NULL;
	const struct address_range *range = &host->ranges[0].range;
	const struct claim *claim = policy_claim_at(after, &range->from);
	for (; claim; claim = claim->parent < 0
	                              ? NULL
	                              : &after->claims[range->from.family].items[claim->parent])
		if (address_compare(&claim->written->range.from, &range->from) == 0 &&
		    address_compare(&claim->written->range.to, &range->to) == 0)
			return claim->host;
	return NULL;
}

/* Hosts of the policy before, and what the policy after makes of them. */
struct fates {
	size_t enforced; /* before */
	size_t audited;  /* of these: in audit mode now */
	size_t gone;     /* of all */
};

static struct fates find_fates(const struct change *change)
{
	struct fates fates = {};
	struct index index = {};
	for (size_t i = 0; i < change->before->hosts.count; i++) {
		const struct host *host = &change->before->hosts.items[i];
		const struct host *now = namesake(change, &index, host);
		if (!now)
			now = successor(change->after, host);
		bool enforced = host->effective_mode == MODE_ENFORCE;
		fates.enforced += enforced;
		fates.audited += enforced && now && now->effective_mode == MODE_AUDIT;
		fates.gone += !now;
	}
	index_done(&index);
	return fates;
}

static size_t count_enforced(const struct policy *policy)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->hosts.count; i++)
		count += policy->hosts.items[i].effective_mode == MODE_ENFORCE;
	return count;
}

static void warn_of_modes(const struct change *change, const struct fates *fates)
{
	struct location at = change->after->gateway.at;
	bool strangers = change->before->gateway.mode == MODE_ENFORCE &&
	                 change->after->gateway.mode == MODE_AUDIT;
	if (fates->enforced && change->after->hosts.count && !count_enforced(change->after))
		problems_add(change->warnings, at,
		             "no host is enforced any more: %zu were before, and all %zu are in "
		             "audit mode now, so what the policy forbids passes; to go back: %s",
		             fates->enforced, change->after->hosts.count, change->revert);
	else if (is_most(fates->audited, fates->enforced))
		problems_add(change->warnings, at,
		             "%zu of %zu hosts that were enforced are in audit mode now, so what "
		             "the policy forbids them passes; to go back: %s",
		             fates->audited, fates->enforced, change->revert);
	else if (strangers)
		problems_add(
		        change->warnings, at,
		        "the gateway's mode is audit now, so packets of unassigned and spoofed "
		        "sources pass, which were blocked before; to go back: %s",
		        change->revert);
}

static void warn_of_hosts(const struct change *change, const struct fates *fates)
{
	size_t before = change->before->hosts.count;
	if (is_most(fates->gone, before))
		problems_add(change->warnings, (struct location){change->after->file, 0},
		             "%zu of %zu hosts are gone from the configuration; to go back: %s",
		             fates->gone, before, change->revert);
}

static void warn_of_inside(const struct change *change)
{
	const char *first = NULL;
	size_t inside = 0, gone = 0;
	for (size_t i = 0; i < change->interfaces.count; i++) {
		const char *name = change->interfaces.items[i];
		if (!policy_is_inside(change->before, name))
			continue;
		inside++;
		if (!policy_is_inside(change->after, name) && !gone++)
			first = name;
	}
	if (is_most(gone, inside))
		problems_add(change->warnings, change->after->gateway.at,
		             "%s%s inside no more, so what comes from there is not judged and "
		             "passes; to go back: %s",
		             first, gone > 1 ? " and other interfaces are" : " is", change->revert);
}

static size_t count_judged(const struct policy *policy)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->roles.count; i++)
		count += policy->roles.items[i].judged_inbound;
	return count;
}

static void warn_of_roles(const struct change *change)
{
	if (count_judged(change->before) && !count_judged(change->after))
		problems_add(change->warnings, (struct location){change->after->file, 0},
		             "no role has \"inbound\" any more, so connections to your hosts are "
		             "not judged; to go back: %s",
		             change->revert);
	if (change->before->blocked_peer_count && !change->after->blocked_peer_count)
		problems_add(change->warnings, (struct location){change->after->file, 0},
		             "there is no blocklist any more, so the networks that it named are "
		             "blocked no longer; to go back: %s",
		             change->revert);
}

void policy_weakening(const struct policy *before, const struct policy *after,
                      struct interface_names interfaces, const char *revert,
                      struct problems *warnings)
{
	const struct change change = {before, after, interfaces, revert, warnings};
	const struct fates fates = find_fates(&change);
	warn_of_modes(&change, &fates);
	warn_of_hosts(&change, &fates);
	warn_of_inside(&change);
	warn_of_roles(&change);
}
