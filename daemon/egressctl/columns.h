/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_COLUMNS_H
#define EGRESSCTL_COLUMNS_H

#include "base/array.h"
#include "writer.h"

#include <stdbool.h>
#include <stddef.h>

#define COLUMNS_MAX 10

/* What gives way when a table is too wide: the columns that say so are cut first, to a width that
 * is still of use, the widest of them at a time; then some are left out, the rightmost first. A
 * table whose other columns are too wide even so is wider than the terminal. */
enum yield {
	YIELD_NEVER,
	YIELD_AWAY,
	YIELD_FIRST,
};

struct column {
	const char *title; /* NULL ends the list */
	bool right;        /* numbers */
	enum yield yield;
};

struct cell {
	char *text;
	size_t keep; /* columns of it that are never cut */
	enum colour colour;
	bool across; /* takes the whole row */
};

/* A table of text: rows under titles, fitted to the width of the terminal; what is cut ends with an
 * ellipsis. Without a terminal everything is shown whole. Start with columns_init(). */
struct columns {
	const struct writer *writer;
	const struct column *list;
	size_t count;
	size_t limit;             /* to this width */
	ARRAY(struct cell) cells; /* row after row */
	bool incomplete;          /* memory ran out */
};

/* The list of columns and the writer are borrowed. */
void columns_init(struct columns *columns, const struct writer *writer, const struct column *list);

/* Fits the table to the writer's width, terminal or not. */
void columns_fit(struct columns *columns);

/* The next cell, from left to right, row after row; the text is copied and made safe. */
void columns_add(struct columns *columns, enum colour colour, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Says that so many columns of the cell that was added last must not be cut. */
void columns_keep(struct columns *columns, size_t keep);

/* A row that is one text from side to side, where a new row begins. */
void columns_add_across(struct columns *columns, enum colour colour, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Prints titles and rows. */
void columns_print(const struct columns *columns);

/* Releases the cells. */
void columns_done(struct columns *columns);

#endif
