/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_LOOK_H
#define EGRESSD_TRACK_LOOK_H

#include "base/time.h"
#include "track/alarm_book.h"
#include "track/beacon.h"
#include "track/budget.h"
#include "track/detect.h"
#include "track/newcomer.h"
#include "track/scan.h"
#include "track/talker.h"
#include "track/trw.h"

#include <stdbool.h>

/* Inside detect: one attempt on its way through the detectors, and what it does to the alarms. */

struct detect {
	struct alarm_book *book; /* borrowed */
	struct newcomers *newcomers;
	struct talkers *talkers;
	struct beacons *beacons;
	struct scans *scans;
	struct trw *trw;
	struct budget looks;
	struct budget met;
	struct budget displaced[SEVERITY_COUNT]; /* open alarms, by new ones of that severity */
	/* Places in the book where the alarms of many senders were last; something else may be
	 * there by now. */
	const struct alarm *unassigned;
	const struct alarm *impostors;
	struct detect_counts counts;
};

/* The attempt, with what is known about its source. */
struct look {
	struct detect *detect;
	const struct detect_facts *facts;
	const struct thresholds *thresholds;
	const struct ledger_noted *noted;
	struct stream stream;
	struct evidence_attempt attempt;
	/* NULL where the attempt says nothing about its source's conduct, or not enough yet. */
	struct talker *talker;
};

/* An alarm that has counted many attempts notes one in full after so long. */
#define LOOK_NOTE_EVERY USEC_PER_SEC

/* How grave an alarm of that kind is at last; a beacon is a notice at first. */
enum severity look_severity(const struct look *look, enum alarm_kind kind);

/* The open alarm of that kind about the source, of no destination; NULL when there is none. */
const struct alarm *look_find(const struct look *look, enum alarm_kind kind);

/* The cause of an alarm about the source. */
struct alarm_cause look_cause(const struct look *look, enum alarm_kind kind);

/* An alarm of this one attempt; what a detector knows goes in on top. */
struct alarm look_alarm(const struct look *look, const struct alarm_cause *cause);

/*
 * True when an open alarm should know more of the attempt than that there was one: because it has
 * few, or noted none for that time, or does not know the service, or was less severe.
 */
bool look_is_due(const struct look *look, const struct alarm *alarm, usec_t every);

/* Counts the attempt in an open alarm. */
void look_tally(const struct look *look, const struct alarm *alarm);

/*
 * Raises an alarm; NULL when there was no room for it. When all in the book are open, only some
 * new ones of each severity are let in a second.
 */
const struct alarm *look_put(const struct look *look, const struct alarm *news);
const struct alarm *look_raise(const struct look *look, const struct alarm_cause *cause);

/* One attempt more of an open alarm, in full where that is due. */
void look_count_in(const struct look *look, const struct alarm *alarm);

/* The same where there is such an open alarm, else false. */
bool look_count_for(const struct look *look, const struct alarm_cause *cause);
void look_count_for_host(const struct look *look, enum alarm_kind kind);

/* Remembers where an alarm about the source is; NULL for nowhere. */
void look_remember(struct told_alarm *told, const struct alarm *alarm);

/* The alarm that was remembered, if it is open; its host may have another name by now. */
const struct alarm *look_recall(const struct look *look, struct told_alarm *told,
                                enum alarm_kind kind);

#endif
