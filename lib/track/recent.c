/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/recent.h"

#include "track/owners.h"
#include "track/pages.h"
#include "track/slots.h"
#include "track/tag.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define RECENT_MAX ((size_t)1 << 28) /* items; far over any sensible limit, far below overflow */
#define ITEM_MAX   ((size_t)1 << 16) /* bytes */
#define ALIGN      _Alignof(max_align_t)
#define LINE       SLOT_LINE

/* The lists that an item is in. */
enum list {
	BY_USE, /* all items, the one used last first */
	ONCE,   /* those that were not used since they were added */
};
#define LISTS 2

/*
 * What belongs to each item; numbers of slots, which begin with 1. Node 0, of no item, stands in
 * both lists between the newest and the oldest, so that they are rings and nothing has to ask for
 * an end.
 */
struct node {
	struct {
		uint32_t newer, older;
	} at[LISTS];
	uint32_t tag;
	uint32_t group; /* of owners */
	bool once;
	uint8_t unused[7]; /* so that none is in two cache lines */
};
#define NONE SLOT_NONE
_Static_assert(NONE == 0, "zeroed memory is no empty table");
_Static_assert(LINE % sizeof(struct node) == 0, "nodes cross the ends of lines");

struct recent {
	uint8_t *pages; /* all of the tables below */
	size_t size;
	size_t max;
	uint32_t count;
	uint32_t once_count;
	size_t key_size;
	size_t zeroed;  /* bytes of an item that is added, with the key */
	size_t stride;  /* bytes from item to item */
	uint8_t *items; /* max of them behind one of no use; the first `count` are in use */
	struct node *nodes;
	struct slots slots;
	size_t owner_size; /* bytes of an owner's key; 0: this table is a plain one */
	struct owners owners;
	/*
	 * What one of a heavy group owns is looked for from the oldest item on. The place is kept,
	 * and as such a group has one item in OWNERS_SHARE, few are passed over for each that is
	 * found: no item older than this one is of a heavy group; NONE: begin anew.
	 */
	uint32_t cursor;
	struct tag_secret secret;
};

static inline void *item_at(const struct recent *recent, uint32_t slot)
{
	return recent->items + slot * recent->stride;
}

static inline void *item_or_null(const struct recent *recent, uint32_t slot)
{
	return slot == NONE ? NULL : item_at(recent, slot);
}

static uint32_t slot_of(const struct recent *recent, const void *item)
{
	return (uint32_t)((size_t)((const uint8_t *)item - recent->items) / recent->stride);
}

static inline void list_push(struct recent *recent, enum list list, uint32_t slot)
{
	struct node *nodes = recent->nodes;
	uint32_t newest = nodes[NONE].at[list].older;
	nodes[slot].at[list].newer = NONE;
	nodes[slot].at[list].older = newest;
	nodes[newest].at[list].newer = slot;
	nodes[NONE].at[list].older = slot;
}

static inline void list_remove(struct recent *recent, enum list list, uint32_t slot)
{
	struct node *nodes = recent->nodes;
	uint32_t newer = nodes[slot].at[list].newer, older = nodes[slot].at[list].older;
	nodes[newer].at[list].older = older;
	nodes[older].at[list].newer = newer;
}

static void once_push(struct recent *recent, uint32_t slot)
{
	list_push(recent, ONCE, slot);
	recent->nodes[slot].once = true;
	recent->once_count++;
}

static void once_remove(struct recent *recent, uint32_t slot)
{
	list_remove(recent, ONCE, slot);
	recent->nodes[slot].once = false;
	recent->once_count--;
}

static uint32_t newest(const struct recent *recent)
{
	return recent->nodes[NONE].at[BY_USE].older;
}

static uint32_t oldest(const struct recent *recent, enum list list)
{
	return recent->nodes[NONE].at[list].newer;
}

static size_t aligned(size_t size, size_t align)
{
	return (size + align - 1) / align * align;
}

/* Hands out the next part of the pages; only adds up sizes while there are none yet. */
static void *part(struct recent *recent, size_t size)
{
	uint8_t *start = recent->pages ? recent->pages + recent->size : NULL;
	recent->size += aligned(size, LINE);
	return start;
}

static void divide(struct recent *recent)
{
	recent->size = 0;
	recent->items = part(recent, (recent->max + 1) * recent->stride);
	recent->nodes = part(recent, (recent->max + 1) * sizeof(*recent->nodes));
	slots_use(&recent->slots, part(recent, slots_size(recent->max)), recent->max);
	if (recent->owner_size)
		recent->owners.counts =
		        part(recent, OWNERS_GROUPS * sizeof(*recent->owners.counts));
}

