/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_TRW_H
#define EGRESSD_TRACK_TRW_H

#include "base/address.h"
#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Threshold Random Walk (Jung, Paxson, Berger, Balakrishnan: "Fast portscan detection using
 * sequential hypothesis testing", 2004): the first contacts of a source either succeed or fail, and
 * each changes how likely it is that the source scans.
 *
 * With failures alone the walk goes one way, and four blocked destinations ever would make a
 * scanner of anybody. So nothing is told while the successes are not known.
 */
struct trw;

struct trw_limits {
	bool successes_known; /* permitted first contacts are noted too */
	double detection;     /* probability that a scanner is told */
	double false_alarm;   /* probability that another is taken for one */
	double benign;  /* probability of success of a first contact of one who does not scan */
	double scanner; /* and of one who does */
	usec_t memory;  /* a contact is a first one again after this; so is a source */
};

/* Room for that many sources and contacts. 0, -EINVAL for no room, or what recent_new() says. */
int trw_new(size_t sources, size_t contacts, struct trw **ret_trw);

/* Takes NULL, returns NULL. */
struct trw *trw_free(struct trw *trw);
DEFINE_CLEANUP(struct trw *, trw_free)

/*
 * Notes that source contacted destination, and whether that was permitted. True when this contact
 * tells a scanner: *ret_failed is then how many first contacts failed on the way. A new walk begins
 * after each verdict.
 */
bool trw_note(struct trw *trw, const struct address *source, const struct address *destination,
              bool permitted, const struct trw_limits *limits, usec_t now, unsigned *ret_failed);

#endif
