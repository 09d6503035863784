/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/names.h"

#include "base/spelling.h"

#include <errno.h>
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

static struct named *find(struct names *names, const char *name)
{
	return index_find(&names->index, names->list.items, names->list.count,
	                  sizeof(*names->list.items), name);
}

void names_check(struct names *names, const char *what, struct problems *problems)
{
	ARRAY_FOREACH (named, &names->list) {
		const struct named *first = find(names, named->name);
		if (first != named)
			problems_add(problems, named->at, "%s \"%s\" is already defined at %s:%u",
			             what, named->name, first->at.file, first->at.line);
	}
}

bool names_find(struct names *names, const char *name, size_t *ret_index)
{
	const struct named *named = find(names, name);
	if (!named)
		return false;
	*ret_index = named->index;
	return true;
}

/* Of names that are equally near, the first in the alphabet. */
static bool is_nearer(const struct spelling *a, const struct spelling *b)
{
	if (!b->nearest || a->distance != b->distance)
		return !b->nearest || a->distance < b->distance;
	return strcmp(a->nearest, b->nearest) < 0;
}

const char *names_nearest(const struct names *names, const char *written,
                          const struct problems *problems)
{
	struct spelling nearest = {.written = written};
	if (names->list.count > OFFERED_MAX || problems->list.count >= PROBLEMS_MAX)
		return NULL;
	ARRAY_FOREACH (named, &names->list) {
		struct spelling spelling = {.written = written};
		spelling_offer(&spelling, named->name);
		if (spelling.nearest && is_nearer(&spelling, &nearest))
			nearest = spelling;
	}
	return nearest.nearest;
}

void names_done(struct names *names)
{
	ARRAY_DONE(&names->list);
	index_done(&names->index);
}
