/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/parser_room.h"

#include "base/room.h"

/*
 * What libconfig allocates, by its source: for each setting config_setting_t, its name and its
 * string, and for one that holds others the list of them, which grows by 16 pointers at a time; a
 * copy of the text; and what it collects a string in. Two bytes of text make a setting at most.
 */
#define BYTES_FIXED   ((size_t)64 * 1024)
#define BYTES_TEXT    4   /* a byte of text: the copy, and names and strings */
#define BYTES_SETTING 320 /* with a list of its own */

#define COUNTED_FROM ((size_t)256 * 1024) /* below it is not worth while to count settings */

static size_t count_settings(const char *text, size_t length)
{
	size_t count = 1;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		count += c == ',' || c == '=' || c == ':' || c == '(' || c == '[' || c == '{';
	}
	return count;
}

bool room_to_parse(const char *text, size_t length)
{
	size_t settings = length < COUNTED_FROM ? length / 2 + 1 : count_settings(text, length);
	return room_for(BYTES_FIXED + length * BYTES_TEXT + settings * BYTES_SETTING);
}
