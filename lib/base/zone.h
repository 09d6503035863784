/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_ZONE_H
#define EGRESSD_BASE_ZONE_H

#include "base/time.h"

/*
 * How far local time is from Greenwich, in seconds east of it: now, and before the last change of
 * clocks, as for summer time.
 */
struct zone {
	int offset; /* as tm_gmtoff */
	int before; /* of times before `since` */
	usec_t since;
};

/* The time zone of this process, as localtime_r(3) knows it; changes of the last year only. */
struct zone zone_here(usec_t now);

/* The offset at that time. */
static inline int zone_offset(const struct zone *zone, usec_t time)
{
	return time < zone->since ? zone->before : zone->offset;
}

#endif
