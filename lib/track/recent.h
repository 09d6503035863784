/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_RECENT_H
#define EGRESSD_TRACK_RECENT_H

#include "base/cleanup.h"

#include <stddef.h>

/*
 * A bounded table of the items that were used most recently. An item is a struct whose first
 * member is its key. All memory is taken at the start, so that adding never fails: when the table
 * is full, the item that was used longest ago makes room.
 *
 * Keys are compared as bytes: they must have no padding, or have it zeroed. Every operation takes
 * constant time, whatever keys somebody chooses.
 */
struct recent;

/*
 * A table for max items of item_size bytes (alignment as malloc(3) gives it), of which the first
 * key_size are the key. 0, -EINVAL for a size of 0 or one that makes no sense, -ENOMEM, or the
 * failure of getrandom(2).
 */
int recent_new(size_t max, size_t key_size, size_t item_size, struct recent **ret_recent);

/* Takes NULL, returns NULL. */
struct recent *recent_free(struct recent *recent);
DEFINE_CLEANUP(struct recent *, recent_free)

/* The item with that key, from now on the one used last; NULL when there is none. */
void *recent_use(struct recent *recent, const void *key);

/*
 * Adds an item for a key that is not there; zero but for the key. It takes the place of
 * recent_victim(), if that is not NULL.
 */
void *recent_add(struct recent *recent, const void *key);

/* The item that the next recent_add() gives up; NULL while there is room. */
const void *recent_victim(const struct recent *recent);

/* From the item used last to the one used longest ago; NULL behind the end or when empty. */
const void *recent_first(const struct recent *recent);
const void *recent_next(const struct recent *recent, const void *item);

/* How many items there are. */
size_t recent_count(const struct recent *recent);

#endif
