/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_TALKER_H
#define EGRESSD_TRACK_TALKER_H

#include "base/cleanup.h"
#include "base/time.h"
#include "track/alarm.h"
#include "track/budget.h"
#include "track/danger.h"
#include "track/endpoint.h"
#include "track/evidence.h"
#include "track/hash.h"
#include "track/recent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is remembered of each source of attempts, beside what the detectors remember. */
struct talkers;

#define TALKER_BEACONS 16 /* as many are remembered to have been told */

/* After this much silence, what comes next is another story: evidence begins anew. */
#define TALKER_SILENCE (3600 * USEC_PER_SEC)
/* psad forgets a source after a day. */
#define TALKER_MEMORY (24 * TALKER_SILENCE)

/* A beacon that was told. */
struct told {
	struct endpoint destination;
	usec_t scored;
};

/* Where in the book an alarm about the source was; it is another one if the id is. */
struct told_alarm {
	const struct alarm *alarm;
	uint64_t id;
};

struct talker {
	struct address address;
	unsigned told_count;
	bool told_portscan; /* these are hints; the book knows whether they are open */
	bool told_trw;
	/* What it scanned hosts for last, while `scan` is there: only that belongs to the scan
	 * alone. */
	uint8_t scan_protocol;
	uint8_t scan_has_port;
	uint16_t scan_port;
	struct told_alarm scan;
	struct told_alarm tripwire;
	struct budget looks; /* at its attempts */
	uint64_t attempts;   /* for the danger level, as are the destinations */
	usec_t last;
	usec_t first; /* of the evidence */
	struct destinations destinations;
	struct told told[TALKER_BEACONS]; /* the last one comes first */
	struct evidence evidence;
};

/*
 * Room for max of them; the secret is for their places, see recent_set_secret(). 0, -EINVAL for no
 * room, or what recent_new() says.
 */
int talkers_new(size_t max, const struct tag_secret *secret, struct talkers **ret_talkers);

/* Takes NULL, returns NULL. */
struct talkers *talkers_free(struct talkers *talkers);
DEFINE_CLEANUP(struct talkers *, talkers_free)

/* The place of that source, which will be asked for soon; see recent_expect(). */
struct recent_place talkers_expect(const struct talkers *talkers, const struct address *source);

/* It comes from memory; false when it is not known. See recent_approach(). */
bool talkers_approach(const struct talkers *talkers, struct recent_place place);

/* That source, which lasts until the next talkers_add(); NULL when it is not known. */
struct talker *talkers_find(struct talkers *talkers, const struct address *source,
                            struct recent_place place);

/* Adds a source that is not known. */
struct talker *talkers_add(struct talkers *talkers, const struct address *source);

/* Notes an attempt of it. */
void talkers_note(struct talkers *talkers, struct talker *talker,
                  const struct evidence_attempt *attempt);

/* Counts an attempt for the danger level and forgets it: for when there are too many. */
void talkers_count(struct talkers *talkers, struct talker *talker,
                   const struct evidence_attempt *attempt);

/* The beacon to that destination that was told; NULL when there is none. */
struct told *talker_told(struct talker *talker, const struct endpoint *destination);

/* Remembers that a beacon was told; the one told longest ago is forgotten. */
struct told *talker_tell(struct talker *talker, const struct endpoint *destination);

/* psad's danger level of the source. Attempts stand for packets: what is sent again is no more. */
unsigned talker_danger(const struct talker *talker);

#endif
