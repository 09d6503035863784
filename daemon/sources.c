/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sources.h"

#include "counts.h"
#include "replies.h"
#include "ruleset/names.h"

#include <errno.h>
#include <stdlib.h>

#define SHOWN_MAX 20
#define READ_MAX  1024 /* sources of a family: of more, the ledger tells which to ask for */

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

static void sort(struct sources *sources)
{
	if (sources->list.count)
		qsort(sources->list.items, sources->list.count, sizeof(*sources->list.items),
		      compare_counts);
}

static int add(struct sources *sources, const struct address *address, struct count count)
{
	struct source *source = ARRAY_ADD(&sources->list);
	if (!source)
		return -ENOMEM;
	*source = (struct source){*address, count};
	return 0;
}

/* What the ledger knows of a source, which is only good for telling which ones to ask for. */
struct tally {
	struct address address;
	uint64_t packets;
};

struct tallies {
	ARRAY(struct tally) list;
};

static int compare_tallies(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;
	return address_compare(&x->address, &y->address);
}

static int tally_entries(struct tallies *tallies, const struct ledger *ledger, enum family family)
{
	for (const struct ledger_entry *entry = ledger_first(ledger, NULL); entry;
	     entry = ledger_next(ledger, NULL, entry)) {
		const struct ledger_noted *noted = ledger_noted(entry);
		if (noted->key.source.family != family)
			continue;
		struct tally *tally = ARRAY_ADD(&tallies->list);
		if (!tally)
			return -ENOMEM;
		*tally = (struct tally){noted->key.source, noted->packets};
	}
	return 0;
}

/* Makes one tally of all those of the same source. */
static void sum_up(struct tallies *tallies)
{
	struct tally *items = tallies->list.items;
	size_t kept = 0;
	if (!tallies->list.count)
		return;
	qsort(items, tallies->list.count, sizeof(*items), compare_tallies);
	for (size_t i = 1; i < tallies->list.count; i++) {
		if (compare_tallies(&items[kept], &items[i]) == 0)
			items[kept].packets += items[i].packets;
		else
			items[++kept] = items[i];
	}
	tallies->list.count = kept + 1;
}

/* Those to be shown, the busiest one first; how many there are. */
static size_t select_busiest(const struct tallies *tallies, struct tally busiest[static SHOWN_MAX])
{
	size_t count = 0;
	ARRAY_FOREACH (tally, &tallies->list) {
		if (count == SHOWN_MAX && tally->packets <= busiest[count - 1].packets)
			continue;
		size_t at = count < SHOWN_MAX ? count++ : SHOWN_MAX - 1;
		for (; at && busiest[at - 1].packets < tally->packets; at--)
			busiest[at] = busiest[at - 1];
		busiest[at] = *tally;
	}
	return count;
}

static int find_busiest(const struct ledger *ledger, enum family family,
                        struct tally busiest[static SHOWN_MAX], size_t *ret_count)
{
	struct tallies tallies = {};
	int r = tally_entries(&tallies, ledger, family);
	if (r == 0) {
		sum_up(&tallies);
		*ret_count = select_busiest(&tallies, busiest);
	}
	ARRAY_DONE(&tallies.list);
	return r;
}

static int read_busiest(struct sources *sources, struct kernel *kernel, const struct ledger *ledger,
                        enum family family)
{
	struct tally busiest[SHOWN_MAX];
	size_t count = 0;
	int r = find_busiest(ledger, family, busiest, &count);
	for (size_t i = 0; i < count && r == 0; i++) {
		const struct address *address = &busiest[i].address;
		struct counted_element element;
		r = counted_element_find(kernel, set_blocked_source(family), address->bytes,
		                         family == FAMILY_IPV4 ? 4 : sizeof(address->bytes),
		                         &element);
		if (r == -ENOENT)
			r = 0; /* the set is full, and does not know all */
		else if (r == 0)
			r = add(sources, address, (struct count){element.packets, element.bytes});
	}
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

	sort(&sources);
	for (size_t i = 0; i < sources.list.count && i < SHOWN_MAX && r == 0; i++)
		if (json_array_append_new(array, reply_source(&sources.list.items[i], policy)) < 0)
			r = -ENOMEM;
	ARRAY_DONE(&sources.list);
	return r;
}
