/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sources.h"

#include "counts.h"
#include "replies.h"
#include "ruleset/names.h"

#include <errno.h>
#include <stdlib.h>

#define SHOWN_MAX 20
#define READ_MAX  4096 /* sources of a family, some 10 ms */

struct source {
	struct address address;
	struct count count;
};

struct sources {
	ARRAY(struct source) list;
};

static int compare_counts(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	if (x->count.packets != y->count.packets)
		return x->count.packets > y->count.packets ? -1 : 1;
	return address_compare(&x->address, &y->address);
}

static int compare_addresses(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	return address_compare(&x->address, &y->address);
}

static void sort(struct sources *sources, int (*compare)(const void *, const void *))
{
	if (sources->list.count)
		qsort(sources->list.items, sources->list.count, sizeof(*sources->list.items),
		      compare);
}

static int add(struct sources *sources, const struct address *address, struct count count)
{
	struct source *source = ARRAY_ADD(&sources->list);
	if (!source)
		return -ENOMEM;
	*source = (struct source){*address, count};
	return 0;
}

/* By the ledger's counts, which are only good for telling which sources to ask for. */
static int find_busiest(struct sources *busiest, const struct ledger *ledger, enum family family)
{
	struct sources all = {};
	int r = 0;
	for (const struct ledger_entry *entry = ledger_first(ledger, NULL); entry && r == 0;
	     entry = ledger_next(ledger, NULL, entry))
		if (entry->key.source.family == family)
			r = add(&all, &entry->key.source, (struct count){entry->packets, 0});

	sort(&all, compare_addresses);
	size_t kept = 0;
	for (size_t i = 1; i < all.list.count; i++) {
		if (compare_addresses(&all.list.items[kept], &all.list.items[i]) == 0)
			all.list.items[kept].count.packets += all.list.items[i].count.packets;
		else
			all.list.items[++kept] = all.list.items[i];
	}
	if (all.list.count)
		all.list.count = kept + 1;
	sort(&all, compare_counts);
	for (size_t i = 0; i < all.list.count && i < SHOWN_MAX && r == 0; i++)
		r = add(busiest, &all.list.items[i].address, (struct count){});
	ARRAY_DONE(&all.list);
	return r;
}

static int read_busiest(struct sources *sources, struct kernel *kernel, const struct ledger *ledger,
                        enum family family)
{
	struct sources busiest = {};
	int r = find_busiest(&busiest, ledger, family);
	for (size_t i = 0; i < busiest.list.count && r == 0; i++) {
		const struct address *address = &busiest.list.items[i].address;
		struct counted_element element;
		r = counted_element_find(kernel, set_blocked_source(family), address->bytes,
		                         family == FAMILY_IPV4 ? 4 : sizeof(address->bytes),
		                         &element);
		if (r == -ENOENT)
			r = 0; /* the set is full, and does not know all */
		else if (r == 0)
			r = add(sources, address, (struct count){element.packets, element.bytes});
	}
	ARRAY_DONE(&busiest.list);
	return r;
}

static int read_sources(struct sources *sources, struct kernel *kernel, const struct ledger *ledger,
                        enum family family)
{
	_cleanup_(counted_elements_freep) struct counted_elements *elements = NULL;
	int r = counted_elements_read(set_blocked_source(family), READ_MAX, &elements);
	if (r == -ENOENT)
		return 0; /* the closed table has no such set */
	if (r == COUNTED_MORE)
		return read_busiest(sources, kernel, ledger, family);
	if (r < 0)
		return r;

	ARRAY_FOREACH (element, &elements->list) {
		struct address address = address_from_bytes(family, element->key);
		r = add(sources, &address, (struct count){element->packets, element->bytes});
		if (r < 0)
			return r;
	}
	return 0;
}

static json_t *reply_source(const struct source *source, const struct policy *policy)
{
	const struct host *host = policy ? policy_host_at(policy, &source->address) : NULL;
	char text[ADDRESS_TEXT_MAX];
	return json_pack("{ss so so sI sI}", "source", address_print(&source->address, text),
	                 "host", reply_optional(host ? host->name : NULL), "role",
	                 reply_optional(host ? host->role->name : NULL), "packets",
	                 (json_int_t)source->count.packets, "bytes",
	                 (json_int_t)source->count.bytes);
}

int busiest_sources(json_t *array, struct kernel *kernel, const struct ledger *ledger,
                    const struct policy *policy)
{
	struct sources sources = {};
	int r = 0;
	for (int family = 0; family < FAMILY_COUNT && r == 0; family++)
		r = read_sources(&sources, kernel, ledger, (enum family)family);

	sort(&sources, compare_counts);
	for (size_t i = 0; i < sources.list.count && i < SHOWN_MAX && r == 0; i++)
		if (json_array_append_new(array, reply_source(&sources.list.items[i], policy)) < 0)
			r = -ENOMEM;
	ARRAY_DONE(&sources.list);
	return r;
}
