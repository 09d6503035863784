/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/span_word.h"

#include "base/array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct unit {
	const char *name;
	usec_t length;
} units[] = {
        {"d", 24 * 60 * 60 * USEC_PER_SEC},
        {"h", 60 * 60 * USEC_PER_SEC},
        {"m", 60 * USEC_PER_SEC},
        {"s", USEC_PER_SEC},
        {"ms", USEC_PER_MSEC},
};

/* The unit that a text begins with, of those from `first` on; "m" does not hide "ms". */
static const struct unit *find_unit(const char *text, size_t first)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = first; i < ELEMENTS_OF(units); i++)
		if (strlen(units[i].name) == length && strncmp(units[i].name, text, length) == 0)
			return &units[i];
	return NULL;
}

int span_word_parse(const char *text, usec_t *ret_span)
{
	usec_t span = 0;
	size_t first = 0;
	if (!*text)
		return -EINVAL;
	while (*text) {
		uint64_t number = 0;
		size_t digits = strspn(text, "0123456789");
		if (!digits)
			return -EINVAL;
		for (size_t i = 0; i < digits; i++) {
			if (number > SPAN_WORD_MAX)
				return -ERANGE;
			number = number * 10 + (uint64_t)(text[i] - '0');
		}
		const struct unit *unit = find_unit(text + digits, first);
		if (!unit)
			return -EINVAL;
		if (number > SPAN_WORD_MAX / unit->length ||
		    span + number * unit->length > SPAN_WORD_MAX)
			return -ERANGE;
		span += number * unit->length;
		first = (size_t)(unit - units) + 1;
		text += digits + strlen(unit->name);
	}
	*ret_span = span;
	return 0;
}

const char *span_word_print(usec_t span, char buffer[static SPAN_WORD_TEXT_MAX])
{
	size_t n = 0;
	buffer[0] = '\0';
	for (size_t i = 0; i < ELEMENTS_OF(units); i++) {
		usec_t number = span / units[i].length;
		span %= units[i].length;
		if (number)
			n += (size_t)snprintf(buffer + n, SPAN_WORD_TEXT_MAX - n, "%" PRIu64 "%s",
			                      number, units[i].name);
	}
	if (!n)
		snprintf(buffer, SPAN_WORD_TEXT_MAX, "0s");
	return buffer;
}
