/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/tried.h"

#include "track/owners.h"
#include "track/pages.h"
#include "track/words.h"

#include <errno.h>
#include <stdlib.h>

#define LINE      64 /* bytes of a cache line */
#define PLACES    WORDS
#define ITEMS_MAX ((size_t)1 << 28) /* far over any sensible limit, far below overflow */
#define NONE      PLACES

#define USED  ((uint16_t)1 << 15) /* beside a group of owners */
#define ONCE  ((uint16_t)1 << 14)
#define GROUP (OWNERS_GROUPS - 1)
_Static_assert(OWNERS_GROUPS <= ONCE, "a group has no room for what stands beside it");

struct tried_bucket {
	uint32_t tags[PLACES];
	uint32_t last[PLACES]; /* milliseconds */
	uint32_t checks[PLACES];
	uint16_t spans[PLACES];  /* milliseconds from the first to the last, UINT16_MAX: or more */
	uint16_t owners[PLACES]; /* group, ONCE and USED */
};
_Static_assert(sizeof(struct tried_bucket) == 2 * (size_t)LINE, "a bucket is two lines");

struct tried {
	uint8_t *pages;
	size_t size;
	struct tried_bucket *buckets;
	size_t mask; /* a power of two less 1 */
	size_t count;
	size_t once;  /* of these */
	uint32_t now; /* when something was seen last, in milliseconds */
	struct owners owners;
};

int tried_new(size_t max, struct tried **ret_tried)
{
	if (!max || max > ITEMS_MAX)
		return -EINVAL;
	_cleanup_(tried_freep) struct tried *tried = calloc(1, sizeof(*tried));
	if (!tried)
		return -ENOMEM;
	size_t buckets = 1;
	while (buckets * PLACES < 2 * max)
		buckets *= 2;
	size_t counts = OWNERS_GROUPS * sizeof(*tried->owners.counts);
	tried->size = buckets * sizeof(*tried->buckets) + counts + LINE - 1;
	tried->pages = pages_new(tried->size);
	if (!tried->pages)
		return -ENOMEM;

	uintptr_t start = ((uintptr_t)tried->pages + LINE - 1) & ~(uintptr_t)(LINE - 1);
	tried->buckets = (struct tried_bucket *)start;
	tried->mask = buckets - 1;
	tried->owners.share = owners_share(max);
	tried->owners.counts = (uint32_t *)(tried->buckets + buckets);
	*ret_tried = TAKE_POINTER(tried);
	return 0;
}

struct tried *tried_free(struct tried *tried)
{
	if (tried) {
		pages_free(tried->pages, tried->size);
		free(tried);
	}
	return NULL;
}

static struct tried_bucket *bucket_of(const struct tried *tried, uint32_t tag)
{
	return &tried->buckets[tag & tried->mask];
}

static unsigned find(const struct tried_bucket *bucket, const struct tried_name *name)
{
	for (unsigned places = words_equal(bucket->tags, name->tag); places; places &= places - 1) {
		unsigned place = words_first(places);
		if (bucket->checks[place] == name->check && bucket->owners[place] & USED)
			return place;
	}
	return NONE;
}

/* How gladly a place is had for another item, above its age: */
#define WORTH_FREE  UINT32_MAX
#define WORTH_HEAVY ((uint32_t)1 << 31)
#define WORTH_ONCE  ((uint32_t)1 << 30)
#define AGE_MAX     (WORTH_ONCE - 2)
_Static_assert(ONCE << 16 == WORTH_ONCE, "the mark of an item is not its worth");

/* Milliseconds between two times; the clock may have stepped from one to the other. */
static inline uint32_t apart(uint32_t a, uint32_t b)
{
	return a - b < b - a ? a - b : b - a;
}

/* Without a branch, so that all places are weighed at once. */
static inline uint32_t worth_of(uint16_t owner, uint32_t last, uint16_t matters, uint32_t now)
{
	uint32_t age = apart(now, last);
	uint32_t worth = (age < AGE_MAX ? age : AGE_MAX) | (uint32_t)(owner & matters) << 16;
	return owner & USED ? worth : WORTH_FREE;
}

static uint16_t what_matters(const struct tried *tried)
{
	return tried->once > tried->owners.share ? ONCE : 0;
}

static void weigh(const struct tried *tried, const struct tried_bucket *bucket, uint32_t now,
                  uint32_t ret_worth[static PLACES])
{
	uint16_t matters = what_matters(tried);
	for (unsigned i = 0; i < PLACES; i++)
		ret_worth[i] = worth_of(bucket->owners[i], bucket->last[i], matters, now);
	for (unsigned i = 0; i < PLACES && tried->owners.heavy; i++)
		if (bucket->owners[i] & USED &&
		    owners_is_heavy(&tried->owners, bucket->owners[i] & GROUP))
			ret_worth[i] = (ret_worth[i] & ~WORTH_ONCE) | WORTH_HEAVY;
}

