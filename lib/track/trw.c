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
	bool failed; /* once at least */
};

struct walk {
	struct address source;
	double likelihood; /* ratio: that it scans to that it does not */
	struct trw_walk steps;
	unsigned epoch;   /* in which it began */
	usec_t last;      /* contact */
	usec_t forgotten; /* the last failed contact of it that had to make room, 0: none */
};

struct trw {
	struct recent *walks;
	struct recent *contacts;
	bool known; /* all permitted contacts are noted: */
	usec_t since;
	unsigned epoch; /* another each time that this begins */
	struct trw_counts counts;
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

/*
 * What makes room would be a first contact again. Of a good one that would only speak for its
 * source; that of a failed one is not judged until its memory would have been over.
 */
static void forget_contact(struct trw *trw, usec_t memory, usec_t now)
{
	const struct contact *victim = recent_victim(trw->contacts);
	if (!victim || !victim->failed || is_old(victim->last, now, memory))
		return;
	struct walk *walk = recent_use(trw->walks, &victim->key.source);
	if (walk && walk->forgotten < victim->last)
		walk->forgotten = victim->last;
	trw->counts.contacts++;
	trw->counts.last_forgotten = now;
}

static bool is_first_contact(struct trw *trw, const struct address *source,
                             const struct address *destination, bool permitted, usec_t memory,
                             usec_t now)
{
	const struct contact_key key = {*source, *destination};
	struct contact *contact = recent_use(trw->contacts, &key);
	bool first = !contact || is_old(contact->last, now, memory);
	if (!contact) {
		forget_contact(trw, memory, now);
		contact = recent_add(trw->contacts, &key);
	}
	contact->last = now;
	contact->failed = !permitted || (contact->failed && !first);
	return first;
}

static void begin(struct trw *trw, struct walk *walk)
{
	walk->likelihood = 1;
	walk->steps = (struct trw_walk){};
	walk->epoch = trw->epoch;
}

/* The walk of the source; NULL when there is no room for one more. */
static struct walk *find_walk(struct trw *trw, const struct address *source, usec_t memory,
                              usec_t now)
{
	struct walk *walk = recent_use(trw->walks, source);
	if (!walk) {
		const struct walk *victim = recent_victim(trw->walks);
		if (victim && !is_old(victim->last, now, memory)) {
			trw->counts.sources++;
			trw->counts.last_forgotten = now;
			return NULL;
		}
		walk = recent_add(trw->walks, source);
		begin(trw, walk);
	} else if (is_old(walk->last, now, memory) || walk->epoch != trw->epoch) {
		begin(trw, walk);
	}
	walk->last = now;
	return walk;
}

/* True when the walk has arrived at a scanner. */
static bool step(struct trw *trw, struct walk *walk, bool permitted, bool passed,
                 const struct trw_limits *limits)
{
	if (permitted) {
		walk->likelihood *= limits->scanner / limits->benign;
		walk->steps.succeeded++;
	} else {
		walk->likelihood *= (1 - limits->scanner) / (1 - limits->benign);
		walk->steps.failed++;
		walk->steps.passed += passed;
	}
	if (walk->likelihood <= (1 - limits->detection) / (1 - limits->false_alarm))
		begin(trw, walk);
	return walk->likelihood >= limits->detection / limits->false_alarm;
}

void trw_know(struct trw *trw, usec_t since)
{
	trw->epoch++;
	trw->known = true;
	trw->since = since;
}

void trw_doubt(struct trw *trw)
{
	trw->known = false;
}

bool trw_note(struct trw *trw, const struct address *source, const struct address *destination,
              bool permitted, bool passed, const struct trw_limits *limits, usec_t now,
              struct trw_walk *ret_walk)
{
	if (!limits->enabled)
		return false;
	struct walk *walk = find_walk(trw, source, limits->memory, now);
	if (!walk)
		return false;

	bool first = is_first_contact(trw, source, destination, permitted, limits->memory, now);
	bool forgot = walk->forgotten && !is_old(walk->forgotten, now, limits->memory);
	if (!first || !trw->known || now < trw->since || forgot)
		return false;
	if (!step(trw, walk, permitted, passed, limits))
		return false;
	*ret_walk = walk->steps;
	begin(trw, walk);
	return true;
}

struct trw_counts trw_counts(const struct trw *trw)
{
	return trw->counts;
}
