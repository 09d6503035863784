/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/syntax.h"

#include "base/array.h"
#include "policy/lexical.h"
#include "policy/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 16 /* ours needs six levels */
#define SMALL_MAX   8  /* names in a small group */
#define SHOWN_MAX   24 /* bytes of a token shown in a problem */

enum expectation {
	WANT_NAME,   /* of a setting, or the end of the group */
	WANT_ASSIGN, /* = after the name */
	WANT_VALUE,  /* after = or a comma */
	WANT_FIRST,  /* a value, or the end of an empty list */
	WANT_COMMA,  /* a comma, or the end of the list */
	WANT_STOP,   /* a semicolon, which may be missing, then as WANT_NAME */
};

/* An open { [ or (; the lowest one is the file itself and has none. */
struct level {
	char open;
	unsigned line;
	size_t first_name; /* in names, of this group */
};

struct name {
	const char *text;
	size_t length;
	unsigned line;
};

struct parser {
	struct lexer lexer;
	char *text;
	size_t written; /* bytes at its start that hold nothing but tokens and line ends now */
	unsigned line;  /* there */
	enum expectation want;
	struct level levels[NESTING_MAX];
	size_t depth;             /* index of the innermost level */
	ARRAY(struct name) names; /* of all open groups, outermost first */
	struct token last;
	struct pieces *pieces;
	bool cutting;  /* the list that is cut to pieces is open */
	bool repeated; /* a name stands twice in a group */
	bool refused;  /* the grammar is broken; only lexical problems are still looked for */
};

__attribute__((format(printf, 3, 4))) static int refuse(struct parser *parser, unsigned line,
                                                        const char *format, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	problems_add(parser->lexer.problems, (struct location){parser->lexer.file, line}, "%s",
	             text);
	parser->refused = true;
	return SYNTAX_REFUSED;
}

/* The token as a problem shows it. */
static const char *shown(const struct parser *parser, const struct token *token,
                         char buffer[static SHOWN_MAX + 8])
{
	const char *text = parser->text + token->offset;
	bool cut = token->length > SHOWN_MAX;
	const char *quote = token->kind == TOKEN_STRING ? "" : "\"";
	snprintf(buffer, SHOWN_MAX + 8, "%s%.*s%s%s", quote, cut ? SHOWN_MAX : (int)token->length,
	         text, cut ? "..." : "", quote);
	return buffer;
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	size_t n = x->length < y->length ? x->length : y->length;
	int c = memcmp(x->text, y->text, n);
	if (c)
		return c;
	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return x->text < y->text ? -1 : 1; /* as they stand in the file */
}

/* The quick answer for small groups, of which there are many; false: not found out. */
static bool are_distinct(const struct name *names, size_t count)
{
	if (count > SMALL_MAX)
		return false;
	for (size_t i = 1; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (names[i].length == names[j].length &&
			    memcmp(names[i].text, names[j].text, names[i].length) == 0)
				return false;
	return true;
}

/* Names stand once in a group. The group that ends takes its names along. */
static void check_names(struct parser *parser)
{
	size_t first = parser->levels[parser->depth].first_name;
	size_t count = parser->names.count - first;
	if (!count)
		return;

	struct name *names = parser->names.items + first;
	parser->names.count = first;
	if (are_distinct(names, count))
		return;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1, original = 0; i < count; i++) {
		const struct name *a = &names[original], *b = &names[i];
		if (a->length != b->length || memcmp(a->text, b->text, a->length) != 0) {
			original = i;
			continue;
		}
		problems_add(parser->lexer.problems, (struct location){parser->lexer.file, b->line},
		             "\"%.*s\" is already defined in the same group at %s:%u",
		             (int)b->length, b->text, parser->lexer.file, a->line);
		parser->repeated = true;
	}
}

static char closing_of(char open)
{
	return open == '{' ? '}' : open == '[' ? ']' : ')';
}

/* Whether the list that opens is the one at the top of the file that is cut. */
static bool is_cut(const struct parser *parser, const struct token *token)
{
	if (parser->depth || token->mark != '(')
		return false;
	const struct name *name = &parser->names.items[parser->names.count - 1];
	return name->length == strlen(parser->pieces->name) &&
	       memcmp(name->text, parser->pieces->name, name->length) == 0 &&
	       !parser->pieces->list.count;
}

