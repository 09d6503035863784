/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_CONTACT_QUEUE_H
#define EGRESSD_TRACK_CONTACT_QUEUE_H

#include "base/address.h"
#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Permitted contacts that wait for their turn among what was blocked, which the kernel tells later:
 * a random walk depends on the order of its steps.
 */
struct contact_queue;

struct queued_contact {
	struct address source;
	struct address destination;
	usec_t time;
	bool has_mac;
	struct mac mac; /* of the sender */
};

/* Room for that many. 0, -EINVAL for no room, or -ENOMEM. */
int contact_queue_new(size_t max, struct contact_queue **ret_queue);

/* Takes NULL, returns NULL. */
struct contact_queue *contact_queue_free(struct contact_queue *queue);
DEFINE_CLEANUP(struct contact_queue *, contact_queue_free)

/* Adds one at the end; when there is no room, the first one has to be taken before. */
bool contact_queue_is_full(const struct contact_queue *queue);
void contact_queue_put(struct contact_queue *queue, const struct queued_contact *contact);

/*
 * Takes the first one, if it is of that time or before; it lasts until the next call. NULL: there
 * is none. Contacts come in the order of their times, but for a clock that is set.
 */
const struct queued_contact *contact_queue_take(struct contact_queue *queue, usec_t until);

#endif
