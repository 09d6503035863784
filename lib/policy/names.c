/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/names.h"

#include "base/spelling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OFFERED_MAX 5000 /* among more names no suggestion is looked for: it takes too long */

int names_add(struct names *names, const char *name, struct location at, size_t index)
{
	if (!name[0])
		return 0;
	struct named *named = ARRAY_ADD(&names->list);
	if (!named)
		return -ENOMEM;
	*named = (struct named){name, at, index};
	return 0;
}

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	return c ? c : (x->index > y->index) - (x->index < y->index);
}

void names_sort(struct names *names, const char *what, struct problems *problems)
{
	if (!names->list.count)
		return;
	qsort(names->list.items, names->list.count, sizeof(*names->list.items), compare_named);

	const struct named *first = names->list.items;
	for (size_t i = 1; i < names->list.count; i++) {
		const struct named *named = &names->list.items[i];
		if (strcmp(first->name, named->name) == 0)
			problems_add(problems, named->at, "%s \"%s\" is already defined at %s:%u",
			             what, named->name, first->at.file, first->at.line);
		else
			first = named;
	}
}

bool names_find(const struct names *names, const char *name, size_t *ret_index)
{
	size_t low = 0, high = names->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(names->list.items[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == names->list.count || strcmp(names->list.items[low].name, name) != 0)
		return false;
	*ret_index = names->list.items[low].index;
	return true;
}

const char *names_nearest(const struct names *names, const char *written,
                          const struct problems *problems)
{
	struct spelling spelling = {.written = written};
	if (names->list.count > OFFERED_MAX || problems->list.count >= PROBLEMS_MAX)
		return NULL;
	ARRAY_FOREACH (named, &names->list)
		spelling_offer(&spelling, named->name);
	return spelling.nearest;
}

void names_done(struct names *names)
{
	ARRAY_DONE(&names->list);
}