static int open_level(struct parser *parser, const struct token *token)
{
	if (parser->levels[parser->depth].open == '[')
		return refuse(parser, token->line,
		              "a list in [ ] holds plain values only; write it with ( ) to have "
		              "groups in it");
	if (parser->depth + 1 >= NESTING_MAX)
		return refuse(parser, token->line, "\"%c\" is nested too deep", token->mark);
	if (is_cut(parser, token)) {
		int r = pieces_open(parser->pieces, token->offset + 1, token->line);
		if (r < 0)
			return r;
		parser->cutting = true;
	}

	parser->levels[++parser->depth] = (struct level){
	        .open = token->mark,
	        .line = token->line,
	        .first_name = parser->names.count,
	};
	parser->want = token->mark == '{' ? WANT_NAME : WANT_FIRST;
	return 0;
}

/* What follows a value depends on what it stands in. */
static void value_done(struct parser *parser)
{
	char open = parser->levels[parser->depth].open;
	parser->want = open == '\0' || open == '{' ? WANT_STOP : WANT_COMMA;
}

static int close_level(struct parser *parser, const struct token *token)
{
	const struct level *level = &parser->levels[parser->depth];
	if (!level->open)
		return refuse(parser, token->line, "\"%c\" closes nothing", token->mark);
	if (closing_of(level->open) != token->mark)
		return refuse(parser, token->line,
		              "\"%c\" cannot close the \"%c\" of line %u; \"%c\" is missing before",
		              token->mark, level->open, level->line, closing_of(level->open));
	if (level->open == '{')
		check_names(parser);
	if (--parser->depth == 0 && parser->cutting) {
		parser->cutting = false;
		pieces_close(parser->pieces, token->offset);
	}
	value_done(parser);
	return 0;
}

static bool is_mark(const struct token *token, const char *marks)
{
	if (token->kind != TOKEN_MARK)
		return false;
	while (*marks && *marks != token->mark)
		marks++;
	return *marks;
}

static bool is_scalar(const struct token *token)
{
	return token->kind == TOKEN_STRING || token->kind == TOKEN_NUMBER ||
	       token->kind == TOKEN_BOOLEAN;
}

static int take_name(struct parser *parser, const struct token *token)
{
	char buffer[SHOWN_MAX + 8];
	if (is_mark(token, "}])"))
		return close_level(parser, token);
	/* As in hosts = { { ... } }. */
	const struct level *level = &parser->levels[parser->depth];
	if (is_mark(token, "{") && is_mark(&parser->last, "{") && level->first_name) {
		const struct name *list = &parser->names.items[level->first_name - 1];
		int length = list->length > SHOWN_MAX ? SHOWN_MAX : (int)list->length;
		return refuse(parser, token->line,
		              "a list of groups stands in ( ): %.*s = ( { ... }, { ... } )", length,
		              list->text);
	}
	if (token->kind != TOKEN_NAME)
		return refuse(parser, token->line,
		              "there must be a name here, as in NAME = ...; found %s",
		              shown(parser, token, buffer));

	struct name *name = ARRAY_ADD(&parser->names);
	if (!name)
		return -ENOMEM;
	*name = (struct name){parser->text + token->offset, token->length, token->line};
	parser->want = WANT_ASSIGN;
	return 0;
}

static int take_value(struct parser *parser, const struct token *token)
{
	char before[SHOWN_MAX + 8], buffer[SHOWN_MAX + 8];
	if (is_scalar(token)) {
		value_done(parser);
		return 0;
	}
	if (is_mark(token, "{[("))
		return open_level(parser, token);
	if (is_mark(token, "}])") && is_mark(&parser->last, ","))
		return refuse(parser, parser->last.line, "no comma may stand before \"%c\"",
		              token->mark);
	if (token->kind == TOKEN_NAME)
		return refuse(parser, token->line,
		              "there must be a value here; write \"%.*s\" in quotes",
		              token->length > SHOWN_MAX ? SHOWN_MAX : (int)token->length,
		              parser->text + token->offset);
	return refuse(parser, token->line, "there must be a value between %s and %s",
	              shown(parser, &parser->last, before), shown(parser, token, buffer));
}

static int take_comma(struct parser *parser, const struct token *token)
{
	char buffer[SHOWN_MAX + 8];
	if (is_mark(token, "}])"))
		return close_level(parser, token);
	if (!is_mark(token, ",")) {
		const struct level *level = &parser->levels[parser->depth];
		return refuse(parser, token->line,
		              "there must be a comma before %s, or \"%c\" to close the \"%c\" of "
		              "line %u",
		              shown(parser, token, buffer), closing_of(level->open), level->open,
		              level->line);
	}
	parser->want = WANT_VALUE;
	/* Only behind groups, since a mark behind a string does not stand in its own line. */
	if (parser->cutting && parser->depth == 1 && is_mark(&parser->last, "}"))
		return pieces_comma(parser->pieces, parser->text, token->offset, token->line);
	return 0;
}

