/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_SYNTAX_H
#define EGRESSD_POLICY_SYNTAX_H

#include "base/problems.h"

#include <stddef.h>

#define SYNTAX_REFUSED 1 /* problems say why */

/*
 * Holds a text to the grammar of libconfig 1.5 before libconfig sees it. libconfig says no more
 * than "syntax error", loses memory on the way out, and has the traps named in lexical.h.
 *
 * text has length bytes and one more to write to. It comes back ended by a newline, without which
 * libconfig takes a comment in the last line for an error, and with a mark that follows a string
 * moved next to it, because libconfig gives such a string the line of the mark.
 *
 * 0; SYNTAX_REFUSED; or -ENOMEM.
 */
int syntax_check(const char *file, char *text, size_t length, struct problems *problems);

#endif
