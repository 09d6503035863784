/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/newcomer.h"

#include "track/pages.h"
#include "track/tag.h"
#include "track/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE          64 /* bytes of a cache line */
#define PLACES        WORDS
#define NEWCOMERS_MAX ((size_t)1 << 24) /* far over any sensible limit, far below overflow */

/* A new one with its first attempt is one line, and what is to know where it is another one. */
_Static_assert(offsetof(struct newcomer, attempts[1]) == LINE, "a first attempt takes two lines");
_Static_assert(sizeof(struct newcomer) % LINE == 0, "newcomers begin amid a cache line");

struct set {
	uint32_t tags[PLACES];
	uint32_t used[PLACES]; /* the last time it was asked for; 0: free */
};
_Static_assert(sizeof(struct set) == LINE, "a set is not one line");

struct newcomers {
	uint8_t *pages;
	size_t size;
	struct set *sets;
	struct newcomer *items; /* PLACES of them for each set */
	size_t mask;            /* a power of two less 1 */
	uint32_t time;          /* counts the uses, and goes round */
	struct tag_secret secret;
};

int newcomers_new(size_t max, struct newcomers **ret_newcomers)
{
	if (!max || max > NEWCOMERS_MAX)
		return -EINVAL;
	_cleanup_(newcomers_freep) struct newcomers *newcomers = calloc(1, sizeof(*newcomers));
	if (!newcomers)
		return -ENOMEM;
	size_t sets = 1;
	while (sets * PLACES < max)
		sets *= 2;
	newcomers->size = sets * (sizeof(struct set) + PLACES * sizeof(struct newcomer)) + LINE - 1;
	newcomers->pages = pages_new(newcomers->size);
	if (!newcomers->pages)
		return -ENOMEM;
	uintptr_t start = ((uintptr_t)newcomers->pages + LINE - 1) & ~(uintptr_t)(LINE - 1);
	newcomers->sets = (struct set *)start;
	newcomers->items = (struct newcomer *)(newcomers->sets + sets);
	newcomers->mask = sets - 1;
	int r = tag_secret_draw(&newcomers->secret);
	if (r < 0)
		return r;
	*ret_newcomers = TAKE_POINTER(newcomers);
	return 0;
}

struct newcomers *newcomers_free(struct newcomers *newcomers)
{
	if (newcomers) {
		pages_free(newcomers->pages, newcomers->size);
		free(newcomers);
	}
	return NULL;
}

static struct set *set_of(const struct newcomers *newcomers, uint32_t tag)
{
	return &newcomers->sets[tag & newcomers->mask];
}

/* The items in the places of its set. */
static struct newcomer *items_of(const struct newcomers *newcomers, uint32_t tag)
{
	return &newcomers->items[(tag & newcomers->mask) * PLACES];
}

uint32_t newcomers_expect(const struct newcomers *newcomers, const struct address *source)
{
	uint32_t tag = tag_of(&newcomers->secret, source, sizeof(*source));
	__builtin_prefetch(set_of(newcomers, tag), 1);
	return tag;
}

/* The place that is free, or was asked for longest ago. */
static unsigned choose(const struct newcomers *newcomers, const struct set *set)
{
	uint32_t ages[PLACES];
	for (unsigned i = 0; i < PLACES; i++)
		ages[i] = set->used[i] ? newcomers->time - set->used[i] : UINT32_MAX;
	return words_greatest(ages);
}

void newcomers_approach(const struct newcomers *newcomers, uint32_t tag)
{
	const struct set *set = set_of(newcomers, tag);
	const struct newcomer *items = items_of(newcomers, tag);
	unsigned places = words_equal(set->tags, tag);
	if (!places) {
		__builtin_prefetch(&items[choose(newcomers, set)], 1);
		return;
	}
	const uint8_t *item = (const uint8_t *)&items[words_first(places)];
	for (size_t i = 0; i < sizeof(*items); i += LINE)
		__builtin_prefetch(item + i, 1);
}

static unsigned find(const struct set *set, const struct newcomer *items,
                     const struct address *source, uint32_t tag)
{
	for (unsigned places = words_equal(set->tags, tag); places; places &= places - 1) {
		unsigned place = words_first(places);
		if (set->used[place] && memcmp(&items[place].source, source, sizeof(*source)) == 0)
			return place;
	}
	return PLACES;
}

struct newcomer *newcomers_get(struct newcomers *newcomers, const struct address *source,
                               uint32_t tag)
{
	struct set *set = set_of(newcomers, tag);
	struct newcomer *items = items_of(newcomers, tag);
	unsigned place = find(set, items, source, tag);
	if (place == PLACES) {
		place = choose(newcomers, set);
		set->tags[place] = tag;
		items[place].source = *source;
		items[place].count = 0; /* attempts behind it are never looked at */
	}
	if (!++newcomers->time)
		newcomers->time = 1;
	set->used[place] = newcomers->time;
	return &items[place];
}

bool newcomer_keep(struct newcomer *newcomer, const struct evidence_attempt *attempt,
                   uint32_t bytes)
{
	bool fits = newcomer->count < NEWCOMER_ATTEMPTS;
	if (fits)
		newcomer->count++;
	else
		memmove(newcomer->attempts, newcomer->attempts + 1,
		        (NEWCOMER_ATTEMPTS - 1) * sizeof(newcomer->attempts[0]));
	newcomer->attempts[newcomer->count - 1] = (struct newcomer_attempt){
	        .time = attempt->time,
	        .destination = attempt->destination,
	        .bytes = bytes,
	        .source_port = attempt->source_port,
	};
	return fits;
}

bool newcomer_repeats(const struct newcomer *newcomer, const struct evidence_attempt *attempt,
                      usec_t apart)
{
	for (uint32_t i = 0; i < newcomer->count; i++) {
		const struct newcomer_attempt *kept = &newcomer->attempts[i];
		if (attempt->time >= kept->time && attempt->time - kept->time >= apart &&
		    memcmp(&kept->destination, &attempt->destination, sizeof(kept->destination)) ==
		            0)
			return true;
	}
	return false;
}
