/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "local_time.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *local_time_print(usec_t time, char buffer[static LOCAL_TIME_TEXT_MAX])
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm tm;
	if (!localtime_r(&seconds, &tm) ||
	    !strftime(buffer, LOCAL_TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S %Z", &tm))
		snprintf(buffer, LOCAL_TIME_TEXT_MAX, "@%lld", (long long)seconds);
	return buffer;
}

char *local_times(char *text)
{
	_cleanup_free_ char *given = text, *local = NULL;
	size_t size;
	char time[LOCAL_TIME_TEXT_MAX];
	if (!text || !strstr(text, " UTC"))
		return TAKE_POINTER(given);

	FILE *out = open_memstream(&local, &size);
	if (!out)
		return NULL;
	for (const char *rest = text; *rest;) {
		usec_t found;
		bool begins = isdigit((unsigned char)*rest) &&
		              (rest == text || !isdigit((unsigned char)rest[-1]));
		const char *behind = begins ? utc_read(rest, &found) : NULL;
		if (behind)
			fputs(local_time_print(found, time), out);
		else
			fputc(*rest, out);
		rest = behind ? behind : rest + 1;
	}
	if (fclose(out) != 0)
		return NULL;
	return TAKE_POINTER(local);
}
