/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "since.h"

#include "base/array.h"
#include "duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* So long ago; what is longer than any span is before everything. */
static int parse_span(const char *text, usec_t now, usec_t *ret_time)
{
	int64_t seconds;
	int r = duration_parse(text, &seconds);
	if (r < 0 && r != -ERANGE)
		return r;
	usec_t span = r < 0 ? now : (usec_t)seconds * USEC_PER_SEC;
	*ret_time = span < now ? now - span : 0;
	return 0;
}

static int from_local(struct tm tm, usec_t *ret_time)
{
	struct tm given = tm;
	tm.tm_isdst = -1;
	time_t seconds = mktime(&tm);
	/* mktime() turns February 31st into a day of March. */
	if (seconds < 0 || tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon)
		return -EINVAL;
	*ret_time = (usec_t)seconds * USEC_PER_SEC;
	return 0;
}

int since_parse(const char *text, usec_t now, usec_t *ret_time)
{
	static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d",
	                                      "%H:%M:%S", "%H:%M"};
	time_t seconds = (time_t)(now / USEC_PER_SEC);
	struct tm midnight;
	if (!localtime_r(&seconds, &midnight))
		return -EINVAL;
	midnight.tm_hour = midnight.tm_min = midnight.tm_sec = 0;

	if (strcmp(text, "today") == 0)
		return from_local(midnight, ret_time);
	if (strcmp(text, "yesterday") == 0) {
		/* By way of noon: a day is not always 24 hours long. */
		midnight.tm_hour = 12;
		midnight.tm_mday--;
		midnight.tm_isdst = -1;
		if (mktime(&midnight) < 0)
			return -EINVAL;
		midnight.tm_hour = 0;
		return from_local(midnight, ret_time);
	}
	if (parse_span(text, now, ret_time) == 0)
		return 0;

	for (size_t i = 0; i < ELEMENTS_OF(formats); i++) {
		struct tm tm = midnight;
		const char *end = strptime(text, formats[i], &tm);
		if (end && !*end)
			return from_local(tm, ret_time);
	}
	return -EINVAL;
}
