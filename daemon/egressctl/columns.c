/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "columns.h"

#include "base/cleanup.h"
#include "plain.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP         2 /* columns of the terminal between two of the table */
#define WIDTH_LEAST 10

void columns_init(struct columns *columns, const struct writer *writer, const struct column *list)
{
	*columns = (struct columns){.writer = writer, .list = list};
	while (list[columns->count].title)
		columns->count++;
	assert(columns->count <= COLUMNS_MAX);
}

void columns_add(struct columns *columns, enum colour colour, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *safe = plain_format(columns->writer->utf8, false, format, arguments);
	va_end(arguments);
	struct cell *cell = safe ? ARRAY_ADD(&columns->cells) : NULL;
	if (!cell) {
		columns->incomplete = true;
		return;
	}
	*cell = (struct cell){TAKE_POINTER(safe), colour};
}

static size_t total(const size_t *widths, size_t count)
{
	size_t sum = GAP * (count - 1);
	for (size_t i = 0; i < count; i++)
		sum += widths[i];
	return sum;
}

/* Takes width away from columns that yield so, the widest first; false when none has any left. */
static bool narrow(const struct columns *columns, size_t *widths, enum yield yield)
{
	size_t *widest = NULL;
	for (size_t i = 0; i < columns->count; i++)
		if (columns->list[i].yield == yield && widths[i] > WIDTH_LEAST &&
		    (!widest || widths[i] > *widest))
			widest = &widths[i];
	if (!widest)
		return false;
	(*widest)--;
	return true;
}

static void measure(const struct columns *columns, size_t *widths)
{
	for (size_t i = 0; i < columns->count; i++)
		widths[i] = strlen(columns->list[i].title);
	for (size_t i = 0; i < columns->cells.count; i++) {
		size_t width = plain_width(columns->cells.items[i].text);
		if (width > widths[i % columns->count])
			widths[i % columns->count] = width;
	}

	while (total(widths, columns->count) > columns->writer->width)
		if (!narrow(columns, widths, YIELD_FIRST) && !narrow(columns, widths, YIELD_LAST))
			break;
}

static void print_cell(const struct columns *columns, size_t column, size_t width,
                       enum colour colour, const char *text)
{
	const struct writer *writer = columns->writer;
	const char *ellipsis = writer->utf8 ? "…" : "...";
	size_t dots = writer->utf8 ? 1 : 3;
	size_t taken = plain_width(text), bytes = strlen(text);
	bool cut = taken > width;
	if (cut) {
		bytes = plain_fit(text, width - dots, &taken);
		taken += dots;
	}

	bool right = columns->list[column].right, last = column + 1 == columns->count;
	int padding = (int)(width - taken);
	fprintf(writer->out, "%*s", right ? padding : 0, "");
	writer_text(writer, colour, text, bytes);
	fprintf(writer->out, "%s%*s", cut ? ellipsis : "", right || last ? 0 : padding, "");
	fprintf(writer->out, "%*s", last ? 0 : GAP, "");
}

void columns_print(const struct columns *columns)
{
	size_t widths[COLUMNS_MAX];
	measure(columns, widths);

	for (size_t i = 0; i < columns->count; i++)
		print_cell(columns, i, widths[i], COLOUR_BOLD, columns->list[i].title);
	fputc('\n', columns->writer->out);
	for (size_t i = 0; i < columns->cells.count; i++) {
		size_t column = i % columns->count;
		const struct cell *cell = &columns->cells.items[i];
		print_cell(columns, column, widths[column], cell->colour, cell->text);
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
