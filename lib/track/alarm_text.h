/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_ALARM_TEXT_H
#define EGRESSD_TRACK_ALARM_TEXT_H

#include "base/zone.h"
#include "track/alarm.h"

#define ALARM_TEXT_MAX 1024

/* For whom it is written. */
struct alarm_reader {
	usec_t now; /* times of the same day are told without their date */
	struct zone zone;
};

/*
 * Writes two sentences or three: who does what, how often since when, and, where audit let any of
 * it pass, that it did. Names come from the
 * operator's files and are taken as they are. Returns buffer.
 */
const char *alarm_text(const struct alarm *alarm, const struct alarm_reader *reader,
                       char buffer[static ALARM_TEXT_MAX]);

/*
 * Writes how it worsened: "severity from notice to warning, psad's danger level from 1 to 2, now
 * tcp/25, too". Returns buffer.
 */
#define WORSENING_TEXT_MAX 192
const char *worsening_text(const struct alarm *alarm, char buffer[static WORSENING_TEXT_MAX]);

/* Writes "tcp/25", "icmp/echo-request" or "gre" and returns buffer. */
#define SERVICE_TEXT_MAX 64
const char *service_text(uint8_t protocol, bool has_port, uint16_t port,
                         char buffer[static SERVICE_TEXT_MAX]);

#endif
