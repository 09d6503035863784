/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inside.h"

#include "base/cleanup.h"
#include "kernel/route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MOST       3 /* missing interfaces; of the others only how many */
#define INTERFACES_NAMED 4
#define RANGES_ASKED     4 /* of a host */
/* Of a range: its first may be no machine's, its second the gateway's. */
#define ADDRESSES_ASKED 3

static bool exists(const struct if_nameindex *interfaces, const char *name)
{
	size_t n = strlen(name);
	bool wildcard = n && name[n - 1] == '*';
	for (; interfaces->if_index; interfaces++)
		if (wildcard ? strncmp(name, interfaces->if_name, n - 1) == 0
		             : strcmp(name, interfaces->if_name) == 0)
			return true;
	return false;
}

int interface_exists(const char *name)
{
	struct if_nameindex *interfaces = if_nameindex();
	if (!interfaces)
		return -errno;
	bool found = exists(interfaces, name);
	if_freenameindex(interfaces);
	return found;
}

int inside_missing(const struct policy *policy, bool **ret_missing)
{
	const struct words *inside = &policy->gateway.inside;
	_cleanup_free_ bool *missing = calloc(inside->count + 1, sizeof(*missing));
	if (!missing)
		return -ENOMEM;
	/* Not if_nametoindex(3), which would also find alternative names. */
	struct if_nameindex *interfaces = if_nameindex();
	if (!interfaces)
		return -errno;
	for (size_t i = 0; i < inside->count; i++)
		missing[i] = !exists(interfaces, inside->items[i].text);
	if_freenameindex(interfaces);
	*ret_missing = TAKE_POINTER(missing);
	return 0;
}

/* Wider than a /8 is anybody, not somebody behind an interface. */
static bool is_anybody(const struct address_range *range)
{
	return range->from.bytes[0] != range->to.bytes[0];
}

/* A host and how its addresses are reached. */
struct reached {
	const struct host *host;
	struct route route; /* the first of them that does not lead inside; index 0: none */
	bool inside;
	size_t hosts; /* how many there are behind its interface, once they are gathered */
};

static int ask_range(const struct policy *policy, const struct address_range *range,
                     struct reached *reached)
{
	struct address address = range->from;
	bool more = !is_anybody(range);
	for (unsigned i = 0; i < ADDRESSES_ASKED && more; i++) {
		struct route route;
		int r = route_lookup(&address, &route);
		bool inside = r == 0 && !route.local && policy_is_inside(policy, route.interface);
		reached->inside |= inside;
		if (r == 0 && !route.local && !inside && !reached->route.index) {
			r = route.direct ? 0 : route_is_default(&address);
			if (r == 0)
				reached->route = route;
		}
		if (r < 0)
			return r;
		more = address_next(&address, &address) && range_contains(range, &address);
	}
	return 0;
}

/* Those of the hosts asked that are only reached by interfaces that are not inside. */
static int find_outside(const struct policy *policy, struct reached found[INSIDE_HOSTS_ASKED],
                        size_t *ret_count)
{
	size_t hosts = policy->hosts.count, count = 0;
	size_t asked = hosts < INSIDE_HOSTS_ASKED ? hosts : INSIDE_HOSTS_ASKED;
	for (size_t i = 0; i < asked; i++) {
		struct reached reached = {.host = &policy->hosts.items[i * hosts / asked]};
		int r = 0;
		for (uint32_t j = 0; j < reached.host->range_count && j < RANGES_ASKED && r == 0 &&
		                     !reached.host->self && !reached.inside;
		     j++)
			r = ask_range(policy, &reached.host->ranges[j].range, &reached);
		if (r < 0)
			return r;
		if (reached.route.index && !reached.inside)
			found[count++] = reached;
	}
	*ret_count = count;
	return 0;
}

/* A list as it is spoken: "a", "a and b", "a, b, c and 5 more". */
static void print_name(FILE *out, const char *name, size_t index, size_t count)
{
	if (index < NAMED_MOST)
		fprintf(out, "%s%s",
		        index == 0                                  ? ""
		        : index + 1 == count && count <= NAMED_MOST ? " and "
		                                                    : ", ",
		        name);
	else if (index == NAMED_MOST)
		fprintf(out, " and %zu more", count - NAMED_MOST);
}

static void print_missing(FILE *out, const struct words *inside, const bool *missing)
{
	size_t count = 0, index = 0;
	for (size_t i = 0; i < inside->count; i++)
		count += missing[i];
	fprintf(out, "there is no interface ");
	for (size_t i = 0; i < inside->count; i++)
		if (missing[i])
			print_name(out, inside->items[i].text, index++, count);
	fprintf(out, " of gateway.inside");
}

/* Keeps the first host behind each interface, with how many there are; gives how many it keeps. */
static size_t gather(struct reached *found, size_t count)
{
	size_t interfaces = 0;
	for (size_t i = 0; i < count; i++) {
		size_t place = 0;
		while (place < interfaces && found[place].route.index != found[i].route.index)
			place++;
		if (place == interfaces) {
			found[interfaces] = found[i];
			found[interfaces++].hosts = 0;
		}
		found[place].hosts++;
	}
	return interfaces;
}

/* By interface, so that none is left unseen when the one that was told is put right. */
static void print_hosts(FILE *out, const struct policy *policy, struct reached *found, size_t count)
{
	size_t interfaces = gather(found, count);
	for (size_t i = 0; i < interfaces && i < INTERFACES_NAMED; i++) {
		const struct reached *first = &found[i];
		fprintf(out, "%shost %s",
		        i == 0                                                  ? ""
		        : i + 1 == interfaces && interfaces <= INTERFACES_NAMED ? " and "
		                                                                : ", ",
		        first->host->name);
		if (first->hosts > 1)
			fprintf(out, " and %zu more", first->hosts - 1);
		fprintf(out, " %s behind %s", first->hosts == 1 ? "is" : "are",
		        first->route.interface);
	}
	if (interfaces > INTERFACES_NAMED)
		fprintf(out, ", and others are behind %zu more interface%s",
		        interfaces - INTERFACES_NAMED,
		        interfaces - INTERFACES_NAMED == 1 ? "" : "s");
	fprintf(out, ", which %s not inside: what %s is not judged", interfaces == 1 ? "is" : "are",
	        count == 1 ? "it initiates" : "they initiate");
	if (policy->hosts.count > INSIDE_HOSTS_ASKED)
		fprintf(out, " (%u of %zu hosts were looked up)", INSIDE_HOSTS_ASKED,
		        policy->hosts.count);
}

int inside_find_unjudged(const struct policy *policy, char ret_text[static INSIDE_TEXT_MAX])
{
	_cleanup_free_ bool *missing = NULL;
	_cleanup_free_ struct reached *found = NULL;
	bool any = false;
	size_t count;

	ret_text[0] = '\0';
	int r = inside_missing(policy, &missing);
	if (r < 0)
		return r;
	for (size_t i = 0; i < policy->gateway.inside.count; i++)
		any |= missing[i];
	if (!any)
		return 0;
	found = calloc(INSIDE_HOSTS_ASKED, sizeof(*found));
	if (!found)
		return -ENOMEM;
	r = find_outside(policy, found, &count);
	if (r < 0 || !count)
		return r;

	FILE *out = fmemopen(ret_text, INSIDE_TEXT_MAX, "w");
	if (!out)
		return -errno;
	print_missing(out, &policy->gateway.inside, missing);
	fprintf(out, ", and ");
	print_hosts(out, policy, found, count);
	fclose(out); /* what has no room is cut off */
	ret_text[INSIDE_TEXT_MAX - 1] = '\0';
	return 0;
}
