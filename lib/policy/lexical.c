/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/lexical.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INCLUDE  "@include"
#define TEXT_MAX 32 /* of a number shown in a problem */

/* What a byte may be part of. */
enum {
	DIGIT = 1 << 0,
	HEX = 1 << 1,
	BEGIN = 1 << 2, /* of a name */
	NAME = 1 << 3,
	MARK = 1 << 4,
};

/* A large file is read byte by byte: a look into a table is several times faster than strchr(3). */
static const uint8_t classes[256] = {
        ['0' ... '9'] = DIGIT | HEX | NAME,
        ['A' ... 'F'] = HEX | BEGIN | NAME,
        ['G' ... 'Z'] = BEGIN | NAME,
        ['a' ... 'f'] = HEX | BEGIN | NAME,
        ['g' ... 'z'] = BEGIN | NAME,
        ['*'] = BEGIN | NAME,
        ['-'] = NAME,
        ['_'] = NAME,
        ['='] = MARK,
        [':'] = MARK,
        [','] = MARK,
        [';'] = MARK,
        ['{'] = MARK,
        ['}'] = MARK,
        ['['] = MARK,
        [']'] = MARK,
        ['('] = MARK,
        [')'] = MARK,
};

__attribute__((format(printf, 3, 4))) static void refuse(struct lexer *lexer, unsigned line,
                                                         const char *format, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	problems_add(lexer->problems, (struct location){lexer->file, line}, "%s", text);
	lexer->refused = true;
}

static char peek(const struct lexer *lexer, size_t ahead)
{
	return ahead < lexer->length - lexer->offset ? lexer->text[lexer->offset + ahead] : '\0';
}

static bool is(char c, unsigned class)
{
	return classes[(unsigned char)c] & class;
}

/* How many bytes from there on are of the class; NUL is of none. */
static size_t span(const struct lexer *lexer, size_t ahead, unsigned class)
{
	const char *begin = lexer->text + lexer->offset + ahead, *p = begin;
	const char *end = lexer->text + lexer->length;
	while (p < end && is(*p, class))
		p++;
	return p > begin ? (size_t)(p - begin) : 0;
}

/* Goes past a comment between slash and star; false when it has no end. */
static bool skip_long_comment(struct lexer *lexer)
{
	unsigned begin = lexer->line;
	for (lexer->offset += 2; lexer->offset < lexer->length; lexer->offset++) {
		if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
			lexer->offset += 2;
			return true;
		}
		if (peek(lexer, 0) == '\n')
			lexer->line++;
	}
	refuse(lexer, begin, "the comment that begins here has no end; close it with */");
	return false;
}

/* Goes past the rest of the line where an include in libconfig's way stands. */
static bool skip_include(struct lexer *lexer)
{
	size_t length = strlen(INCLUDE);
	if (lexer->length - lexer->offset < length ||
	    memcmp(lexer->text + lexer->offset, INCLUDE, length) != 0)
		return false;

	refuse(lexer, lexer->line, INCLUDE " is not understood; use include = [ ... ]");
	while (lexer->offset < lexer->length && peek(lexer, 0) != '\n')
		lexer->offset++;
	return true;
}

/* Goes past white space and comments; false when a comment has no end. */
static bool skip_space(struct lexer *lexer)
{
	while (lexer->offset < lexer->length) {
		char c = peek(lexer, 0);
		if (c == '\n') {
			lexer->line++;
			lexer->offset++;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
			lexer->offset++;
		} else if (c == '#' || (c == '/' && peek(lexer, 1) == '/')) {
			while (lexer->offset < lexer->length && peek(lexer, 0) != '\n')
				lexer->offset++;
		} else if (c == '/' && peek(lexer, 1) == '*') {
			if (!skip_long_comment(lexer))
				return false;
		} else if (!skip_include(lexer)) {
			return true;
		}
	}
	return true;
}

/*
 * The length of the string that begins here, 0 when it has no end. libconfig would let it run over
 * lines, and so turn a forgotten quote into a problem somewhere else.
 */
static size_t string_length(struct lexer *lexer)
{
	for (size_t n = 1; n < lexer->length - lexer->offset; n++) {
		char c = peek(lexer, n);
		if (c == '"')
			return n + 1;
		if (c == '\n')
			break;
		if (c == '\\' && (peek(lexer, n + 1) == '\\' || peek(lexer, n + 1) == '"'))
			n++;
	}
	refuse(lexer, lexer->line, "the string that begins here has no closing quote in its line");
	return 0;
}

