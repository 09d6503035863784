/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_THRESHOLDS_H
#define EGRESSD_TRACK_THRESHOLDS_H

#include "base/time.h"
#include "track/alarm.h"
#include "track/beacon.h"
#include "track/scan.h"
#include "track/trw.h"

/*
 * From when on the attempts of a host are an alarm, and how grave it is. A role may have its own.
 *
 * Severities, where nothing else is said:
 *
 *	kind		with tripwire	other role	why
 *	tripwire	critical	-		a break-in: nothing it serves needs that
 *	beacon		critical	notice, then	chance, or a device that is set up
 *					warning		wrongly; then a trojan, too
 *	scan		critical	critical	a worm spreads by it while one waits
 *	portscan	critical	warning		often a person with a tool
 *	trw		critical	warning		the most sensitive of the detectors
 *	throttle	critical	critical	a worm on a permitted port
 *	unassigned	-		warning		the wrong plug, or a visitor
 *	impostor	warning		warning		a new network card, or a thief
 *	quarantine	notice		notice		somebody wanted it so
 *	tamper		-		critical	the gate itself
 *
 * A beacon is named at its fourth attempt, as a notice: in one office week in five, chance makes
 * three such gaps of one stream. It has its severity once it has wide_gaps gaps, which chance made
 * in none of a hundred (tests/bench/verdicts.c prints both, for other thresholds too).
 *
 * A critical alarm wants somebody now, a warning today, a notice when there is time. A role of
 * devices that are expected to babble (printers, cameras) gives its beacons the severity notice.
 */
struct thresholds {
	struct beacon_limits beacon;
	struct scan_limits scan;
	struct trw_limits trw;
	usec_t quiet; /* an alarm clears by itself after this; beacons after some periods at least
	               */
	unsigned host_beacons; /* at most so many beacons are told of one host at a time */
	unsigned strangers;    /* at most so many unassigned senders and impostors one by one */
	enum severity severity[ALARM_KIND_COUNT];
};

/* The defaults; TRW is off in them, for it needs the permitted contacts. */
extern const struct thresholds thresholds_standard;

#endif
