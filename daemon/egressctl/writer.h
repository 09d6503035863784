/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_WRITER_H
#define EGRESSCTL_WRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Where a verb's answer goes: text for people, fitted to the terminal and safe on it, or JSON for
 * programs. Verbs never print by themselves.
 */
enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_GOOD,
	COLOUR_WARNING,
	COLOUR_BAD,
};

struct writer {
	FILE *out;
	size_t width; /* columns; 80 where there is no terminal */
	bool colour;
	bool utf8;
	bool terminal;
	bool json;
};

/* A writer to a stream, which is borrowed; looks at the terminal behind it, and at NO_COLOR. */
struct writer writer_to(FILE *out, bool json);

/* One line of text, whole, whatever its length. */
void writer_line(const struct writer *writer, enum colour colour, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* A name and what there is to say about it, in as many lines as that takes. */
void writer_field(const struct writer *writer, const char *name, enum colour colour,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* An empty line. */
void writer_gap(const struct writer *writer);

/* JSON over many lines, or all on one. */
void writer_json(const struct writer *writer, const json_t *value, bool one_line);

/* Safe text in colour, without a line's end; for columns.h. */
void writer_text(const struct writer *writer, enum colour colour, const char *safe, size_t bytes);

#endif