static int make(size_t max, size_t owner_size, size_t key_size, size_t item_size,
                struct recent **ret_recent)
{
	if (!max || max > RECENT_MAX || !key_size || key_size > TAG_KEY_MAX ||
	    key_size > item_size || item_size > ITEM_MAX || owner_size > key_size)
		return -EINVAL;

	_cleanup_(recent_freep) struct recent *recent = calloc(1, sizeof(*recent));
	if (!recent)
		return -ENOMEM;
	recent->max = max;
	recent->key_size = key_size;
	recent->zeroed = item_size;
	recent->stride = aligned(item_size, ALIGN);
	recent->owner_size = owner_size;
	recent->owners.share = owners_share(max);

	divide(recent);
	recent->pages = pages_new(recent->size);
	if (!recent->pages)
		return -ENOMEM;
	divide(recent);
	int r = tag_secret_draw(&recent->secret);
	if (r < 0)
		return r;

	*ret_recent = TAKE_POINTER(recent);
	return 0;
}

int recent_new(size_t max, size_t key_size, size_t item_size, struct recent **ret_recent)
{
	return make(max, 0, key_size, item_size, ret_recent);
}

int recent_new_fair(size_t max, size_t owner_size, size_t key_size, size_t item_size,
                    struct recent **ret_recent)
{
	return owner_size ? make(max, owner_size, key_size, item_size, ret_recent) : -EINVAL;
}

void recent_zero_only(struct recent *recent, size_t size)
{
	recent->zeroed = size;
}

void recent_set_secret(struct recent *recent, const struct tag_secret *secret)
{
	recent->secret = *secret;
}

struct recent *recent_free(struct recent *recent)
{
	if (recent) {
		pages_free(recent->pages, recent->size);
		free(recent);
	}
	return NULL;
}

/* Who shares a group of owners by chance loses detail only. */
static inline struct recent_place sum_up(const struct tag_secret *secret, const void *key,
                                         size_t owner_size, size_t size)
{
	uint32_t owner, tag = tag_of_owned(secret, key, owner_size, size, &owner);
	return (struct recent_place){.tag = tag, .group = owner % OWNERS_GROUPS};
}

/* An owner that ends within a word shares nothing. */
static __attribute__((noinline)) struct recent_place place_of_any(const struct recent *recent,
                                                                  const void *key)
{
	const struct tag_secret *secret = &recent->secret;
	return (struct recent_place){
	        .tag = tag_of(secret, key, recent->key_size),
	        .group = tag_of(secret, key, recent->owner_size) % OWNERS_GROUPS,
	};
}

/* Of the sizes that a flood asks for straight code is made, which is twice as fast. */
static inline struct recent_place place_of(const struct recent *recent, const void *key)
{
	const struct tag_secret *secret = &recent->secret;
	size_t owner_size = recent->owner_size;
	if (owner_size == 20)
		switch (recent->key_size) {
		case 44:
			return sum_up(secret, key, 20, 44);
		case 48:
			return sum_up(secret, key, 20, 48);
		}
	else if (!owner_size && recent->key_size == 20)
		return sum_up(secret, key, 0, 20);
	return place_of_any(recent, key);
}

static void owner_add(struct recent *recent, uint32_t slot, uint32_t group)
{
	recent->nodes[slot].group = group;
	if (owners_add(&recent->owners, group))
		recent->cursor = NONE; /* what this group has may be anywhere */
}

/* The cursor must not stand at an item that moves. */
static void leave(struct recent *recent, uint32_t slot)
{
	if (recent->cursor == slot)
		recent->cursor = recent->nodes[slot].at[BY_USE].newer;
}

struct recent_place recent_expect(const struct recent *recent, const void *key)
{
	struct recent_place place = place_of(recent, key);
	recent_expect_at(recent, place);
	return place;
}

void recent_expect_at(const struct recent *recent, struct recent_place place)
{
	slots_prefetch(&recent->slots, place.tag);
	if (recent->owner_size)
		__builtin_prefetch(&recent->owners.counts[place.group], 1);
}

bool recent_approach(const struct recent *recent, struct recent_place place, size_t size)
{
	uint32_t slot = slots_guess(&recent->slots, place.tag);
	if (slot == NONE)
		return false;
	const uint8_t *item = item_at(recent, slot);
	__builtin_prefetch(&recent->nodes[slot], 1);
	for (size_t i = 0; i < size; i += LINE)
		__builtin_prefetch(item + i, 1);
	return true;
}

void *recent_use(struct recent *recent, const void *key)
{
	return recent_use_at(recent, key, place_of(recent, key));
}

