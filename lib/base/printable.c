/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/printable.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-";

const char *printable(const char *name, char *buffer, size_t size)
{
	bool quoted = !*name || name[strspn(name, plain)] != '\0';
	size_t used = 0;

	/* Room for the last quote and the end is kept free; a byte takes four at most. */
	if (quoted && size > 1)
		buffer[used++] = '"';
	for (; *name && used + 4 + 2 <= size; name++) {
		unsigned char c = (unsigned char)*name;
		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			used += (size_t)snprintf(buffer + used, size - used, "\\x%02x", c);
		else
			buffer[used++] = (char)c;
	}
	if (quoted && used + 1 < size)
		buffer[used++] = '"';
	buffer[used] = '\0';
	return buffer;
}
