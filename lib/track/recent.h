/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_RECENT_H
#define EGRESSD_TRACK_RECENT_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tag_secret;

/*
 * A bounded table of the items that were used most recently. An item is a struct whose first
 * member is its key. All memory is taken at the start, so that adding never fails: when the table
 * is full, an item makes room.
 *
 * In a plain table that is the item used longest ago. In a fair one each item has an owner, which
 * is what its key begins with, and the first of these that is there makes room:
 * - of the owners that have more than their share of the table (owners.h), if any, the item
 *   used longest ago: a flood by one owner costs nobody but itself;
 * - if more than a share of all items were used once only, of these the one added longest ago: a
 *   flood by many owners costs what came once before what came again;
 * - the item used longest ago.
 *
 * Keys are compared as bytes: they must have no padding, or have it zeroed. Every operation takes
 * constant time, to make room in a fair table on average, whatever keys somebody chooses.
 */
struct recent;

/*
 * A plain table for max items of item_size bytes (alignment as malloc(3) gives it), of which the
 * first key_size, at most TAG_KEY_MAX, are the key. 0, -EINVAL for a size of 0 or one that makes no
 * sense, -ENOMEM, or the failure of getrandom(2).
 */
int recent_new(size_t max, size_t key_size, size_t item_size, struct recent **ret_recent);

/* A fair table: the first owner_size bytes of a key are the owner. Otherwise the same. */
int recent_new_fair(size_t max, size_t owner_size, size_t key_size, size_t item_size,
                    struct recent **ret_recent);

/*
 * From now on recent_add() sets the first so many bytes of an item only, the key among them. What
 * is behind costs no way to memory before the caller asks for it, and may be of an earlier item.
 */
void recent_zero_only(struct recent *recent, size_t size);

/*
 * Gives a table that is still empty this secret for one of its own, see tag.h: plain tables with
 * one secret and keys of one size have each key in the same place.
 */
void recent_set_secret(struct recent *recent, const struct tag_secret *secret);

/* Takes NULL, returns NULL. */
struct recent *recent_free(struct recent *recent);
DEFINE_CLEANUP(struct recent *, recent_free)

/* Where a table has a key, worked out beforehand. */
struct recent_place {
	uint32_t tag;
	uint32_t group; /* of owners */
};

/*
 * The key's place. What is there comes from memory meanwhile, so that whoever has several keys asks
 * for the places of all before he uses the first. It changes nothing, and stays right.
 */
struct recent_place recent_expect(const struct recent *recent, const void *key);

/* The same where the place is known from a table that has the key in the same one. */
void recent_expect_at(const struct recent *recent, struct recent_place place);

/*
 * The next step to it, when the first one had some time: the first `size` bytes of what seems to be
 * there come from memory, too. False when nothing is there.
 */
bool recent_approach(const struct recent *recent, struct recent_place place, size_t size);

/* The same as below, with the key's place. */
void *recent_use_at(struct recent *recent, const void *key, struct recent_place place);
void *recent_add_at(struct recent *recent, const void *key, struct recent_place place);

/* The item with that key, from now on the one used last; NULL when there is none. */
void *recent_use(struct recent *recent, const void *key);

/* The same, but the item is not used by that: it stays as old as it is. */
const void *recent_peek(const struct recent *recent, const void *key);

/*
 * Adds an item for a key that is not there; zero but for the key, or see recent_zero_only(). It
 * takes the place of recent_victim(), if that is not NULL.
 */
void *recent_add(struct recent *recent, const void *key);

/* The item that the next recent_add() gives up; NULL while there is room. */
const void *recent_victim(struct recent *recent);

/* From the item used last to the one used longest ago; NULL behind the end or when empty. */
const void *recent_first(const struct recent *recent);
const void *recent_next(const struct recent *recent, const void *item);

/* The same in the other direction. */
const void *recent_last(const struct recent *recent);
const void *recent_previous(const struct recent *recent, const void *item);

/* How many items there are. */
size_t recent_count(const struct recent *recent);

#endif
