/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_CONDUCT_H
#define EGRESSD_TRACK_CONDUCT_H

#include "track/look.h"

/* Inside detect: what a source does, seen over many attempts. The talker is known here. */

/* Shows the attempt to the detectors of conduct, and raises what they find. */
void conduct_look(const struct look *look);

/* True when the attempt is of the service that its source scans hosts for; scan is that alarm. */
static inline bool conduct_is_of_scan(const struct look *look, const struct alarm *scan)
{
	const struct talker *talker = look->talker;
	const struct endpoint *to = &look->stream.destination;
	return scan && to->protocol == talker->scan_protocol && to->port == talker->scan_port &&
	       to->has_port == talker->scan_has_port;
}

/* Counts it in the open alarms of its source, and looks no further. */
void conduct_count(const struct look *look);

/* The same for a source that is not known, or not any more, and may have open alarms all the same.
 */
void conduct_count_unknown(const struct look *look);

/* A source becomes known: whatever of it is open in the book goes on. */
void conduct_meet(const struct look *look);

/* True when so many attempts of a source may be enough for a first verdict. */
bool conduct_is_enough(const struct thresholds *thresholds, unsigned attempts);

/* Shows the detectors an entry that was kept over a restart; its last attempt was at that time. */
void conduct_remember(const struct look *look, const usec_t *beats, unsigned beat_count);

/* Shows the detectors an attempt that was kept; it cannot have been enough for a verdict. */
void conduct_catch_up(const struct look *look, const struct newcomer_attempt *kept);

#endif
