/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_PIECES_H
#define EGRESSD_POLICY_PIECES_H

#include "base/array.h"

#include <stddef.h>

/*
 * Inside the room: a long list of groups, cut between its groups. The tree that libconfig makes of
 * a text takes fifteen times its memory; made of one piece after the other it stays small.
 *
 * Where a piece ends depends on the text just before, if there is such a place within its size: so
 * pieces behind one that became longer or shorter are the same as before (content-defined chunking,
 * Muthitacharoen et al., SOSP 2001).
 */
#define PIECE_BYTES_LEAST ((size_t)32 * 1024)
#define PIECE_BYTES_MOST  ((size_t)128 * 1024) /* it ends at the first comma behind so many */

struct piece {
	size_t begin;  /* in the text, behind a comma or behind the list's opening parenthesis */
	size_t end;    /* of the comma or the parenthesis that ends it */
	unsigned line; /* at begin */
};

/* Start from {.name}. */
struct pieces {
	const char *name; /* of the setting whose list may be cut */
	ARRAY(struct piece) list;
};

/* The list opens in front of begin. 0 or -ENOMEM. */
int pieces_open(struct pieces *pieces, size_t begin, unsigned line);

/* A comma of the text between two groups of it, in that line; behind it a piece may begin. 0 or
 * -ENOMEM. */
int pieces_comma(struct pieces *pieces, const char *text, size_t comma, unsigned line);

/* The parenthesis that closes it. */
void pieces_close(struct pieces *pieces, size_t end);

/*
 * A text of its own that libconfig can read, ended by NUL, to be freed by the caller; NULL without
 * memory. pieces_frame(): the file with nothing of the list but its first piece, every line where
 * it was. pieces_text(): the list with nothing but that piece, whose line 1 is piece->line.
 */
char *pieces_frame(const struct pieces *pieces, const char *text, size_t length);
char *pieces_text(const struct pieces *pieces, const char *text, const struct piece *piece);

void pieces_done(struct pieces *pieces);

#endif
