/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/warnings.h"

#include "base/array.h"

/* Addresses from which no packet is forwarded: the kernel drops them as martian sources. */
static const struct kind {
	const char *prefix;
	const char *what;
	bool own; /* the gateway itself may have them */
} kinds[] = {
        {"0.0.0.0/8", "no address of a host", false},
        {"127.0.0.0/8", "a loopback address, which never leaves its machine", true},
        {"224.0.0.0/4", "a multicast address, from which nobody sends", false},
        {"255.255.255.255", "the broadcast address, from which nobody sends", false},
        {"::", "no address of a host", false},
        {"::1", "the loopback address, which never leaves its machine", true},
        {"ff00::/8", "a multicast address, from which nobody sends", false},
};
#define KIND_COUNT ELEMENTS_OF(kinds)

static void warn_of_range(const struct host *host, const struct host_range *range,
                          const struct address_range prefixes[static KIND_COUNT],
                          struct problems *warnings)
{
	const struct location at = {host->at.file, range->line};
	char text[RANGE_TEXT_MAX];
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (!range_contains(&prefixes[i], &range->range.from) ||
		    !range_contains(&prefixes[i], &range->range.to) || (host->self && kinds[i].own))
			continue;
		problems_add(warnings, at,
		             "%s of host \"%s\" is %s; write the address of its interface",
		             range_print(&range->range, text), host->name, kinds[i].what);
	}
}

static void warn_of_hosts(const struct policy *policy, struct problems *warnings)
{
	struct address_range prefixes[KIND_COUNT];
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (range_parse(kinds[i].prefix, &prefixes[i]) != RANGE_OK)
			return; /* none of ours is wrong */
	for (size_t i = 0; i < policy->hosts.count; i++) {
		const struct host *host = &policy->hosts.items[i];
		for (uint32_t j = 0; j < host->range_count; j++)
			warn_of_range(host, &host->ranges[j], prefixes, warnings);
	}
}

/* Wider than a /8 is anybody, whom a blocklist may well hold some of. */
static bool is_anybody(const struct address_range *range)
{
	return range->from.bytes[0] != range->to.bytes[0];
}

/* What of one entry of the blocklist are addresses of hosts. */
struct held {
	const struct claim *claim; /* the first of them; NULL: none are */
	const struct address_range *range;
	bool others; /* so are addresses of another host */
};

/* Ranges and claims both ascend, and ranges are disjoint. */
static void find_held(const struct claims *claims, const struct address_range *ranges, size_t count,
                      struct held *held)
{
	const struct address_range *range = ranges;
	for (size_t i = 0; i < claims->count && !held->others; i++) {
		const struct claim *claim = &claims->items[i];
		const struct address_range *own = &claim->written->range;
		while (range < ranges + count && address_compare(&range->to, &own->from) < 0)
			range++;
		if (range == ranges + count)
			return;
		if (address_compare(&range->from, &own->to) > 0 || claim->host->self ||
		    is_anybody(own))
			continue;
		held->others = held->claim && held->claim->host != claim->host;
		if (!held->claim) {
			held->claim = claim;
			held->range = range;
		}
	}
}

static void warn_of_blocked(const struct policy *policy, const struct peer *peer,
                            struct problems *warnings)
{
	const struct network *network = peer->kind == PEER_NETWORK ? peer->network : NULL;
	struct held held = {};
	for (int family = 0; family < FAMILY_COUNT; family++)
		find_held(&policy->claims[family], network ? network->ranges : &peer->range,
		          network ? network->range_count : 1, &held);
	if (!held.claim)
		return;

	struct location claimed = claim_location(held.claim);
	char text[RANGE_TEXT_MAX];
	problems_add(
	        warnings, peer->at,
	        "the blocklist holds %s%s%s%s, and with it addresses of host \"%s\" (%s:%u)%s: "
	        "nobody inside may initiate to them; take them out, and write whom a host may be "
	        "reached by as inbound of its role",
	        range_print(held.range, text), network ? " (network \"" : "",
	        network ? network->name : "", network ? "\")" : "", held.claim->host->name,
	        claimed.file, claimed.line, held.others ? " and of others" : "");
}

static void warn_of_lists(const struct policy *policy, struct problems *warnings)
{
	for (size_t i = 0; i < policy->networks.count; i++) {
		const struct network *network = &policy->networks.items[i];
		for (size_t j = 0; j < network->files.count; j++) {
			const struct word *file = &network->files.items[j];
			if (network->file_counts[j])
				continue;
			problems_add(warnings, file->at,
			             "the list \"%s\" has no entry, so network \"%s\" %s; write an "
			             "address, prefix or range a line, or take the list out",
			             file->text, network->name,
			             network->range_count ? "is only what else it has"
			                                  : "is nobody");
		}
	}
}

/* The kernel has it under UDP, but what it reads are messages over TCP. */
static void warn_of_helpers(const struct policy *policy, struct problems *warnings)
{
	for (size_t i = 0; i < policy->services.count; i++) {
		const struct service *service = &policy->services.items[i];
		if (service->helper && strcmp(service->helper, "H.245") == 0)
			problems_add(
			        warnings, service->at,
			        "the helper \"H.245\" of service \"%s\" finds nothing to follow in "
			        "udp: the kernel assigns it to the tcp connections that \"Q.931\" "
			        "agrees on; write helper = \"Q.931\" and a tcp port, such as "
			        "\"tcp/1720\"",
			        service->name);
	}
}

void policy_warnings(const struct policy *policy, struct problems *warnings)
{
	warn_of_hosts(policy, warnings);
	for (size_t i = 0; i < policy->blocked_peer_count; i++)
		warn_of_blocked(policy, &policy->blocked_peers[i], warnings);
	warn_of_lists(policy, warnings);
	warn_of_helpers(policy, warnings);
	problems_sort(warnings);
}
