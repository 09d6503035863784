/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_BEACON_H
#define EGRESSD_TRACK_BEACON_H

#include "base/cleanup.h"
#include "base/time.h"
#include "track/endpoint.h"
#include "track/rita.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Tells, while it goes on, which streams are tried as regularly as a program does it: most of the
 * last gaps between attempts are about as long as their median. How regular is regular enough was
 * measured on simulated beacons, Poisson streams and people who try again.
 */
struct beacons;

#define BEACON_GAPS  24 /* the last ones, which are judged */
#define BEACON_BEATS (BEACON_GAPS + 1)

/*
 * Attempts less than this after another one belong to the same beat: programs try twice at once,
 * and RITA drops intervals of less than a second too.
 */
#define BEACON_BEAT USEC_PER_SEC

/* How many of its last attempts are kept of a beacon, for its score. */
#define BEACON_HISTORY 1024

/* When a stream is a beacon. */
struct beacon_limits {
	unsigned attempts; /* at least; 4 or more, and at most BEACON_GAPS + 1 */
	usec_t span;       /* for so long they must have been regular */
	unsigned share;    /* percent of the gaps that must be near their median */
	unsigned near;     /* percent of the median by which these may differ from it */
	unsigned wide_gaps;
	unsigned wide; /* `near` once there are wide_gaps gaps; and it is no chance then */
};

struct beacon {
	usec_t period;     /* the median of the last gaps */
	unsigned attempts; /* beats, since it was regular */
	unsigned passed;   /* of these, those that audit let pass */
	usec_t since;      /* the first of them */
	usec_t last;
	bool broken; /* of a stream that is none: it made attempts enough, and they are not regular
	              */
};

/*
 * Room for that many streams, and for the histories of that many beacons; no source takes
 * the room of the others. All memory is taken here. 0, -EINVAL for no room, or what recent_new()
 * says.
 */
int beacons_new(size_t streams, size_t histories, struct beacons **ret_beacons);

/* Takes NULL, returns NULL. */
struct beacons *beacons_free(struct beacons *beacons);
DEFINE_CLEANUP(struct beacons *, beacons_free)

/* An attempt of that stream will be noted soon; see recent_expect(). */
void beacons_expect(const struct beacons *beacons, const struct stream *stream);

/*
 * Notes an attempt of that many bytes, and whether audit let it pass. True when the stream is a
 * beacon; then *ret_beacon is set, else only `broken` is. A clock that steps back makes the stream
 * begin anew.
 */
bool beacons_note(struct beacons *beacons, const struct stream *stream, uint32_t bytes, bool passed,
                  const struct beacon_limits *limits, usec_t now, struct beacon *ret_beacon);

/*
 * The last beats of a stream, at most BEACON_BEATS, the oldest one first: noted again, they give
 * the same verdict. Returns how many; 0 for a stream that is not followed.
 */
unsigned beacons_beats(const struct beacons *beacons, const struct stream *stream,
                       usec_t ret_beats[static BEACON_BEATS]);

/*
 * RITA's score of a stream that was a beacon, over the longest window that its history fills, or
 * the shortest where it fills none. 0, RITA_TOO_FEW, RITA_STROBE, or -ENOENT for a stream without
 * one.
 */
int beacons_score(struct beacons *beacons, const struct stream *stream, usec_t now,
                  struct rita_score *ret_score);

/* The count next attempts to expect after `now`. */
void beacon_expect(const struct beacon *beacon, usec_t now, usec_t *ret_times, size_t count);

/* How many streams are followed. */
size_t beacons_count(const struct beacons *beacons);

#endif
