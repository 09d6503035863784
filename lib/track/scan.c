/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/scan.h"

#include "base/array.h"
#include "track/recent.h"
#include "track/tag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Steps back that are smaller come from records that overtook each other. */
#define STEP_BACK USEC_PER_SEC

/*
 * Distinct things within a sliding span need no more than the last so many distinct ones, each
 * with the time it was last seen: there are n of them within the span exactly when the n-th most
 * recent is.
 */
struct seen {
	uint64_t what; /* the hash of an endpoint: rows are small, and told apart quickly */
	usec_t last;
};

struct row {
	struct stream key; /* a source, and the part of the destination that is the same for all */
	uint16_t count;
	bool named;        /* there was a verdict about this run */
	unsigned attempts; /* since `first` */
	unsigned passed;   /* likewise */
	usec_t first;
	usec_t last;
	struct seen seen[SCAN_DISTINCT_MAX]; /* the most recent comes first */
};

struct scans {
	struct recent *by_port;
	struct recent *by_host;
	struct tag_secret secrets[2]; /* of the halves of a hash */
};

int scans_new(size_t max, struct scans **ret_scans)
{
	_cleanup_(scans_freep) struct scans *scans = calloc(1, sizeof(*scans));
	if (!scans)
		return -ENOMEM;
	int r = recent_new_fair(max, sizeof(struct address), sizeof(struct stream),
	                        sizeof(struct row), &scans->by_port);
	if (r < 0)
		return r;
	r = recent_new_fair(max, sizeof(struct address), sizeof(struct stream), sizeof(struct row),
	                    &scans->by_host);
	if (r < 0)
		return r;
	/* What was seen is never looked at behind the count. */
	recent_zero_only(scans->by_port, offsetof(struct row, seen));
	recent_zero_only(scans->by_host, offsetof(struct row, seen));
	for (size_t i = 0; i < ELEMENTS_OF(scans->secrets) && r >= 0; i++)
		r = tag_secret_draw(&scans->secrets[i]);
	if (r < 0)
		return r;
	*ret_scans = TAKE_POINTER(scans);
	return 0;
}

struct scans *scans_free(struct scans *scans)
{
	if (scans) {
		recent_free(scans->by_port);
		recent_free(scans->by_host);
		free(scans);
	}
	return NULL;
}

/* Moves what was seen to the front. */
static void see(struct row *row, uint64_t what, usec_t now)
{
	unsigned at = 0;
	while (at < row->count && row->seen[at].what != what)
		at++;
	if (at == row->count) {
		if (row->count < SCAN_DISTINCT_MAX)
			row->count++;
		else
			at--;
	}
	memmove(row->seen + 1, row->seen, at * sizeof(row->seen[0]));
	row->seen[0] = (struct seen){what, now};
}

/* A run of attempts ends with a pause as long as the span that is looked at. */
static struct row *note(struct recent *rows, const struct stream *key, uint64_t what, bool passed,
                        usec_t span, usec_t now)
{
	struct row *row = recent_use(rows, key);
	if (!row)
		row = recent_add(rows, key);

	/* Records may overtake each other; but after a clock that stepped back, what was seen
	 * cannot be compared any more. */
	if (now < row->last && row->last - now < STEP_BACK)
		now = row->last;
	if (!row->attempts || now < row->last || now - row->last > span) {
		row->count = 0;
		row->named = false;
		row->attempts = 0;
		row->passed = 0;
		row->first = now;
	}
	row->last = now;
	row->attempts++;
	row->passed += passed;
	see(row, what, now);
	return row;
}

static bool within(struct row *row, unsigned threshold, usec_t span, struct scan *ret_scan)
{
	if (threshold > SCAN_DISTINCT_MAX)
		threshold = SCAN_DISTINCT_MAX;
	if (!threshold || row->count < threshold ||
	    row->last - row->seen[threshold - 1].last > span)
		return false;
	*ret_scan = (struct scan){
	        .distinct = threshold,
	        .span = span,
	        .since = row->first,
	        .attempts = row->attempts,
	        .passed = row->passed,
	        .fresh = !row->named,
	};
	row->named = true;
	return true;
}

static uint64_t destination_of(const struct scans *scans, const struct stream *stream)
{
	const struct endpoint *to = &stream->destination;
	return (uint64_t)tag_of(&scans->secrets[0], to, sizeof(*to)) << 32 |
	       tag_of(&scans->secrets[1], to, sizeof(*to));
}

/* Who tried that service, of whatever host; and any service of that host. */
static struct stream port_key(const struct stream *stream)
{
	struct stream key = *stream;
	key.destination.address = (struct address){};
	return key;
}

static struct stream host_key(const struct stream *stream)
{
	return (struct stream){.source = stream->source,
	                       .destination = {.address = stream->destination.address}};
}

void scans_expect(const struct scans *scans, const struct stream *stream)
{
	const struct stream by_port = port_key(stream), by_host = host_key(stream);
	recent_expect(scans->by_port, &by_port);
	recent_expect(scans->by_host, &by_host);
}

bool scans_note_host(struct scans *scans, const struct stream *stream,
                     const struct scan_limits *limits, bool passed, usec_t now,
                     struct scan *ret_scan)
{
	const struct stream key = port_key(stream);
	usec_t longer = limits->span > limits->slow_span ? limits->span : limits->slow_span;
	struct row *row =
	        note(scans->by_port, &key, destination_of(scans, stream), passed, longer, now);
	return within(row, limits->hosts, limits->span, ret_scan) ||
	       within(row, limits->slow_hosts, limits->slow_span, ret_scan);
}

bool scans_note_port(struct scans *scans, const struct stream *stream,
                     const struct scan_limits *limits, bool passed, usec_t now,
                     struct scan *ret_scan)
{
	const struct stream key = host_key(stream);
	struct row *row = note(scans->by_host, &key, destination_of(scans, stream), passed,
	                       limits->ports_span, now);
	return within(row, limits->ports, limits->ports_span, ret_scan);
}
