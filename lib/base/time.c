/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

#define FORMAT "%Y-%m-%d %H:%M:%S UTC"

const char *utc_print(usec_t time, char text[static UTC_TEXT_MAX])
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || !strftime(text, UTC_TEXT_MAX, FORMAT, &tm))
		snprintf(text, UTC_TEXT_MAX, "an unknown time");
	return text;
}

const char *utc_read(const char *text, usec_t *ret_time)
{
	struct tm tm = {};
	const char *rest = strptime(text, FORMAT, &tm);
	time_t seconds = rest ? timegm(&tm) : -1;
	if (seconds < 0)
		return NULL;
	*ret_time = (usec_t)seconds * USEC_PER_SEC;
	return rest;
}
