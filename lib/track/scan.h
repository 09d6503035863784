/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_SCAN_H
#define EGRESSD_TRACK_SCAN_H

#include "base/cleanup.h"
#include "base/time.h"
#include "track/endpoint.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Tells sources that look for hosts or for ports, as Zeek's scan.zeek defines it: Address_Scan is
 * many distinct hosts on one port, Port_Scan many distinct ports of one host, each within a
 * sliding span of time. Zeek's address scan misses whoever takes his time, so that a second, longer
 * span stands beside it.
 */
struct scans;

/* As many distinct hosts or ports are remembered at most; a threshold over it counts as this. */
#define SCAN_DISTINCT_MAX 32

struct scan_limits {
	unsigned hosts; /* on one port */
	usec_t span;
	unsigned slow_hosts; /* likewise */
	usec_t slow_span;
	unsigned ports; /* of one host */
	usec_t ports_span;
};

/* What makes it a scan. */
struct scan {
	unsigned distinct; /* hosts or ports, as many as it takes to tell */
	usec_t span;       /* within this */
	usec_t since;      /* the first of these attempts */
	unsigned attempts; /* in the run of attempts that the last one belongs to */
	unsigned passed;   /* of these, those that audit let pass */
	bool fresh;        /* the first verdict about that run */
};

/*
 * Room for that many pairs of source and port, and of source and host. 0, -EINVAL for no room, or
 * what recent_new() says.
 */
int scans_new(size_t max, struct scans **ret_scans);

/* Takes NULL, returns NULL. */
struct scans *scans_free(struct scans *scans);
DEFINE_CLEANUP(struct scans *, scans_free)

/* An attempt of that stream will be noted soon; see recent_expect(). */
void scans_expect(const struct scans *scans, const struct stream *stream);

/*
 * Notes an attempt, and whether audit let it pass. True when its source scans for hosts with that
 * port; *ret_scan is set.
 */
bool scans_note_host(struct scans *scans, const struct stream *stream,
                     const struct scan_limits *limits, bool passed, usec_t now,
                     struct scan *ret_scan);

/* The same; true when its source scans the ports of that host. */
bool scans_note_port(struct scans *scans, const struct stream *stream,
                     const struct scan_limits *limits, bool passed, usec_t now,
                     struct scan *ret_scan);

#endif