void *recent_use_at(struct recent *recent, const void *key, struct recent_place place)
{
	uint32_t slot = slots_find(&recent->slots, place.tag, key, recent->key_size, recent->items,
	                           recent->stride);
	if (slot == NONE)
		return NULL;

	if (newest(recent) != slot) {
		leave(recent, slot);
		list_remove(recent, BY_USE, slot);
		list_push(recent, BY_USE, slot);
	}
	if (recent->nodes[slot].once)
		once_remove(recent, slot);
	return item_at(recent, slot);
}

const void *recent_peek(const struct recent *recent, const void *key)
{
	uint32_t slot = slots_find(&recent->slots, place_of(recent, key).tag, key, recent->key_size,
	                           recent->items, recent->stride);
	return slot == NONE ? NULL : item_at(recent, slot);
}

static __attribute__((noinline)) uint32_t oldest_of_the_heavy(struct recent *recent)
{
	uint32_t slot = recent->cursor;
	while (slot == NONE || !owners_is_heavy(&recent->owners, recent->nodes[slot].group))
		slot = recent->nodes[slot].at[BY_USE].newer;
	recent->cursor = slot;
	return slot;
}

/* NONE while there is room. */
static inline uint32_t victim(struct recent *recent)
{
	if (recent->count < recent->max)
		return NONE;
	if (recent->owners.heavy)
		return oldest_of_the_heavy(recent);
	return oldest(recent, recent->once_count > recent->owners.share ? ONCE : BY_USE);
}

static inline void give_up(struct recent *recent, uint32_t slot)
{
	slots_remove(&recent->slots, recent->nodes[slot].tag, slot);
	leave(recent, slot);
	list_remove(recent, BY_USE, slot);
	if (recent->owner_size)
		owners_remove(&recent->owners, recent->nodes[slot].group);
	if (recent->nodes[slot].once)
		once_remove(recent, slot);
}

/*
 * What the next recent_add() will write is on its way while others work, and so is what it takes to
 * know the same of the one after it. Always inlined, as gcc leaves out calls of functions that only
 * prefetch.
 */
static inline __attribute__((always_inline)) void prefetch_victim(const struct recent *recent)
{
	enum list list = recent->once_count > recent->owners.share ? ONCE : BY_USE;
	uint32_t slot = oldest(recent, list);
	const struct node *node = &recent->nodes[slot];
	const uint8_t *item = item_at(recent, slot);
	for (size_t i = 0; i < recent->zeroed; i += LINE)
		__builtin_prefetch(item + i, 1);
	slots_prefetch(&recent->slots, node->tag);
	if (recent->owner_size)
		__builtin_prefetch(&recent->owners.counts[node->group], 1);
	__builtin_prefetch(&recent->nodes[node->at[list].newer], 1);
}

/* By blocks, where calls of memset(3) and memcpy(3) would cost more than the few there are. */
static inline void fill(const struct recent *recent, uint8_t *item, const void *key)
{
	size_t zeroed = recent->zeroed, key_size = recent->key_size;
	for (size_t i = key_size & ~(ALIGN - 1); i < zeroed; i += ALIGN) {
		memset(item + i, 0, ALIGN);
		__asm__("" : "+r"(i)); /* or gcc makes it that call */
	}
	switch (key_size) {
	case 20:
		memcpy(item, key, 20);
		return;
	case 48:
		memcpy(item, key, 48);
		return;
	}
	memcpy(item, key, key_size);
}

void *recent_add(struct recent *recent, const void *key)
{
	return recent_add_at(recent, key, place_of(recent, key));
}

void *recent_add_at(struct recent *recent, const void *key, struct recent_place place)
{
	uint32_t slot = victim(recent);
	if (slot == NONE)
		slot = ++recent->count;
	else
		give_up(recent, slot);

	uint8_t *item = item_at(recent, slot);
	fill(recent, item, key);

	recent->nodes[slot].tag = place.tag;
	slots_add(&recent->slots, place.tag, slot);
	list_push(recent, BY_USE, slot);
	if (recent->owner_size) {
		owner_add(recent, slot, place.group);
		once_push(recent, slot);
	}
	if (recent->count == recent->max)
		prefetch_victim(recent);
	return item;
}

const void *recent_victim(struct recent *recent)
{
	return item_or_null(recent, victim(recent));
}

const void *recent_first(const struct recent *recent)
{
	return item_or_null(recent, newest(recent));
}

const void *recent_next(const struct recent *recent, const void *item)
{
	return item_or_null(recent, recent->nodes[slot_of(recent, item)].at[BY_USE].older);
}

const void *recent_last(const struct recent *recent)
{
	return item_or_null(recent, oldest(recent, BY_USE));
}

const void *recent_previous(const struct recent *recent, const void *item)
{
	return item_or_null(recent, recent->nodes[slot_of(recent, item)].at[BY_USE].newer);
}

size_t recent_count(const struct recent *recent)
{
	return recent->count;
}
