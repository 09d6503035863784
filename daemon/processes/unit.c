/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "processes/unit.h"

#include <stdio.h>
#include <string.h>

static bool ends_in(const char *part, size_t length, const char *suffix)
{
	size_t n = strlen(suffix);
	return length > n && memcmp(part + length - n, suffix, n) == 0;
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The path of a line of systemd's hierarchy; NULL for other lines. */
static const char *path_of(const char *line)
{
	static const char *const ours[] = {"0::", ":name=systemd:"};
	if (begins_with(line, ours[0]))
		return line + strlen(ours[0]);
	const char *colon = strchr(line, ':');
	return colon && begins_with(colon, ours[1]) ? colon + strlen(ours[1]) : NULL;
}

/* The first part of the path that is no slice; its length is 0 when there is none. */
static const char *next_unit(const char *path, size_t *ret_length)
{
	for (;;) {
		path += strspn(path, "/");
		*ret_length = strcspn(path, "/\n");
		if (!ends_in(path, *ret_length, ".slice"))
			return path;
		path += *ret_length;
	}
}

static bool is_unit(const char *part, size_t length)
{
	static const char *const kinds[] = {".service", ".scope", ".socket", ".mount", ".swap"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (ends_in(part, length, kinds[i]))
			return true;
	return false;
}

/* systemd puts "_" in front of names that the kernel uses itself in a control group. */
static void unescape(const char **part, size_t *length)
{
	if (*length && **part == '_') {
		++*part;
		--*length;
	}
}

static bool unit_of_path(const char *path, char *buffer, size_t size)
{
	size_t length, own_length = 0;
	const char *unit = next_unit(path, &length), *own = "";
	if (!is_unit(unit, length))
		return false;
	if (begins_with(unit, "user@") && ends_in(unit, length, ".service")) {
		own = next_unit(unit + length, &own_length);
		if (!is_unit(own, own_length))
			own_length = 0;
	}
	unescape(&unit, &length);
	unescape(&own, &own_length);
	snprintf(buffer, size, "%.*s%s%.*s", (int)length, unit, own_length ? "/" : "",
	         (int)own_length, own);
	return true;
}

bool unit_of_cgroups(const char *text, char *buffer, size_t size)
{
	for (const char *line = text; *line;) {
		const char *path = path_of(line);
		if (path && unit_of_path(path, buffer, size))
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}
