/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_TRW_H
#define EGRESSD_TRACK_TRW_H

#include "base/address.h"
#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Threshold Random Walk (Jung, Paxson, Berger, Balakrishnan: "Fast portscan detection using
 * sequential hypothesis testing", 2004): the first contacts of a source either succeed or fail, and
 * each changes how likely it is that the source scans.
 *
 * With failures alone the walk goes one way, and four blocked destinations ever would make a
 * scanner of anybody. So nothing is told while the successes are not known: by the caller's word,
 * or of a source that had more of them fail than there is room for. Nobody's walk is given up for
 * another's: where there is no room for more sources, further ones are not judged.
 */
struct trw;

struct trw_limits {
	bool enabled;       /* else nothing is noted */
	double detection;   /* probability that a scanner is told */
	double false_alarm; /* probability that another is taken for one */
	double benign;      /* probability of success of a first contact of one who does not scan */
	double scanner;     /* and of one who does */
	usec_t memory;      /* a contact is a first one again after this; so is a source */
};

/* Room for that many sources and contacts. 0, -EINVAL for no room, or what recent_new() says. */
int trw_new(size_t sources, size_t contacts, struct trw **ret_trw);

/* Takes NULL, returns NULL. */
struct trw *trw_free(struct trw *trw);
DEFINE_CLEANUP(struct trw *, trw_free)

/*
 * Permitted contacts are noted without a gap since then: all walks begin anew, and what was
 * contacted before is no step of any. And: they are not any more, as at first; then there are no
 * steps. What was contacted is remembered all the time.
 */
void trw_know(struct trw *trw, usec_t since);
void trw_doubt(struct trw *trw);

/* The first contacts of a walk. */
struct trw_walk {
	unsigned failed;
	unsigned passed; /* of these, those that audit let pass */
	unsigned succeeded;
};

/*
 * Notes that source contacted destination, and whether that was permitted, or passed as audit let
 * it; in the order in which it
 * came about, as far as that is known. True when this contact
 * tells a scanner: *ret_walk is then what led to it. A new walk begins after each verdict.
 */
bool trw_note(struct trw *trw, const struct address *source, const struct address *destination,
              bool permitted, bool passed, const struct trw_limits *limits, usec_t now,
              struct trw_walk *ret_walk);

/* What there was no room for. */
struct trw_counts {
	uint64_t contacts; /* failed ones forgotten early; their sources are not judged so long */
	uint64_t sources;  /* contacts of sources that are not judged at all */
	usec_t last_forgotten; /* when that was the last time; 0: never */
};
struct trw_counts trw_counts(const struct trw *trw);

#endif
