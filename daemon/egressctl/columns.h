/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_COLUMNS_H
#define EGRESSCTL_COLUMNS_H

#include "base/array.h"
#include "writer.h"

#include <stdbool.h>
#include <stddef.h>

#define COLUMNS_MAX 10

/* What gives way when a table is too wide: the columns that say so first, to a width that is still
 * of use, the widest of them at a time. */
enum yield {
	YIELD_NEVER,
	YIELD_LAST,
	YIELD_FIRST,
};

struct column {
	const char *title; /* NULL ends the list */
	bool right;        /* numbers */
	enum yield yield;
};

struct cell {
	char *text;
	enum colour colour;
};

/* A table of text: rows under titles, fitted to the width of the terminal; what is cut ends with an
 * ellipsis. Start with columns_init(). */
struct columns {
	const struct writer *writer;
	const struct column *list;
	size_t count;
	ARRAY(struct cell) cells; /* row after row */
	bool incomplete;          /* memory ran out */
};

/* The list of columns and the writer are borrowed. */
void columns_init(struct columns *columns, const struct writer *writer, const struct column *list);

/* The next cell, from left to right, row after row; the text is copied and made safe. */
void columns_add(struct columns *columns, enum colour colour, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Prints titles and rows. */
void columns_print(const struct columns *columns);

/* Releases the cells. */
void columns_done(struct columns *columns);

#endif
