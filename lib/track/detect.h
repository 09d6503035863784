/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_DETECT_H
#define EGRESSD_TRACK_DETECT_H

#include "base/cleanup.h"
#include "base/time.h"
#include "track/alarm_book.h"
#include "track/beacon.h"
#include "track/endpoint.h"
#include "track/ledger.h"
#include "track/recent.h"
#include "track/thresholds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names the machine that is infected: shows every attempt to the detectors and raises alarms.
 *
 *	reason		what is looked at
 *	role, blocklist	tripwire, scan, portscan, trw, beacon
 *	inbound		the same without tripwire, when the source is a host
 *	unassigned	the sender itself; scan, portscan, beacon
 *	impostor	the sender itself: what it does is not the doing of the host
 *	throttle	throttle
 *	quarantine	counts for the quarantine's alarm, if that is open: all such a host does is
 *			blocked, so that nothing else can be told from it
 *	spoofed		nothing: a forged address accuses the wrong one
 *
 * Of a host that scans for a service, new streams of that service are not followed: it would fill
 * the tables, and repeat itself in a beacon for each of its victims. Its other streams are.
 *
 * A flood must not cost more than it is worth:
 * - The first attempts of a source are only kept (newcomer.h) until there are enough for a verdict;
 *   then they are looked at, as if they had been at their time.
 * - Of a source as many attempts a second are looked at as no scan or beacon needs, and fewer while
 *   very many are looked at in all. Others are skipped: they count, in its open alarms too.
 * - An alarm that has counted many attempts notes one in full each second, or the first of a
 *   service; it counts the others.
 * - Into a book that is full of open alarms only some new ones a second go.
 * Seconds are those of the attempts.
 */
struct detect;

/* Room of the tables; when one is full, recent.h says what makes room. */
struct detect_sizes {
	size_t newcomers; /* sources of few attempts */
	size_t sources;   /* of more */
	size_t streams;
	size_t histories; /* beacons with a score */
	size_t scans;     /* pairs of source and port, and of source and host */
	size_t contacts;  /* pairs of source and destination, for the random walk */
};

/* About 40 MB once everything is full, and next to nothing before. */
extern const struct detect_sizes detect_sizes_standard;

/* What the caller knows about the source of an attempt. Names may be NULL; all is borrowed. */
struct detect_facts {
	const char *host;
	const char *role; /* of the source, whatever role the reason counts for */
	const char *interface;
	const char *may;    /* what its role may initiate: "http, https"; NULL: nothing */
	bool one_machine;   /* the name of the host stands for one machine, not for a range */
	bool self;          /* the gateway itself */
	bool passed;        /* audit let the attempt pass */
	bool tripwire;      /* its role says so */
	bool may_use_https; /* to anywhere: then a blocked udp/443 is a browser that will fall back
	                     */
	uint32_t throttle_destinations; /* so many new hosts may one of its role contact in: */
	usec_t throttle_per;
	uint32_t bytes;                      /* of the packet; 0 when that is not known */
	const struct thresholds *thresholds; /* of its role; NULL: the standard ones */
};

/* The book is borrowed and outlives it. 0, -EINVAL for a size of 0, -ENOMEM, or getrandom(2)'s. */
int detect_new(const struct detect_sizes *sizes, struct alarm_book *book,
               struct detect **ret_detect);

/* Takes NULL, returns NULL. */
struct detect *detect_free(struct detect *detect);
DEFINE_CLEANUP(struct detect *, detect_free)

/* An attempt of that source will be taken soon: where its tables have it, see recent_expect(). */
struct expected_source {
	struct recent_place place; /* the same in all of them */
};
struct expected_source detect_expect(const struct detect *detect, const struct address *source);

/* The next step, when the first one had some time; the attempt will be one of that stream. */
void detect_approach(const struct detect *detect, const struct expected_source *expected,
                     const struct stream *stream);

/* Takes a new attempt, right after ledger_note() noted it in an entry. */
void detect_attempt(struct detect *detect, const struct ledger_noted *noted,
                    const struct detect_facts *facts, usec_t now);

/* The same for one whose source was expected. */
void detect_expected_attempt(struct detect *detect, const struct expected_source *expected,
                             const struct ledger_noted *noted, const struct detect_facts *facts,
                             usec_t now);

/* When a stream was tried, see beacons_beats(). */
unsigned detect_beats(const struct detect *detect, const struct stream *stream,
                      usec_t ret_beats[static BEACON_BEATS]);

/*
 * Reminds the detectors of what an entry of the ledger tells of an earlier run, and of its beats;
 * to be called from the entry last seen longest ago to the latest, before the first attempt.
 * Nothing is raised. An entry that is later than `now`, as by a clock that was wrong, tells
 * nothing.
 */
void detect_remember(struct detect *detect, const struct ledger_noted *noted,
                     const struct detect_facts *facts, const usec_t *beats, unsigned beat_count,
                     usec_t now);

/*
 * Takes a permitted contact, for the random walk; of the facts only the thresholds count. And: all
 * of them are taken since then, or are not any more, without which it tells nothing; see
 * trw_know().
 */
void detect_contact(struct detect *detect, const struct stream *stream,
                    const struct detect_facts *facts, usec_t now);
void detect_know_contacts(struct detect *detect, usec_t since);
void detect_doubt_contacts(struct detect *detect);

/* What of them there was no room for. */
struct trw_counts detect_contact_counts(const struct detect *detect);

/* All attempts are looked, kept and skipped ones. */
struct detect_counts {
	uint64_t attempts;
	uint64_t looked;  /* at as their reason asks for */
	uint64_t kept;    /* only, as their sources made too few to be judged */
	uint64_t skipped; /* only counted: their sources, or all together, made too many */
	/* Of those skipped, the ones that a detector could have used. The others are no news:
	 * repetitions of the same, or more of a scan that is known. */
	uint64_t missed;
	uint64_t
	        no_room; /* new alarms while the book was full of open ones, beyond some a second */
	uint64_t left_out; /* beacons that were not told as their host had enough of them */
};
struct detect_counts detect_counts(const struct detect *detect);

#endif
