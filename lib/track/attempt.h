/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_ATTEMPT_H
#define EGRESSD_TRACK_ATTEMPT_H

#include "base/cleanup.h"
#include "base/reason.h"
#include "base/time.h"
#include "track/packet.h"
#include "track/tried.h"

#include <stddef.h>

/*
 * Tells the attempts among blocked packets: one attempt is one connection that was tried, however
 * often its first packet was sent again.
 *
 * TCP: SYNs of the same source, destination, ports and initial sequence number, each at most
 * ATTEMPT_SYN_GAP after the one before; retransmissions follow no timing worth relying on.
 * Everything else: packets of the same source, destination, protocol and ports (ICMP: type and
 * identifier), each at most ATTEMPT_GAP after the one before and ATTEMPT_SPAN after the first.
 *
 * The same connection blocked for another reason is another attempt: each reason counts its own.
 */
struct attempts;

#define ATTEMPT_SYN_GAP (300 * USEC_PER_SEC)
#define ATTEMPT_GAP     (10 * USEC_PER_SEC)
#define ATTEMPT_SPAN    (60 * USEC_PER_SEC)

enum attempt {
	ATTEMPT_NEW,      /* the first packet of an attempt */
	ATTEMPT_REPEATED, /* one more of an attempt that was seen before */
	ATTEMPT_NONE,     /* tries no connection: TCP but no SYN, or a later fragment */
};

/*
 * Remembers max attempts; when there are more, one is forgotten and would be new if it came again:
 * see tried.h for which, a source that has most of them forgets its own. All memory is taken here.
 * 0, -EINVAL for a max of 0, or what tried_new() and getrandom(2) say.
 */
int attempts_new(size_t max, struct attempts **ret_attempts);

/* Remembers max attempts from now on, those too that are remembered. Errors as above; then nothing
 * changes. */
int attempts_resize(struct attempts *attempts, size_t max);

/* Takes NULL, returns NULL. */
struct attempts *attempts_free(struct attempts *attempts);
DEFINE_CLEANUP(struct attempts *, attempts_free)

/* A packet that will be noted soon; what is known of it comes from memory meanwhile. */
struct expected_attempt {
	bool tries; /* a connection */
	struct tried_name name;
	const struct tried_limits *limits;
};
void attempts_expect(const struct attempts *attempts, const struct packet *packet,
                     enum reason reason, struct expected_attempt *ret_expected);
enum attempt attempts_note_expected(struct attempts *attempts,
                                    const struct expected_attempt *expected, usec_t now);

/*
 * Notes a blocked packet. `now` is its time; clocks step, so it may lie before that of the last
 * packet, and a step further than the gap begins a new attempt.
 */
enum attempt attempts_note(struct attempts *attempts, const struct packet *packet,
                           enum reason reason, usec_t now);

/* How many attempts are remembered. */
size_t attempts_count(const struct attempts *attempts);

#endif
