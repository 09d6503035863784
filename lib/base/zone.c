/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/zone.h"

#include <time.h>

#define STEP  ((time_t)7 * 24 * 3600) /* shorter than any summer or winter time */
#define STEPS 53

/* Else it is Greenwich. */
static int offset_at(time_t seconds)
{
	struct tm tm = {};
	return localtime_r(&seconds, &tm) ? (int)tm.tm_gmtoff : 0;
}

/* The first second after `before` that has the offset of `after`. */
static time_t find_change(time_t before, time_t after)
{
	int offset = offset_at(after);
	while (after - before > 1) {
		time_t middle = before + (after - before) / 2;
		if (offset_at(middle) == offset)
			after = middle;
		else
			before = middle;
	}
	return after;
}

struct zone zone_here(usec_t now)
{
	time_t after = (time_t)(now / USEC_PER_SEC);
	struct zone zone = {.offset = offset_at(after)};
	zone.before = zone.offset;
	for (unsigned i = 0; i < STEPS && after > STEP; i++, after -= STEP) {
		int offset = offset_at(after - STEP);
		if (offset == zone.offset)
			continue;
		zone.before = offset;
		zone.since = (usec_t)find_change(after - STEP, after) * USEC_PER_SEC;
		break;
	}
	return zone;
}
