/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/thresholds.h"

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR   (60 * MINUTE)

const struct thresholds thresholds_standard = {
        .beacon = {.attempts = 4,
                   .span = 60 * USEC_PER_SEC,
                   .share = 80,
                   .near = 10,
                   .wide_gaps = 8,
                   .wide = 25},
        .scan = {.hosts = 25,
                 .span = 5 * MINUTE,
                 .slow_hosts = 25,
                 .slow_span = HOUR,
                 .ports = 15,
                 .ports_span = 5 * MINUTE},
        .trw = {.enabled = false,
                .detection = 0.99,
                .false_alarm = 0.01,
                .benign = 0.8,
                .scanner = 0.2,
                .memory = 24 * HOUR},
        .quiet = 24 * HOUR,
        .host_beacons = 8,
        .strangers = 16,
        .severity = {[ALARM_TRIPWIRE] = SEVERITY_CRITICAL,
                     [ALARM_BEACON] = SEVERITY_WARNING,
                     [ALARM_SCAN] = SEVERITY_CRITICAL,
                     [ALARM_PORTSCAN] = SEVERITY_WARNING,
                     [ALARM_TRW] = SEVERITY_WARNING,
                     [ALARM_THROTTLE] = SEVERITY_CRITICAL,
                     [ALARM_UNASSIGNED] = SEVERITY_WARNING,
                     [ALARM_IMPOSTOR] = SEVERITY_WARNING,
                     [ALARM_QUARANTINE] = SEVERITY_NOTICE,
                     [ALARM_TAMPER] = SEVERITY_CRITICAL},
};
