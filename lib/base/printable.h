/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_PRINTABLE_H
#define EGRESSD_BASE_PRINTABLE_H

#include <stddef.h>

/*
 * Writes a name that a stranger chose so that it may stand in a sentence, cut where the buffer ends
 * (size > 0): as it is when it has nothing but letters, digits and "._:/@+-"; else in quotes, with
 * quotes, backslashes and all that is no printable ASCII as \xNN. Returns the buffer.
 */
const char *printable(const char *name, char *buffer, size_t size);

#endif
