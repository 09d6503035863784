/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_TIME_H
#define EGRESSD_BASE_TIME_H

#include <stdint.h>

/*
 * Microseconds, as sd-event and Varlink replies have them: a span, or a point in time since 1970.
 * Nothing below the daemon reads a clock; whatever needs the time takes it as a parameter.
 */
typedef uint64_t usec_t;

#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_PER_MSEC ((usec_t)1000)

/* A point in time for people, "2026-11-22 18:00:00 UTC", without its part of a second; or "an
 * unknown time", of one that no calendar has. */
#define UTC_TEXT_MAX 64
const char *utc_print(usec_t time, char text[static UTC_TEXT_MAX]);

/* Reads what utc_print() wrote at the beginning of a text, and returns what stands behind it; NULL
 * when there is none. */
const char *utc_read(const char *text, usec_t *ret_time);

#endif
