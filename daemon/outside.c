/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "outside.h"

#include "base/array.h"
#include "kernel/route.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define NAMED_MOST    3
#define CLAIMS_LOOKED 256 /* of a network */

/* Addresses of the world that nobody has at home, of servers of the root of the DNS; only the
 * routing table is asked about them. */
static const char *const far[FAMILY_COUNT] = {"198.41.0.4", "2001:503:ba3e::2:30"};

/* A network that the gateway is in, by an interface. */
struct net {
	char name[IF_NAMESIZE];
	struct address_range range;
};

struct nets {
	ARRAY(struct net) list;
};

static bool bytes_of(const struct sockaddr *address, enum family *ret_family,
                     const uint8_t **ret_bytes)
{
	int domain = address ? address->sa_family : AF_UNSPEC;
	if (domain == AF_INET) {
		*ret_family = FAMILY_IPV4;
		*ret_bytes = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
	} else if (domain == AF_INET6) {
		*ret_family = FAMILY_IPV6;
		*ret_bytes = (const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr;
	}
	return domain == AF_INET || domain == AF_INET6;
}

/* The network that an address of the gateway is in; false when it is in none with others. */
static bool read_net(const struct ifaddrs *entry, struct net *ret_net)
{
	enum family family, mask_family;
	const uint8_t *bytes, *mask;
	if (!(entry->ifa_flags & IFF_UP) || (entry->ifa_flags & IFF_LOOPBACK) ||
	    !bytes_of(entry->ifa_addr, &family, &bytes) ||
	    !bytes_of(entry->ifa_netmask, &mask_family, &mask) || mask_family != family)
		return false;
	struct net net = {.range = {{.family = family}, {.family = family}}};
	for (size_t i = 0; i < family_length(family); i++) {
		net.range.from.bytes[i] = bytes[i] & mask[i];
		net.range.to.bytes[i] = (uint8_t)(bytes[i] | ~mask[i]);
	}
	snprintf(net.name, sizeof(net.name), "%s", entry->ifa_name);
	/* The same link-local one is on every interface. */
	bool local = family == FAMILY_IPV6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
	*ret_net = net;
	return !local && !range_is_single(&net.range);
}

static int read_nets(struct nets *nets)
{
	struct ifaddrs *list;
	struct net net;
	int r = 0;
	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *i = list; i && r == 0; i = i->ifa_next) {
		if (!read_net(i, &net))
			continue;
		struct net *place = ARRAY_ADD(&nets->list);
		if (place)
			*place = net;
		else
			r = -ENOMEM;
	}
	freeifaddrs(list);
	return r;
}

/* How packets to the world leave; false when none does. */
static bool find_way_out(int family, struct route *ret_route)
{
	struct address address;
	return address_parse(far[family], &address) == 0 && route_lookup(&address, ret_route) == 0;
}

/* True when packets to the world leave by it. */
static bool leads_out(const char *interface)
{
	for (int family = 0; family < FAMILY_COUNT; family++) {
		struct route route;
		if (find_way_out(family, &route) && strcmp(route.interface, interface) == 0)
			return true;
	}
	return false;
}

/* True when an interface that is inside is in that network as well. */
static bool is_inside_too(const struct policy *policy, const struct nets *nets,
                          const struct net *net)
{
	ARRAY_FOREACH (other, &nets->list)
		if (policy_is_inside(policy, other->name) &&
		    (range_contains(&other->range, &net->range.from) ||
		     range_contains(&net->range, &other->range.from)))
			return true;
	return false;
}

static bool names_host(const struct permissions *permissions, const struct host *host)
{
	for (size_t i = 0; i < permissions->count; i++) {
		const struct permission *permission = &permissions->items[i];
		for (size_t j = 0; j < permission->peer_count; j++) {
			const struct peer *peer = &permission->resolved_peers[j];
			if ((peer->kind == PEER_HOST && peer->host == host) ||
			    (peer->kind == PEER_ROLE && peer->role == host->role))
				return true;
		}
	}
	return false;
}