static int take(struct parser *parser, const struct token *token)
{
	char before[SHOWN_MAX + 8], buffer[SHOWN_MAX + 8];
	switch (parser->want) {
	case WANT_NAME:
		return take_name(parser, token);
	case WANT_ASSIGN:
		if (!is_mark(token, "="))
			return refuse(parser, token->line, "there must be \"=\" between %s and %s",
			              shown(parser, &parser->last, before),
			              shown(parser, token, buffer));
		parser->want = WANT_VALUE;
		return 0;
	case WANT_VALUE:
		return take_value(parser, token);
	case WANT_FIRST:
		if (is_mark(token, "}])"))
			return close_level(parser, token);
		return take_value(parser, token);
	case WANT_COMMA:
		return take_comma(parser, token);
	case WANT_STOP:
		if (is_scalar(token) || is_mark(token, "{[(="))
			return refuse(parser, token->line, "there must be \";\" before %s",
			              shown(parser, token, buffer));
		parser->want = WANT_NAME;
		return is_mark(token, ";,") ? 0 : take_name(parser, token);
	}
	abort(); /* no other value is ever made */
}

static void write_lines(struct parser *parser, unsigned line)
{
	memset(parser->text + parser->written, '\n', line - parser->line);
	parser->written += line - parser->line;
	parser->line = line;
}

/*
 * Moves the token to what was written of the text already, into its own line, unless it is a mark
 * next to a string.
 */
static void write_token(struct parser *parser, struct token *token)
{
	const struct token *last = &parser->last;
	bool near = last->kind == TOKEN_STRING && is_mark(token, ",;}])");
	if (!near && token->line > parser->line)
		write_lines(parser, token->line);
	else if (token->kind != TOKEN_MARK && last->kind != TOKEN_MARK &&
	         parser->written < token->offset)
		parser->text[parser->written++] = ' ';
	memmove(parser->text + parser->written, parser->text + token->offset, token->length);
	token->offset = parser->written;
	parser->written += token->length;
}

static int check_end(struct parser *parser, unsigned line)
{
	const struct level *level = &parser->levels[parser->depth];
	char buffer[SHOWN_MAX + 8];
	if (level->open)
		return refuse(parser, level->line, "the \"%c\" that opens here is never closed",
		              level->open);
	check_names(parser);
	if (parser->last.kind == TOKEN_END)
		return refuse(parser, 0,
		              "the file is empty: there is nothing but white space and comments");
	if (parser->want == WANT_ASSIGN || parser->want == WANT_VALUE)
		return refuse(parser, line, "the file ends after %s, where a value should follow",
		              shown(parser, &parser->last, buffer));
	return 0;
}

/* libconfig takes a NUL for the end of the text. */
static int check_bytes(struct parser *parser, size_t length)
{
	if (starts_with_mark(parser->text, length))
		return refuse(parser, 1, BYTE_ORDER_MARK_TEXT);
	const char *nul = memchr(parser->text, '\0', length);
	if (!nul)
		return 0;
	unsigned line = 1;
	for (const char *p = parser->text; p < nul; p++)
		line += *p == '\n';
	return refuse(parser, line, "there is a NUL byte here; the file must be plain text");
}

/* Problems with the next value are told with its name. */
static void name_value(struct parser *parser)
{
	const struct name *name = parser->refused || !parser->names.count
	                                  ? NULL
	                                  : &parser->names.items[parser->names.count - 1];
	parser->lexer.key = name ? name->text : NULL;
	parser->lexer.key_length = name ? name->length : 0;
}

static int parse(struct parser *parser)
{
	parser->last.kind = TOKEN_END;
	for (;;) {
		name_value(parser);
		struct token token = lexer_next(&parser->lexer);
		bool broken = parser->refused || parser->lexer.refused;
		if (token.kind == TOKEN_END)
			return broken ? SYNTAX_REFUSED : check_end(parser, token.line);
		if (parser->refused)
			continue;
		write_token(parser, &token);
		int r = take(parser, &token);
		if (r < 0)
			return r;
		parser->last = token;
	}
}

int syntax_check(const char *file, char *text, size_t *length, struct problems *problems,
                 struct pieces *pieces)
{
	struct parser parser = {
	        .lexer = {.file = file,
	                  .text = text,
	                  .length = *length,
	                  .line = 1,
	                  .problems = problems},
	        .text = text,
	        .line = 1,
	        .pieces = pieces,
	};
	int r = check_bytes(&parser, *length);
	if (!r)
		r = parse(&parser);
	ARRAY_DONE(&parser.names);
	if (r)
		return r;
	text[parser.written++] = '\n';
	text[parser.written] = '\0';
	*length = parser.written;
	return parser.repeated ? SYNTAX_REFUSED : 0;
}
