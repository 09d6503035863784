/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plain.h"

#include "base/cleanup.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Reads one character of UTF-8 (RFC 3629); its length, or 0 when it is none. */
static size_t decode(const char *text, uint32_t *ret_character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)text;
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (length == 0 || p[0] > 0xf4)
		return 0;
	if (length == 1) {
		*ret_character = p[0];
		return 1;
	}

	uint32_t character = p[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80) /* the NUL at the end as well */
			return 0;
		character = character << 6 | (p[i] & 0x3fu);
	}
	if (character < least[length] || character > 0x10ffff ||
	    (character >= 0xd800 && character < 0xe000))
		return 0;
	*ret_character = character;
	return length;
}

/* Controls (C0, DEL, C1), and what is invisible or turns the direction of writing. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x061c ||
	       c == 0xad || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000;
}

static size_t width_of(uint32_t character)
{
	int width = wcwidth((wchar_t)character);
	return width < 0 ? 1 : (size_t)width;
}

char *plain_copy(const char *text, bool utf8, bool keep_tabs)
{
	char *copy = malloc(strlen(text) + 1);
	if (!copy)
		return NULL;

	char *out = copy;
	while (*text) {
		uint32_t character = 0;
		size_t length = decode(text, &character);
		bool good = length &&
		            (!is_harmful(character) || (keep_tabs && character == '\t')) &&
		            (length == 1 || utf8);
		if (good)
			memcpy(out, text, length);
		else
			*out = '?';
		out += good ? length : 1;
		text += length ? length : 1;
	}
	*out = '\0';
	return copy;
}

char *plain_format(bool utf8, bool keep_tabs, const char *format, va_list arguments)
{
	_cleanup_free_ char *text = NULL;
	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL; /* undefined after a failure */
		return NULL;
	}
	return plain_copy(text, utf8, keep_tabs);
}

size_t plain_fit(const char *text, size_t columns, size_t *ret_width)
{
	size_t bytes = 0, width = 0;
	while (text[bytes]) {
		uint32_t character = '?';
		size_t length = decode(text + bytes, &character);
		size_t more = width_of(character);
		if (width + more > columns)
			break;
		width += more;
		bytes += length ? length : 1;
	}
	*ret_width = width;
	return bytes;
}

size_t plain_width(const char *text)
{
	size_t width;
	plain_fit(text, SIZE_MAX, &width);
	return width;
}

bool plain_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
