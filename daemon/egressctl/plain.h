/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_PLAIN_H
#define EGRESSCTL_PLAIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Text that is safe on a terminal. What the daemon tells comes from packets and files that others
 * wrote: escape sequences, other control characters, marks that turn the direction of writing and
 * broken UTF-8 each become a '?', and so does whatever a terminal without UTF-8 could not show.
 */

/* A safe copy, from malloc; tabs stay if asked for. NULL without memory. */
char *plain_copy(const char *text, bool utf8, bool keep_tabs);

/* The same for a formatted text. */
char *plain_format(bool utf8, bool keep_tabs, const char *format, va_list arguments)
        __attribute__((format(printf, 3, 0)));

/* How many columns a safe text takes. */
size_t plain_width(const char *text);

/* How many bytes of a safe text fit into that many columns; *ret_width is what they take. */
size_t plain_fit(const char *text, size_t columns, size_t *ret_width);

/* True when the terminal's character set (the locale's) is UTF-8. */
bool plain_is_utf8(void);

#endif
