/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_UNITS_H
#define EGRESSCTL_UNITS_H

#include "base/time.h"
#include "local_time.h"

#include <stddef.h>
#include <stdint.h>

#define UNIT_TEXT_MAX LOCAL_TIME_TEXT_MAX
#define WHEN_TEXT_MAX (2 * UNIT_TEXT_MAX)

/* Numbers for people; each writes into buffer and returns it. Digits are dropped, never rounded up,
 * so that none says more than there was. Numbers below zero are shown as 0. */

/* "999", "1.2k", "34k", "5.6M". */
const char *count_print(int64_t count, char buffer[static UNIT_TEXT_MAX]);

/* "999 B", "1.2 KiB", "34 MiB". */
const char *bytes_print(int64_t bytes, char buffer[static UNIT_TEXT_MAX]);

/* "just now", "12 s ago", "3 min ago", "5 h ago", "2 days ago"; "never" for 0. */
const char *ago_print(int64_t time_usec, usec_t now, char buffer[static UNIT_TEXT_MAX]);

/* "2026-11-22 14:02:11 CET", local time; "never" for 0. */
const char *time_print(int64_t time_usec, char buffer[static UNIT_TEXT_MAX]);

/* "2026-11-22 14:02:11 CET (3 min ago)". */
const char *when_print(int64_t time_usec, usec_t now, char buffer[static WHEN_TEXT_MAX]);

/* How long it is until then: "12 s", "3 min", "1 h 59 min", "2 days 5 h"; "never" for 0, and "now"
 * for what is past. */
const char *left_print(int64_t until_usec, usec_t now, char buffer[static UNIT_TEXT_MAX]);

/* "host" or "hosts": the word for that many. */
const char *plural(int64_t count, const char *one, const char *many);

#endif
