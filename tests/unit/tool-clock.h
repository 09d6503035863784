/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_UNIT_TOOL_CLOCK_H
#define EGRESSD_TESTS_UNIT_TOOL_CLOCK_H

#include "base/time.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* When and where the tool's reader is: now, and a second so many before it. */
#define NOW             ((usec_t)1795356131 * USEC_PER_SEC) /* 2026-11-22 14:02:11 UTC */
#define AT(seconds_ago) (1795356131LL - (seconds_ago))

/* Puts the reader in UTC, before a terminal that shows UTF-8; false when there is none such. */
static inline bool place_reader(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	return setlocale(LC_ALL, "C.UTF-8");
}

#endif
