/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/recent.h"

#include "track/hash.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define RECENT_MAX ((size_t)1 << 28) /* items; far over any sensible limit, far below overflow */
#define ITEM_MAX   ((size_t)1 << 16) /* bytes */

/* What stands in front of each item. */
struct slot {
	LIST_ENTRY(slot) same_bucket;
	TAILQ_ENTRY(slot) by_use;
	_Alignas(max_align_t) uint8_t item[];
};

LIST_HEAD(bucket, slot);
TAILQ_HEAD(slots, slot);

struct recent {
	size_t max;
	size_t count;
	size_t key_size;
	size_t item_size;
	size_t stride;  /* bytes from slot to slot */
	uint8_t *slots; /* max of them; the first `count` are in use */
	struct bucket *buckets;
	size_t bucket_mask;  /* a power of two less 1 */
	struct slots by_use; /* the item used last comes first */
	struct hash_key secret;
};

static struct slot *slot_of(const void *item)
{
	return (struct slot *)((uintptr_t)item - offsetof(struct slot, item));
}

static const void *item_of(const struct slot *slot)
{
	return slot ? slot->item : NULL;
}

static int draw_secret(struct hash_key *ret_key)
{
	struct hash_key key;
	ssize_t n = getrandom(&key, sizeof(key), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(key))
		return -EIO;
	*ret_key = key;
	return 0;
}

int recent_new(size_t max, size_t key_size, size_t item_size, struct recent **ret_recent)
{
	if (!max || max > RECENT_MAX || !key_size || key_size > item_size || item_size > ITEM_MAX)
		return -EINVAL;

	_cleanup_(recent_freep) struct recent *recent = calloc(1, sizeof(*recent));
	if (!recent)
		return -ENOMEM;

	size_t align = _Alignof(max_align_t);
	recent->max = max;
	recent->key_size = key_size;
	recent->item_size = item_size;
	recent->stride = (sizeof(struct slot) + item_size + align - 1) / align * align;
	TAILQ_INIT(&recent->by_use);

	size_t buckets = 1;
	while (buckets < max)
		buckets *= 2;
	recent->bucket_mask = buckets - 1;

	/* Pages that are never used are never backed by memory. */
	recent->slots = calloc(max, recent->stride);
	recent->buckets = calloc(buckets, sizeof(*recent->buckets));
	if (!recent->slots || !recent->buckets)
		return -ENOMEM;

	int r = draw_secret(&recent->secret);
	if (r < 0)
		return r;

	*ret_recent = TAKE_POINTER(recent);
	return 0;
}

struct recent *recent_free(struct recent *recent)
{
	if (recent) {
		free(recent->slots);
		free(recent->buckets);
		free(recent);
	}
	return NULL;
}

static struct bucket *bucket_of(const struct recent *recent, const void *key)
{
	uint64_t hash = hash_bytes(&recent->secret, key, recent->key_size);
	return &recent->buckets[hash & recent->bucket_mask];
}

static struct slot *find(const struct recent *recent, const void *key)
{
	struct slot *slot;
	LIST_FOREACH(slot, bucket_of(recent, key), same_bucket)
	if (memcmp(slot->item, key, recent->key_size) == 0)
		return slot;
	return NULL;
}

void *recent_use(struct recent *recent, const void *key)
{
	struct slot *slot = find(recent, key);
	if (!slot)
		return NULL;
	TAILQ_REMOVE(&recent->by_use, slot, by_use);
	TAILQ_INSERT_HEAD(&recent->by_use, slot, by_use);
	return slot->item;
}

void *recent_add(struct recent *recent, const void *key)
{
	struct slot *slot;
	if (recent->count < recent->max) {
		slot = (struct slot *)(void *)(recent->slots + recent->count * recent->stride);
		recent->count++;
	} else {
		slot = TAILQ_LAST(&recent->by_use, slots);
		TAILQ_REMOVE(&recent->by_use, slot, by_use);
		LIST_REMOVE(slot, same_bucket);
	}

	memset(slot->item, 0, recent->item_size);
	memcpy(slot->item, key, recent->key_size);
	LIST_INSERT_HEAD(bucket_of(recent, key), slot, same_bucket);
	TAILQ_INSERT_HEAD(&recent->by_use, slot, by_use);
	return slot->item;
}

const void *recent_victim(const struct recent *recent)
{
	if (recent->count < recent->max)
		return NULL;
	return item_of(TAILQ_LAST(&recent->by_use, slots));
}

const void *recent_first(const struct recent *recent)
{
	return item_of(TAILQ_FIRST(&recent->by_use));
}

const void *recent_next(const struct recent *recent, const void *item)
{
	return item_of(TAILQ_NEXT(slot_of(item), by_use));
}

size_t recent_count(const struct recent *recent)
{
	return recent->count;
}
