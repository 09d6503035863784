/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/contact_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct contact_queue {
	struct queued_contact *items;
	size_t max;
	size_t first;
	size_t count;
};

int contact_queue_new(size_t max, struct contact_queue **ret_queue)
{
	if (!max)
		return -EINVAL;
	_cleanup_(contact_queue_freep) struct contact_queue *queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->items = calloc(max, sizeof(*queue->items));
	if (!queue->items)
		return -ENOMEM;
	queue->max = max;
	*ret_queue = TAKE_POINTER(queue);
	return 0;
}

struct contact_queue *contact_queue_free(struct contact_queue *queue)
{
	if (queue) {
		free(queue->items);
		free(queue);
	}
	return NULL;
}

bool contact_queue_is_full(const struct contact_queue *queue)
{
	return queue->count == queue->max;
}

void contact_queue_put(struct contact_queue *queue, const struct queued_contact *contact)
{
	assert(queue->count < queue->max);
	queue->items[(queue->first + queue->count++) % queue->max] = *contact;
}

const struct queued_contact *contact_queue_take(struct contact_queue *queue, usec_t until)
{
	const struct queued_contact *contact = &queue->items[queue->first];
	if (!queue->count || contact->time > until)
		return NULL;
	queue->first = (queue->first + 1) % queue->max;
	queue->count--;
	return contact;
}
