/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_SYNTAX_H
#define EGRESSD_POLICY_SYNTAX_H

#include "base/problems.h"
#include "policy/pieces.h"

#include <stddef.h>

#define SYNTAX_REFUSED 1 /* problems say why */

/*
 * Holds a text to the grammar of libconfig 1.5 before libconfig sees it. libconfig says no more
 * than "syntax error", loses memory on the way out, and has the traps named in lexical.h.
 *
 * text has *length bytes and two more to write to. It comes back as libconfig reads it fastest:
 * ended by NUL, without spaces and comments, and every token in the line where it was, but for a
 * mark that follows a string. That one stands next to it, because libconfig gives such a string
 * the line of the mark. The list called pieces->name at the top of the file is cut to pieces on
 * the way; pieces stays empty without it.
 *
 * 0; SYNTAX_REFUSED; or -ENOMEM.
 */
int syntax_check(const char *file, char *text, size_t *length, struct problems *problems,
                 struct pieces *pieces);

#endif
