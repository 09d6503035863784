/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer.h"

#include "base/cleanup.h"
#include "local_time.h"
#include "plain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     40
#define FIELD_WIDTH   12 /* columns of a field's name with the space behind it */

struct writer writer_to(FILE *out, bool json)
{
	const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org */
	int fd = fileno(out);
	struct winsize size = {};
	bool terminal = fd >= 0 && isatty(fd);
	if (terminal && ioctl(fd, TIOCGWINSZ, &size) < 0)
		size.ws_col = 0;

	return (struct writer){
	        .out = out,
	        .width = !size.ws_col ? WIDTH_DEFAULT
	                              : (size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col),
	        .colour = terminal && !(no_colour && *no_colour),
	        .utf8 = plain_is_utf8(),
	        .terminal = terminal,
	        .json = json,
	};
}

static const char *colour_start(enum colour colour)
{
	switch (colour) {
	case COLOUR_NONE:
		return "";
	case COLOUR_BOLD:
		return "\033[1m";
	case COLOUR_GOOD:
		return "\033[32m";
	case COLOUR_WARNING:
		return "\033[33m";
	case COLOUR_BAD:
		return "\033[31m";
	}
	abort(); /* no other value is ever made */
}

void writer_text(const struct writer *writer, enum colour colour, const char *safe, size_t bytes)
{
	bool coloured = writer->colour && colour != COLOUR_NONE;
	fprintf(writer->out, "%s%.*s%s", coloured ? colour_start(colour) : "", (int)bytes, safe,
	        coloured ? "\033[0m" : "");
}

static void out_of_memory(const struct writer *writer)
{
	fputs("(out of memory)\n", writer->out);
}

void writer_line(const struct writer *writer, enum colour colour, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *safe =
	        local_times(plain_format(writer->utf8, true, format, arguments));
	va_end(arguments);
	if (!safe) {
		out_of_memory(writer);
		return;
	}
	writer_text(writer, colour, safe, strlen(safe));
	fputc('\n', writer->out);
}

/* How many bytes go on a line of that many columns: whole words, or else as much as fits. */
static size_t break_line(const char *text, size_t columns)
{
	size_t width;
	size_t fits = plain_fit(text, columns, &width);
	if (!text[fits] || text[fits] == ' ')
		return fits;
	for (size_t i = fits; i > 0; i--)
		if (text[i - 1] == ' ')
			return i - 1;
	return fits ? fits : 1;
}

void writer_field(const struct writer *writer, const char *name, enum colour colour,
                  const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *safe =
	        local_times(plain_format(writer->utf8, true, format, arguments));
	va_end(arguments);
	if (!safe) {
		out_of_memory(writer);
		return;
	}

	const char *rest = safe;
	do {
		size_t bytes = break_line(rest, writer->width - FIELD_WIDTH);
		fprintf(writer->out, "%-*s", FIELD_WIDTH, name);
		writer_text(writer, colour, rest, bytes);
		fputc('\n', writer->out);
		rest += bytes + strspn(rest + bytes, " ");
		name = "";
	} while (*rest);
}

void writer_gap(const struct writer *writer)
{
	fputc('\n', writer->out);
}

void writer_json(const struct writer *writer, const json_t *value, bool one_line)
{
	/* All in ASCII, so that it is as safe on a terminal as the text. */
	size_t flags = JSON_ENSURE_ASCII | (one_line ? (size_t)JSON_COMPACT : JSON_INDENT(2));
	json_dumpf(value, writer->out, flags);
	fputc('\n', writer->out);
}
