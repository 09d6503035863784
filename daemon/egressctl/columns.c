/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "columns.h"

#include "plain.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP         2 /* columns of the terminal between two of the table */
#define WIDTH_LEAST 8

void columns_init(struct columns *columns, const struct writer *writer, const struct column *list)
{
	*columns = (struct columns){.writer = writer, .list = list};
	columns->limit = writer->terminal ? writer->width : SIZE_MAX;
	while (list[columns->count].title)
		columns->count++;
	assert(columns->count <= COLUMNS_MAX);
}

void columns_fit(struct columns *columns)
{
	columns->limit = columns->writer->width;
}

static void add_cell(struct columns *columns, char *safe, enum colour colour, bool across)
{
	struct cell *cell = safe ? ARRAY_ADD(&columns->cells) : NULL;
	if (cell) {
		*cell = (struct cell){.text = safe, .colour = colour, .across = across};
		return;
	}
	free(safe);
	columns->incomplete = true;
}

void columns_add(struct columns *columns, enum colour colour, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add_cell(columns, plain_format(columns->writer->utf8, false, format, arguments), colour,
	         false);
	va_end(arguments);
}

void columns_keep(struct columns *columns, size_t keep)
{
	if (columns->cells.count)
		columns->cells.items[columns->cells.count - 1].keep = keep;
}

void columns_add_across(struct columns *columns, enum colour colour, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add_cell(columns, plain_format(columns->writer->utf8, false, format, arguments), colour,
	         true);
	va_end(arguments);
	for (size_t i = 1; i < columns->count; i++)
		add_cell(columns, strdup(""), COLOUR_NONE, false);
}

static const char *ellipsis_of(const struct writer *writer)
{
	return writer->utf8 ? "…" : "...";
}

/* A width of 0 is a column that is left out. */
static size_t total(const size_t *widths, size_t count)
{
	size_t sum = 0;
	for (size_t i = 0; i < count; i++)
		if (widths[i])
			sum += (sum ? GAP : 0) + widths[i];
	return sum;
}

/* Takes width away from the widest column that still has any to give; false when none has. */
static bool narrow(const struct columns *columns, size_t *widths, const size_t *least)
{
	size_t *widest = NULL;
	for (size_t i = 0; i < columns->count; i++)
		if (columns->list[i].yield == YIELD_FIRST && widths[i] > least[i] &&
		    (!widest || widths[i] > *widest))
			widest = &widths[i];
	if (!widest)
		return false;
	(*widest)--;
	return true;
}

/* Leaves the rightmost column out that may be; false when there is none. */
static bool leave_out(const struct columns *columns, size_t *widths)
{
	for (size_t i = columns->count; i-- > 0;) {
		if (columns->list[i].yield == YIELD_AWAY && widths[i]) {
			widths[i] = 0;
			return true;
		}
	}
	return false;
}

static void measure(const struct columns *columns, size_t widths[static COLUMNS_MAX])
{
	size_t whole[COLUMNS_MAX] = {}, least[COLUMNS_MAX],
	       dots = plain_width(ellipsis_of(columns->writer));
	for (size_t i = 0; i < columns->count; i++) {
		whole[i] = strlen(columns->list[i].title);
		least[i] = whole[i] > WIDTH_LEAST ? whole[i] : WIDTH_LEAST;
	}
	for (size_t i = 0; i < columns->cells.count; i++) {
		const struct cell *cell = &columns->cells.items[i];
		size_t column = i % columns->count, width = plain_width(cell->text);
		size_t keep = cell->keep < width ? cell->keep + dots : width;
		if (cell->across)
			continue;
		if (width > whole[column])
			whole[column] = width;
		if (cell->keep && keep > least[column])
			least[column] = keep;
	}

	do {
		memcpy(widths, whole, sizeof(whole));
		while (total(widths, columns->count) > columns->limit)
			if (!narrow(columns, widths, least))
				break;
	} while (total(widths, columns->count) > columns->limit && leave_out(columns, whole));
}

static void print_cell(const struct columns *columns, const size_t *widths, size_t column,
                       enum colour colour, const char *text)
{
	const struct writer *writer = columns->writer;
	const char *ellipsis = ellipsis_of(writer);
	size_t width = widths[column], dots = plain_width(ellipsis);
	size_t taken = plain_width(text), bytes = strlen(text);
	bool cut = taken > width, right = columns->list[column].right, last = true;
	if (!width)
		return;
	if (cut) {
		bytes = plain_fit(text, width - dots, &taken);
		taken += dots;
	}
	for (size_t i = column + 1; i < columns->count; i++)
		if (widths[i])
			last = false;

	int padding = (int)(width - taken);
	fprintf(writer->out, "%*s", right ? padding : 0, "");
	writer_text(writer, colour, text, bytes);
	fprintf(writer->out, "%s%*s", cut ? ellipsis : "", right || last ? 0 : padding, "");
	fprintf(writer->out, "%*s", last ? 0 : GAP, "");
}

static void print_across(const struct columns *columns, const struct cell *cell)
{
	const char *ellipsis = ellipsis_of(columns->writer);
	size_t bytes = strlen(cell->text), width;
	bool cut = plain_width(cell->text) > columns->limit;
	if (cut)
		bytes = plain_fit(cell->text, columns->limit - plain_width(ellipsis), &width);
	writer_text(columns->writer, cell->colour, cell->text, bytes);
	fprintf(columns->writer->out, "%s\n", cut ? ellipsis : "");
}

void columns_print(const struct columns *columns)
{
	size_t widths[COLUMNS_MAX];
	measure(columns, widths);

	for (size_t i = 0; i < columns->count; i++)
		print_cell(columns, widths, i, COLOUR_BOLD, columns->list[i].title);
	fputc('\n', columns->writer->out);
	for (size_t i = 0; i < columns->cells.count; i++) {
		size_t column = i % columns->count;
		const struct cell *cell = &columns->cells.items[i];
		if (cell->across) {
			print_across(columns, cell);
			i += columns->count - 1;
			continue;
		}
		print_cell(columns, widths, column, cell->colour, cell->text);
		if (column + 1 == columns->count)
			fputc('\n', columns->writer->out);
	}
	if (columns->incomplete)
		fputs("(out of memory)\n", columns->writer->out);
}

void columns_done(struct columns *columns)
{
	ARRAY_FOREACH (cell, &columns->cells)
		free(cell->text);
	ARRAY_DONE(&columns->cells);
}