static bool is_peer(const struct policy *policy, const struct host *host)
{
	for (size_t i = 0; i < policy->roles.count; i++)
		if (names_host(&policy->roles.items[i].outbound, host) ||
		    names_host(&policy->roles.items[i].inbound, host))
			return true;
	return false;
}

/* The first claim that begins at that address or behind it. */
static size_t find_claim(const struct claims *claims, const struct address *from)
{
	size_t low = 0, high = claims->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&claims->items[middle].written->range.from, from) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Hosts of a network, of which only some are named. */
struct found {
	const struct host *hosts[NAMED_MOST];
	size_t count;
	bool more;
};

static void note_host(struct found *found, const struct host *host)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->hosts[i] == host)
			return;
	if (found->count < NAMED_MOST)
		found->hosts[found->count++] = host;
	else
		found->more = true;
}

static struct found find_hosts(const struct policy *policy, const struct address_range *range)
{
	const struct claims *claims = &policy->claims[range->from.family];
	struct found found = {};
	size_t first = find_claim(claims, &range->from);
	for (size_t i = first; i < claims->count && i - first < CLAIMS_LOOKED && !found.more; i++) {
		const struct claim *claim = &claims->items[i];
		if (address_compare(&claim->written->range.from, &range->to) > 0)
			break;
		if (range_contains(range, &claim->written->range.to) && !claim->host->self &&
		    !is_peer(policy, claim->host))
			note_host(&found, claim->host);
	}
	return found;
}

static void print_found(const struct found *found, const char *interface,
                        char text[static OUTSIDE_TEXT_MAX])
{
	bool one = found->count == 1;
	FILE *out = fmemopen(text, OUTSIDE_TEXT_MAX, "w");
	if (!out)
		return;
	fputs(one ? "host " : "hosts ", out);
	for (size_t i = 0; i < found->count; i++)
		fprintf(out, "%s%s",
		        i == 0                                  ? ""
		        : i + 1 == found->count && !found->more ? " and "
		                                                : ", ",
		        found->hosts[i]->name);
	fprintf(out,
	        "%s %s behind %s, which is not inside: what %s is not judged; add \"%s\" to "
	        "gateway.inside",
	        found->more ? " and others" : "", one ? "is" : "are", interface,
	        one ? "it initiates" : "they initiate", interface);
	fclose(out); /* what has no room is cut off */
	text[OUTSIDE_TEXT_MAX - 1] = '\0';
}

int outside_find_hosts(const struct policy *policy, char ret_text[static OUTSIDE_TEXT_MAX])
{
	struct nets nets = {};
	ret_text[0] = '\0';
	int r = read_nets(&nets);
	for (size_t i = 0; i < nets.list.count && r == 0 && !ret_text[0]; i++) {
		const struct net *net = &nets.list.items[i];
		if (policy_is_inside(policy, net->name) || is_inside_too(policy, &nets, net))
			continue;
		struct found found = find_hosts(policy, &net->range);
		if (found.count && !leads_out(net->name))
			print_found(&found, net->name, ret_text);
	}
	ARRAY_DONE(&nets.list);
	return r;
}

void outside_find_way_in(const struct policy *policy, char ret_text[static OUTSIDE_TEXT_MAX])
{
	ret_text[0] = '\0';
	for (int family = 0; family < FAMILY_COUNT && !ret_text[0]; family++) {
		struct route route;
		const struct word *entry = NULL;
		if (find_way_out(family, &route) && !route.local)
			entry = policy_inside_entry(policy, route.interface);
		if (entry)
			snprintf(ret_text, OUTSIDE_TEXT_MAX,
			         "the default route leads through %s, which is inside: all that "
			         "comes from beyond it is taken for inside, and is unassigned "
			         "where it is no host's (\"%s\" of gateway.inside, %s:%u)",
			         route.interface, entry->text, entry->at.file, entry->at.line);
	}
}
