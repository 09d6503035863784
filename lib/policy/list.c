/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/list.h"

#include "policy/range_word.h"

#include <errno.h>
#include <string.h>

#define WORD_MAX 128 /* longer than any range */

/* Narrows *begin..*end to the word between the spaces of a line, comment cut off. */
static void trim(const char **begin, const char **end)
{
	for (const char *p = *begin; p < *end; p++)
		if (*p == '#' || *p == ';')
			*end = p;
	while (*begin < *end && strchr(" \t\r\f\v", **begin) && **begin)
		(*begin)++;
	while (*begin < *end && strchr(" \t\r\f\v", (*end)[-1]) && (*end)[-1])
		(*end)--;
}

static int read_line(const char *begin, const char *end, struct location at,
                     struct problems *problems, range_array *ranges)
{
	trim(&begin, &end);
	size_t length = (size_t)(end - begin);
	if (!length)
		return 0;
	if (memchr(begin, '\0', length)) {
		problems_add(problems, at, "there is a NUL byte here; the file must be plain text");
		return 0;
	}

	char word[WORD_MAX];
	if (length >= sizeof(word))
		length = sizeof(word) - 1;
	memcpy(word, begin, length);
	word[length] = '\0';

	struct address_range range;
	if (range_parse(word, &range) != RANGE_OK && strpbrk(word, ", \t")) {
		problems_add(problems, at,
		             "\"%s\": there must be one address, prefix or range a line", word);
		return 0;
	}
	if (!range_word_parse(word, at, problems, &range))
		return 0;
	struct address_range *place = ARRAY_ADD(ranges);
	if (!place)
		return -ENOMEM;
	*place = range;
	return 0;
}

int list_read(const char *file, const struct source *source, struct problems *problems,
              range_array *ranges)
{
	struct location at = {file, 1};
	const char *end = source->text + source->length;
	if (starts_with_mark(source->text, source->length)) {
		problems_add(problems, at, BYTE_ORDER_MARK_TEXT);
		return 0;
	}
	for (const char *line = source->text; line < end; at.line++) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			stop = end;
		int r = read_line(line, stop, at, problems, ranges);
		if (r < 0)
			return r;
		line = stop < end ? stop + 1 : end;
	}
	return 0;
}
