/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counts.h"

#include "ruleset/names.h"

#include <stdlib.h>
#include <string.h>

static int compare_values(const void *a, const void *b)
{
	const struct counter_value *x = a, *y = b;
	return strcmp(x->name, y->name);
}

int counts_read(struct kernel *kernel, struct counts *ret_counts)
{
	struct counter_values *values;
	int r = counters_read(kernel, &values);
	if (r < 0)
		return r;
	if (values->list.count)
		qsort(values->list.items, values->list.count, sizeof(*values->list.items),
		      compare_values);
	ret_counts->values = values;
	return 0;
}

void counts_done(struct counts *counts)
{
	counter_values_free(counts->values);
	*counts = (struct counts){};
}

static struct count find(const struct counts *counts, const char *name)
{
	const struct counter_value wanted = {.name = name};
	const struct counter_value *value =
	        counts->values->list.count
	                ? bsearch(&wanted, counts->values->list.items, counts->values->list.count,
	                          sizeof(wanted), compare_values)
	                : NULL;
	return value ? (struct count){value->packets, value->bytes} : (struct count){};
}

struct count counts_revoked(const struct counts *counts, const char *role)
{
	char name[COUNTER_NAME_MAX];
	return find(counts, counter_revoked(role, name));
}

static void add(struct count *sum, struct count more)
{
	sum->packets += more.packets;
	sum->bytes += more.bytes;
}

struct count counts_permitted(const struct counts *counts, const char *role)
{
	char name[COUNTER_NAME_MAX];
	return find(counts, counter_permitted(role, name));
}

struct count counts_all_revoked(const struct counts *counts)
{
	struct count sum = {};
	ARRAY_FOREACH (value, &counts->values->list)
		if (counter_is_revoked(value->name))
			add(&sum, (struct count){value->packets, value->bytes});
	return sum;
}

struct count counts_blocked(const struct counts *counts, const char *role)
{
	struct count sum = {};
	for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
		char name[COUNTER_NAME_MAX];
		add(&sum, find(counts, counter_blocked((enum reason)reason, role, name)));
	}
	return sum;
}

struct count counts_of_reason(const struct counts *counts, enum reason reason)
{
	struct count sum = {};
	ARRAY_FOREACH (value, &counts->values->list)
		if (counter_is_blocked(value->name, reason))
			add(&sum, (struct count){value->packets, value->bytes});
	return sum;
}

void counts_add_vanished(const struct counts *before, const struct counts *after,
                         struct count sums[static REASON_COUNT])
{
	ARRAY_FOREACH (value, &before->values->list) {
		const struct counter_value *still =
		        after->values->list.count
		                ? bsearch(value, after->values->list.items,
		                          after->values->list.count, sizeof(*value), compare_values)
		                : NULL;
		if (still)
			continue;
		for (unsigned reason = 0; reason < REASON_COUNT; reason++)
			if (counter_is_blocked(value->name, (enum reason)reason))
				add(&sums[reason], (struct count){value->packets, value->bytes});
	}
}
