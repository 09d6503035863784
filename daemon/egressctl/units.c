/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units.h"

#include "base/array.h"

#include <stdio.h>
#include <string.h>

/* Divides by the base until it fits; the units stand behind what is left, the first one plain. */
static const char *scale(int64_t value, int64_t base, const char *const *units, size_t count,
                         char *buffer)
{
	if (value < 0)
		value = 0;
	size_t unit = 0;
	int64_t rest = 0;
	while (value >= base && unit + 1 < count) {
		rest = value % base;
		value /= base;
		unit++;
	}
	if (unit && value < 10)
		snprintf(buffer, UNIT_TEXT_MAX, "%lld.%lld%s", (long long)value,
		         (long long)(rest * 10 / base), units[unit]);
	else
		snprintf(buffer, UNIT_TEXT_MAX, "%lld%s", (long long)value, units[unit]);
	return buffer;
}

const char *count_print(int64_t count, char buffer[static UNIT_TEXT_MAX])
{
	static const char *const units[] = {"", "k", "M", "G", "T"};
	return scale(count, 1000, units, ELEMENTS_OF(units), buffer);
}

const char *bytes_print(int64_t bytes, char buffer[static UNIT_TEXT_MAX])
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
	return scale(bytes, 1024, units, ELEMENTS_OF(units), buffer);
}

const char *ago_print(int64_t time_usec, usec_t now, char buffer[static UNIT_TEXT_MAX])
{
	usec_t then = time_usec > 0 ? (usec_t)time_usec : 0;
	unsigned long long seconds = then < now ? (now - then) / USEC_PER_SEC : 0;
	if (!then)
		snprintf(buffer, UNIT_TEXT_MAX, "never");
	else if (seconds == 0)
		snprintf(buffer, UNIT_TEXT_MAX, "just now");
	else if (seconds < 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%llu s ago", seconds);
	else if (seconds < 60 * 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%llu min ago", seconds / 60);
	else if (seconds < 48 * 60 * 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%llu h ago", seconds / 3600);
	else
		snprintf(buffer, UNIT_TEXT_MAX, "%llu days ago", seconds / 86400);
	return buffer;
}

const char *time_print(int64_t time_usec, char buffer[static UNIT_TEXT_MAX])
{
	if (time_usec <= 0)
		snprintf(buffer, UNIT_TEXT_MAX, "never");
	else
		local_time_print((usec_t)time_usec, buffer);
	return buffer;
}

const char *when_print(int64_t time_usec, usec_t now, char buffer[static WHEN_TEXT_MAX])
{
	char time[UNIT_TEXT_MAX], ago[UNIT_TEXT_MAX];
	time_print(time_usec, time);
	if (time_usec <= 0)
		snprintf(buffer, WHEN_TEXT_MAX, "%s", time);
	else
		snprintf(buffer, WHEN_TEXT_MAX, "%s (%s)", time, ago_print(time_usec, now, ago));
	return buffer;
}

const char *left_print(int64_t until_usec, usec_t now, char buffer[static UNIT_TEXT_MAX])
{
	usec_t until = until_usec > 0 ? (usec_t)until_usec : 0;
	unsigned long long seconds = until > now ? (until - now) / USEC_PER_SEC : 0;
	if (!until)
		snprintf(buffer, UNIT_TEXT_MAX, "never");
	else if (until <= now)
		snprintf(buffer, UNIT_TEXT_MAX, "now");
	else if (seconds < 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%llu s", seconds);
	else if (seconds < 60 * 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%llu min", seconds / 60);
	else if (seconds < 48 * 60 * 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%llu h %llu min", seconds / 3600,
		         seconds / 60 % 60);
	else
		snprintf(buffer, UNIT_TEXT_MAX, "%llu days %llu h", seconds / 86400,
		         seconds / 3600 % 24);
	return buffer;
}

const char *plural(int64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}
