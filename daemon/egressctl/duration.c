/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "duration.h"

#include "base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 9 /* with a week as the largest unit this cannot overflow */

static const struct {
	const char *name;
	int64_t seconds;
} units[] = {
        {"s", 1},         {"sec", 1},        {"second", 1},   {"seconds", 1},  {"m", 60},
        {"min", 60},      {"minute", 60},    {"minutes", 60}, {"h", 3600},     {"hour", 3600},
        {"hours", 3600},  {"d", 86400},      {"day", 86400},  {"days", 86400}, {"w", 604800},
        {"week", 604800}, {"weeks", 604800},
};

static int64_t find_unit(const char *name, size_t length)
{
	for (size_t i = 0; i < ELEMENTS_OF(units); i++)
		if (strlen(units[i].name) == length && strncmp(units[i].name, name, length) == 0)
			return units[i].seconds;
	return 0;
}

/* One number with its unit, which must be smaller than the one before. */
static int parse_part(const char **text, int64_t *smaller_than, int64_t *seconds)
{
	size_t digits = strspn(*text, "0123456789");
	if (digits < 1)
		return -EINVAL;
	if (digits > DIGITS_MAX)
		return -ERANGE;
	int64_t number = strtol(*text, NULL, 10);
	*text += digits;
	*text += strspn(*text, " ");

	size_t letters = strspn(*text, "abcdefghijklmnopqrstuvwxyz");
	int64_t unit = find_unit(*text, letters);
	if (!unit || unit >= *smaller_than)
		return -EINVAL;
	*text += letters;
	*text += strspn(*text, " ");
	*smaller_than = unit;
	*seconds += number * unit;
	return 0;
}

int duration_parse(const char *text, int64_t *ret_seconds)
{
	int64_t seconds = 0, smaller_than = INT64_MAX;

	do {
		int r = parse_part(&text, &smaller_than, &seconds);
		if (r < 0)
			return r;
	} while (*text);
	if (seconds > DURATION_MAX)
		return -ERANGE;
	if (seconds < 1)
		return -EINVAL;
	*ret_seconds = seconds;
	return 0;
}
