/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_TRIED_H
#define EGRESSD_TRACK_TRIED_H

#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Inside attempt: what was tried lately, and until when. In a flood each packet asks for something
 * that is not there and adds it, so both are to touch two cache lines and no more: an item is known
 * by 64 bits of a hash of its key, and lies in one of the eight places of a bucket.
 *
 * There are twice as many places as items are wanted, for a bucket may be full while others are
 * not: of as many attempts as are wanted, one in a hundred is forgotten early. In a full bucket the
 * first of these that is there makes room, as in a fair table of recent.h:
 * - of the owners that have more than their share (owners.h), the item seen longest ago;
 * - if more than a share of all items were seen once only, of these the one seen longest ago;
 * - the item seen longest ago.
 *
 * Times are kept in milliseconds, by a clock that goes round in 49 days: what comes again to the
 * second after so long may be held for one that goes on.
 */
struct tried;

/* How an item is known. All of it is of hashes whose secrets nobody learns. */
struct tried_name {
	uint32_t tag;   /* any bits of it as good as others */
	uint32_t check; /* another one of the same key */
	uint32_t group; /* of its owner, below OWNERS_GROUPS */
};

/* Until when it goes on. */
struct tried_limits {
	usec_t gap;  /* at most, between one time it is seen and the next */
	usec_t span; /* from the first to the last, at most a minute; 0: any */
};

/* Room for max items. 0, -EINVAL for 0 or for what makes no sense, or -ENOMEM. */
int tried_new(size_t max, struct tried **ret_tried);

/* Room for max items from now on, for those that are there too. Errors as above change nothing. */
int tried_resize(struct tried **tried, size_t max);

/* Takes NULL, returns NULL. */
struct tried *tried_free(struct tried *tried);
DEFINE_CLEANUP(struct tried *, tried_free)

/* Where that is comes from memory meanwhile. */
void tried_expect(const struct tried *tried, const struct tried_name *name);

/*
 * Sees it at that time. True when it was there and goes on; otherwise it begins now. Clocks step:
 * to have been seen a gap later than now ends it as well.
 */
bool tried_see(struct tried *tried, const struct tried_name *name,
               const struct tried_limits *limits, usec_t now);

/* How many items there are, and how many there can be. */
size_t tried_count(const struct tried *tried);
size_t tried_places(const struct tried *tried);

#endif