static size_t exponent_length(const struct lexer *lexer, size_t ahead)
{
	if (peek(lexer, ahead) != 'e' && peek(lexer, ahead) != 'E')
		return 0;
	size_t sign = peek(lexer, ahead + 1) == '-' || peek(lexer, ahead + 1) == '+';
	size_t digits = span(lexer, ahead + 1 + sign, DIGIT);
	return digits ? 1 + sign + digits : 0;
}

static size_t suffix_length(const struct lexer *lexer, size_t ahead)
{
	if (peek(lexer, ahead) != 'L')
		return 0;
	return peek(lexer, ahead + 1) == 'L' ? 2 : 1;
}

/* libconfig 1.5 cuts larger integers down to 32 bits: 4294967739 would be read as 443. */
static void check_integer(struct lexer *lexer, size_t length, size_t begin, size_t end,
                          unsigned base)
{
	uint64_t value = 0;
	for (size_t i = begin; i < end && value <= INT32_MAX; i++) {
		char c = peek(lexer, i);
		unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
		value = value * base + digit;
	}
	if (value > INT32_MAX || (value && peek(lexer, 0) == '-'))
		refuse(lexer, lexer->line,
		       "the number %.*s%s%s%.*s%s is out of range; it must be 0 to %d",
		       length > TEXT_MAX ? TEXT_MAX : (int)length, lexer->text + lexer->offset,
		       length > TEXT_MAX ? "..." : "", lexer->key ? " of \"" : "",
		       lexer->key_length > TEXT_MAX ? TEXT_MAX : (int)lexer->key_length,
		       lexer->key ? lexer->key : "", lexer->key ? "\"" : "", INT32_MAX);
}

/* The length of the number that begins here, 0 when none does. */
static size_t number_length(struct lexer *lexer)
{
	size_t hex =
	        peek(lexer, 0) == '0' && (peek(lexer, 1) | 0x20) == 'x' ? span(lexer, 2, HEX) : 0;
	if (hex) {
		size_t length = 2 + hex + suffix_length(lexer, 2 + hex);
		check_integer(lexer, length, 2, 2 + hex, 16);
		return length;
	}

	size_t sign = peek(lexer, 0) == '-' || peek(lexer, 0) == '+';
	size_t end = sign + span(lexer, sign, DIGIT);
	if (peek(lexer, end) == '.') {
		end += 1 + span(lexer, end + 1, DIGIT);
		return end + exponent_length(lexer, end);
	}
	if (end == sign)
		return 0;
	if (exponent_length(lexer, end))
		return end + exponent_length(lexer, end);
	size_t length = end + suffix_length(lexer, end);
	check_integer(lexer, length, sign, end, 10);
	return length;
}

static bool is_boolean(const char *text, size_t length)
{
	return (length == 4 && strncasecmp(text, "true", 4) == 0) ||
	       (length == 5 && strncasecmp(text, "false", 5) == 0);
}

/* A byte with which nothing begins. */
static void refuse_byte(struct lexer *lexer)
{
	unsigned char c = (unsigned char)peek(lexer, 0);
	if (c > ' ' && c < 0x7f)
		refuse(lexer, lexer->line, "\"%c\" means nothing here", c);
	else
		refuse(lexer, lexer->line, "the byte 0x%02x means nothing here", c);
}

/* Takes the token of that length out of the text. */
static struct token take(struct lexer *lexer, enum token_kind kind, size_t length)
{
	struct token token = {
	        .kind = kind,
	        .offset = lexer->offset,
	        .length = length,
	        .line = lexer->line,
	};
	lexer->offset += length;
	return token;
}

static struct token end(struct lexer *lexer)
{
	lexer->offset = lexer->length;
	return take(lexer, TOKEN_END, 0);
}

struct token lexer_next(struct lexer *lexer)
{
	if (!skip_space(lexer) || lexer->offset >= lexer->length)
		return end(lexer);

	char c = peek(lexer, 0);
	if (c == '"') {
		size_t length = string_length(lexer);
		if (!length)
			return end(lexer);
		return take(lexer, TOKEN_STRING, length);
	}
	if (is(c, BEGIN)) {
		size_t length = span(lexer, 0, NAME);
		return take(lexer,
		            is_boolean(lexer->text + lexer->offset, length) ? TOKEN_BOOLEAN
		                                                            : TOKEN_NAME,
		            length);
	}
	if (is(c, MARK)) {
		struct token token = take(lexer, TOKEN_MARK, 1);
		token.mark = c == ':' ? '=' : c;
		return token;
	}
	size_t length = number_length(lexer);
	if (length)
		return take(lexer, TOKEN_NUMBER, length);
	refuse_byte(lexer);
	return end(lexer);
}