/* The place of a bucket that is had most gladly. */
static unsigned choose(const struct tried *tried, const struct tried_bucket *bucket, uint32_t now,
                       uint32_t *ret_worth)
{
	uint32_t worth[PLACES];
	weigh(tried, bucket, now, worth);
	unsigned place = words_greatest(worth);
	*ret_worth = worth[place];
	return place;
}

static void forget_once(struct tried *tried, struct tried_bucket *bucket, unsigned place)
{
	if (bucket->owners[place] & ONCE) {
		bucket->owners[place] &= (uint16_t)~ONCE;
		tried->once--;
	}
}

static void give_up(struct tried *tried, struct tried_bucket *bucket, unsigned place)
{
	if (!(bucket->owners[place] & USED))
		return;
	forget_once(tried, bucket, place);
	owners_remove(&tried->owners, bucket->owners[place] & GROUP);
	bucket->owners[place] = 0;
	tried->count--;
}

static void put(struct tried *tried, struct tried_bucket *bucket, unsigned place,
                const struct tried_name *name, uint32_t now)
{
	give_up(tried, bucket, place);
	bucket->tags[place] = name->tag;
	bucket->checks[place] = name->check;
	bucket->last[place] = now;
	bucket->spans[place] = 0;
	bucket->owners[place] = (uint16_t)(name->group | ONCE | USED);
	tried->once++;
	tried->count++;
	owners_add(&tried->owners, name->group);
}

void tried_expect(const struct tried *tried, const struct tried_name *name)
{
	const struct tried_bucket *bucket = bucket_of(tried, name->tag);
	__builtin_prefetch(bucket->tags, 1);
	__builtin_prefetch(bucket->checks, 1);
	__builtin_prefetch(&tried->owners.counts[name->group], 1);
}

static bool goes_on(const struct tried_bucket *bucket, unsigned place,
                    const struct tried_limits *limits, uint32_t now)
{
	if (apart(now, bucket->last[place]) > limits->gap / USEC_PER_MSEC)
		return false;
	int64_t span = (int64_t)bucket->spans[place] + (int32_t)(now - bucket->last[place]);
	return !limits->span || span <= (int64_t)(limits->span / USEC_PER_MSEC);
}

static void move_on(struct tried_bucket *bucket, unsigned place, uint32_t now)
{
	int32_t step = (int32_t)(now - bucket->last[place]);
	if (step <= 0)
		return;
	uint32_t span = bucket->spans[place] + (uint32_t)step;
	bucket->spans[place] = span < UINT16_MAX ? (uint16_t)span : UINT16_MAX;
	bucket->last[place] = now;
}

bool tried_see(struct tried *tried, const struct tried_name *name,
               const struct tried_limits *limits, usec_t now)
{
	struct tried_bucket *bucket = bucket_of(tried, name->tag);
	uint32_t at = (uint32_t)(now / USEC_PER_MSEC);
	unsigned place = find(bucket, name);
	tried->now = at;
	if (place == NONE) {
		uint32_t worth;
		put(tried, bucket, choose(tried, bucket, at, &worth), name, at);
		return false;
	}
	forget_once(tried, bucket, place);
	if (goes_on(bucket, place, limits, at)) {
		move_on(bucket, place, at);
		return true;
	}
	bucket->last[place] = at;
	bucket->spans[place] = 0;
	return false;
}

/* Takes an item over, unless all that is there is rather kept. */
static void take_over(struct tried *to, const struct tried_bucket *from, unsigned place)
{
	uint16_t owner = from->owners[place];
	struct tried_bucket *bucket = bucket_of(to, from->tags[place]);
	uint32_t worth;
	unsigned chosen = choose(to, bucket, to->now, &worth);
	if (worth < worth_of(owner, from->last[place], what_matters(to), to->now))
		return;
	const struct tried_name name = {from->tags[place], from->checks[place], owner & GROUP};
	put(to, bucket, chosen, &name, from->last[place]);
	bucket->spans[chosen] = from->spans[place];
	if (!(owner & ONCE))
		forget_once(to, bucket, chosen);
}

int tried_resize(struct tried **tried, size_t max)
{
	_cleanup_(tried_freep) struct tried *resized = NULL;
	int r = tried_new(max, &resized);
	if (r < 0)
		return r;

	const struct tried *old = *tried;
	resized->now = old->now;
	for (size_t i = 0; i <= old->mask; i++)
		for (unsigned place = 0; place < PLACES; place++)
			if (old->buckets[i].owners[place] & USED)
				take_over(resized, &old->buckets[i], place);
	tried_free(*tried);
	*tried = TAKE_POINTER(resized);
	return 0;
}

size_t tried_count(const struct tried *tried)
{
	return tried->count;
}

size_t tried_places(const struct tried *tried)
{
	return (tried->mask + 1) * PLACES;
}
