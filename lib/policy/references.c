/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/references.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define SHOWN_MAX 16 /* names of a longer loop are left out in the middle */

enum state {
	STATE_NEW,
	STATE_OPEN, /* on the path that is being followed */
	STATE_DONE,
};

/* A step of that path, which is kept in memory of its own: chains may be long. */
struct step {
	size_t referrer;
	size_t next; /* of its references */
};

struct walk {
	struct referrer *referrers;
	enum state *states;
	struct step *path;
	size_t length;
};

static int report_loop(const struct walk *walk, const struct reference *back, const char *what,
                       struct problems *problems)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0, first = walk->length;
	while (walk->path[--first].referrer != back->to)
		;

	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return -ENOMEM;
	size_t names = walk->length - first;
	for (size_t i = 0; i < names; i++) {
		if (i < SHOWN_MAX || i + 1 == names)
			fprintf(stream, "%s -> ",
			        walk->referrers[walk->path[first + i].referrer].name);
		else if (i == SHOWN_MAX)
			fprintf(stream, "... -> ");
	}
	fputs(walk->referrers[back->to].name, stream);
	if (fclose(stream) != 0)
		return -ENOMEM;
	problems_add(problems, back->at, "loop in %s: %s", what, text);
	return 0;
}

static void enter(struct walk *walk, size_t referrer)
{
	walk->states[referrer] = STATE_OPEN;
	walk->path[walk->length++] = (struct step){.referrer = referrer};
}

static int follow(struct walk *walk, size_t start, const char *what, struct problems *problems,
                  size_t *order, size_t *ordered)
{
	enter(walk, start);
	while (walk->length) {
		struct step *step = &walk->path[walk->length - 1];
		const struct referrer *referrer = &walk->referrers[step->referrer];
		if (step->next == referrer->count) {
			walk->states[step->referrer] = STATE_DONE;
			order[(*ordered)++] = step->referrer;
			walk->length--;
			continue;
		}

		struct reference *reference = &referrer->items[step->next++];
		switch (walk->states[reference->to]) {
		case STATE_NEW:
			enter(walk, reference->to);
			break;
		case STATE_OPEN: {
			reference->loops = true;
			int r = report_loop(walk, reference, what, problems);
			if (r < 0)
				return r;
			break;
		}
		case STATE_DONE:
			break;
		}
	}
	return 0;
}

int references_order(struct referrer *referrers, size_t count, const char *what,
                     struct problems *problems, size_t *ret_order)
{
	_cleanup_free_ enum state *states = calloc(count + 1, sizeof(*states));
	_cleanup_free_ struct step *path = calloc(count + 1, sizeof(*path));
	if (!states || !path)
		return -ENOMEM;

	struct walk walk = {.referrers = referrers, .states = states, .path = path};
	size_t ordered = 0;
	for (size_t i = 0; i < count; i++) {
		if (states[i] != STATE_NEW)
			continue;
		int r = follow(&walk, i, what, problems, ret_order, &ordered);
		if (r < 0)
			return r;
	}
	return 0;
}
