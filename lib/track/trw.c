/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/trw.h"

#include "track/recent.h"

#include <errno.h>

struct contact_key {
	struct address source;
	struct address destination;
};

struct contact {
	struct contact_key key;
	usec_t last;
};

struct walk {
	struct address source;
	double likelihood; /* ratio: that it scans to that it does not */
	unsigned failed;
	usec_t last;
};

struct trw {
	struct recent *walks;
	struct recent *contacts;
};

int trw_new(size_t sources, size_t contacts, struct trw **ret_trw)
{
	_cleanup_(trw_freep) struct trw *trw = calloc(1, sizeof(*trw));
	if (!trw)
		return -ENOMEM;
	int r = recent_new(sources, sizeof(struct address), sizeof(struct walk), &trw->walks);
	if (r < 0)
		return r;
	r = recent_new_fair(contacts, sizeof(struct address), sizeof(struct contact_key),
	                    sizeof(struct contact), &trw->contacts);
	if (r < 0)
		return r;
	*ret_trw = TAKE_POINTER(trw);
	return 0;
}

struct trw *trw_free(struct trw *trw)
{
	if (trw) {
		recent_free(trw->walks);
		recent_free(trw->contacts);
		free(trw);
	}
	return NULL;
}

/* A clock that stepped back makes nothing old. */
static bool is_old(usec_t last, usec_t now, usec_t memory)
{
	return now > last && now - last > memory;
}

static bool is_first_contact(struct trw *trw, const struct address *source,
                             const struct address *destination, usec_t memory, usec_t now)
{
	const struct contact_key key = {*source, *destination};
	struct contact *contact = recent_use(trw->contacts, &key);
	bool first = !contact || is_old(contact->last, now, memory);
	if (!contact)
		contact = recent_add(trw->contacts, &key);
	contact->last = now;
	return first;
}

static void begin(struct walk *walk)
{
	walk->likelihood = 1;
	walk->failed = 0;
}

/* True when the walk has arrived at a scanner. */
static bool step(struct walk *walk, bool permitted, const struct trw_limits *limits)
{
	if (permitted) {
		walk->likelihood *= limits->scanner / limits->benign;
	} else {
		walk->likelihood *= (1 - limits->scanner) / (1 - limits->benign);
		walk->failed++;
	}
	if (walk->likelihood <= (1 - limits->detection) / (1 - limits->false_alarm))
		begin(walk);
	return walk->likelihood >= limits->detection / limits->false_alarm;
}

bool trw_note(struct trw *trw, const struct address *source, const struct address *destination,
              bool permitted, const struct trw_limits *limits, usec_t now, unsigned *ret_failed)
{
	if (!limits->successes_known)
		return false;

	struct walk *walk = recent_use(trw->walks, source);
	bool begins = !walk || is_old(walk->last, now, limits->memory);
	if (!walk)
		walk = recent_add(trw->walks, source);
	if (begins)
		begin(walk);
	walk->last = now;

	if (!is_first_contact(trw, source, destination, limits->memory, now) ||
	    !step(walk, permitted, limits))
		return false;
	*ret_failed = walk->failed;
	begin(walk);
	return true;
}
