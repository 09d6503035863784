/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LEXICAL_H
#define EGRESSD_POLICY_LEXICAL_H

#include "base/problems.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The words of a configuration text, cut as libconfig's scanner cuts them, with what libconfig
 * would silently get wrong refused on the way: @include, integers that do not fit, strings and
 * comments without an end.
 */
enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_STRING, /* with its quotes */
	TOKEN_NUMBER, /* integers and floats */
	TOKEN_BOOLEAN,
	TOKEN_MARK, /* one of = : , ; { } [ ] ( ) */
};

struct token {
	enum token_kind kind;
	char mark; /* of a TOKEN_MARK, with = for both = and : */
	size_t offset;
	size_t length;
	unsigned line; /* where it begins */
};

/* Start from {.file, .text, .length, .line = 1, .problems}. */
struct lexer {
	const char *file;
	const char *text;
	size_t length;
	size_t offset;
	unsigned line;
	struct problems *problems;
	bool refused; /* a problem was found */
	/* The name that a value here belongs to, for problems; NULL: not known. */
	const char *key;
	size_t key_length;
};

/* The next token. TOKEN_END also where nothing sensible can follow a problem. */
struct token lexer_next(struct lexer *lexer);

#endif
