/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/pieces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDING 64 /* bytes before a comma: mostly enough to tell one group from others */

int pieces_open(struct pieces *pieces, size_t begin, unsigned line)
{
	struct piece *piece = ARRAY_ADD(&pieces->list);
	if (!piece)
		return -ENOMEM;
	*piece = (struct piece){begin, begin, line};
	return 0;
}

/* True before one comma in 256, by what stands there: about twenty kilobytes apart. */
static bool is_good_end(const char *end)
{
	unsigned hash = 0;
	for (const char *p = end - ENDING; p < end; p++)
		hash = hash * 31 + (unsigned char)*p;
	return (hash ^ hash >> 16) % 256 == 0;
}

int pieces_comma(struct pieces *pieces, const char *text, size_t comma, unsigned line)
{
	struct piece *last = &pieces->list.items[pieces->list.count - 1];
	size_t length = comma - last->begin;
	if (length < PIECE_BYTES_LEAST || (length < PIECE_BYTES_MOST && !is_good_end(text + comma)))
		return 0;
	last->end = comma;
	return pieces_open(pieces, comma + 1, line);
}

void pieces_close(struct pieces *pieces, size_t end)
{
	pieces->list.items[pieces->list.count - 1].end = end;
}

char *pieces_frame(const struct pieces *pieces, const char *text, size_t length)
{
	const char *cut = text + pieces->list.items[0].end;
	const char *rest = text + pieces->list.items[pieces->list.count - 1].end;
	const char *end = text + length;

	size_t lines = 0;
	for (const char *p = cut; (p = memchr(p, '\n', (size_t)(rest - p))); p++)
		lines++;

	char *frame = malloc((size_t)(cut - text) + lines + (size_t)(end - rest) + 1);
	if (!frame)
		return NULL;
	char *to = mempcpy(frame, text, (size_t)(cut - text));
	to = (char *)memset(to, '\n', lines) + lines;
	to = mempcpy(to, rest, (size_t)(end - rest));
	*to = '\0';
	return frame;
}

char *pieces_text(const struct pieces *pieces, const char *text, const struct piece *piece)
{
	size_t name = strlen(pieces->name), length = piece->end - piece->begin;
	char *whole = malloc(name + length + sizeof("=();\n"));
	if (!whole)
		return NULL;
	char *to = mempcpy(whole, pieces->name, name);
	to = mempcpy(to, "=(", 2);
	to = mempcpy(to, text + piece->begin, length);
	strcpy(to, ");\n");
	return whole;
}

void pieces_done(struct pieces *pieces)
{
	ARRAY_DONE(&pieces->list);
}
