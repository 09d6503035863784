/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detection_limits.h"

_Static_assert(DETECTION_SEVERITY_COUNT == SEVERITY_COUNT, "severities differ");

static void apply(struct thresholds *to, enum detection_key key, uint64_t value)
{
	switch (key) {
	case DETECTION_BEACON_ATTEMPTS:
		to->beacon.attempts = (unsigned)value;
		return;
	case DETECTION_BEACON_SPAN:
		to->beacon.span = value;
		return;
	case DETECTION_BEACON_SHARE:
		to->beacon.share = (unsigned)value;
		return;
	case DETECTION_BEACON_NEAR:
		to->beacon.near = (unsigned)value;
		return;
	case DETECTION_BEACON_WIDE_GAPS:
		to->beacon.wide_gaps = (unsigned)value;
		return;
	case DETECTION_BEACON_WIDE:
		to->beacon.wide = (unsigned)value;
		return;
	case DETECTION_BEACON_HOST_BEACONS:
		to->host_beacons = (unsigned)value;
		return;
	case DETECTION_SCAN_HOSTS:
		to->scan.hosts = (unsigned)value;
		return;
	case DETECTION_SCAN_SPAN:
		to->scan.span = value;
		return;
	case DETECTION_SCAN_SLOW_HOSTS:
		to->scan.slow_hosts = (unsigned)value;
		return;
	case DETECTION_SCAN_SLOW_SPAN:
		to->scan.slow_span = value;
		return;
	case DETECTION_SCAN_PORTS:
		to->scan.ports = (unsigned)value;
		return;
	case DETECTION_SCAN_PORTS_SPAN:
		to->scan.ports_span = value;
		return;
	case DETECTION_TRW_ENABLED:
		to->trw.enabled = value != 0;
		return;
	case DETECTION_TRW_DETECTION:
		to->trw.detection = (double)value / 100;
		return;
	case DETECTION_TRW_FALSE_ALARM:
		to->trw.false_alarm = (double)value / 100;
		return;
	case DETECTION_TRW_BENIGN:
		to->trw.benign = (double)value / 100;
		return;
	case DETECTION_TRW_SCANNER:
		to->trw.scanner = (double)value / 100;
		return;
	case DETECTION_TRW_MEMORY:
		to->trw.memory = value;
		return;
	case DETECTION_SEVERITY_TRIPWIRE:
		to->severity[ALARM_TRIPWIRE] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_BEACON:
		to->severity[ALARM_BEACON] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_SCAN:
		to->severity[ALARM_SCAN] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_PORTSCAN:
		to->severity[ALARM_PORTSCAN] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_TRW:
		to->severity[ALARM_TRW] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_THROTTLE:
		to->severity[ALARM_THROTTLE] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_UNASSIGNED:
		to->severity[ALARM_UNASSIGNED] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_IMPOSTOR:
		to->severity[ALARM_IMPOSTOR] = (enum severity)value;
		return;
	case DETECTION_SEVERITY_QUARANTINE:
		to->severity[ALARM_QUARANTINE] = (enum severity)value;
		return;
	case DETECTION_STRANGERS:
		to->strangers = (unsigned)value;
		return;
	case DETECTION_QUIET:
		to->quiet = value;
		return;
	}
}

struct thresholds thresholds_of(const struct detection *all, const struct detection *own)
{
	struct thresholds thresholds = thresholds_standard;
	for (unsigned i = 0; i < DETECTION_KEY_COUNT; i++) {
		if (own && own->given[i])
			apply(&thresholds, (enum detection_key)i, own->values[i]);
		else if (all->given[i])
			apply(&thresholds, (enum detection_key)i, all->values[i]);
	}
	return thresholds;
}
