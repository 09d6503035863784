/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_DETECTION_H
#define EGRESSD_POLICY_DETECTION_H

#include "base/location.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * From when on attempts are an alarm, and how grave it is: what the configuration says about it.
 * What the numbers mean, and what they are when nothing is said, is the business of the detectors;
 * here they are only held to what a number of that kind can be.
 */
enum detection_key {
	DETECTION_BEACON_ATTEMPTS,
	DETECTION_BEACON_SPAN,
	DETECTION_BEACON_SHARE,
	DETECTION_BEACON_NEAR,
	DETECTION_BEACON_WIDE_GAPS,
	DETECTION_BEACON_WIDE,
	DETECTION_BEACON_HOST_BEACONS,
	DETECTION_SCAN_HOSTS,
	DETECTION_SCAN_SPAN,
	DETECTION_SCAN_SLOW_HOSTS,
	DETECTION_SCAN_SLOW_SPAN,
	DETECTION_SCAN_PORTS,
	DETECTION_SCAN_PORTS_SPAN,
	DETECTION_TRW_ENABLED,
	DETECTION_TRW_DETECTION,
	DETECTION_TRW_FALSE_ALARM,
	DETECTION_TRW_BENIGN,
	DETECTION_TRW_SCANNER,
	DETECTION_TRW_MEMORY,
	DETECTION_SEVERITY_TRIPWIRE,
	DETECTION_SEVERITY_BEACON,
	DETECTION_SEVERITY_SCAN,
	DETECTION_SEVERITY_PORTSCAN,
	DETECTION_SEVERITY_TRW,
	DETECTION_SEVERITY_THROTTLE,
	DETECTION_SEVERITY_UNASSIGNED,
	DETECTION_SEVERITY_IMPOSTOR,
	DETECTION_SEVERITY_QUARANTINE,
	DETECTION_STRANGERS,
	DETECTION_QUIET,
};
#define DETECTION_KEY_COUNT (DETECTION_QUIET + 1)

/* Severities count from 0: notice, warning, critical. */
#define DETECTION_SEVERITY_COUNT 3

/* Spans are in microseconds, shares and probabilities in percent, flags 0 or 1; all else is
 * counted. */
struct detection {
	uint64_t values[DETECTION_KEY_COUNT];
	bool given[DETECTION_KEY_COUNT];
};

/* Who is told of an alarm besides: a template unit of systemd, or a program. */
struct on_alarm {
	struct location at;  /* line 0: nobody */
	const char *unit;    /* "egressd-alarm@.service"; its instance is the alarm's id */
	const char *command; /* an absolute path */
	const char *user;    /* as whom the command runs */
};

#endif
