/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trail.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as path_resolution(7) has it */

/* Where we are, a directory without links in its path, and what is still to be gone. */
struct trail {
	char at[PATH_MAX];
	char rest[PATH_MAX];
	unsigned links;
};

static bool is_directory(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int print_path(char path[static PATH_MAX], const char *directory, const char *name)
{
	const char *slash = strcmp(directory, "/") == 0 ? "" : "/";
	int n = snprintf(path, PATH_MAX, "%s%s%s", directory, slash, name);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Takes the next name off the rest; false when there is none. */
static bool take_name(struct trail *trail, char name[static NAME_MAX + 1], int *ret_error)
{
	for (;;) {
		const char *from = trail->rest + strspn(trail->rest, "/");
		size_t length = strcspn(from, "/");
		if (!length)
			return false;
		if (length > NAME_MAX) {
			*ret_error = -ENAMETOOLONG;
			return false;
		}
		memcpy(name, from, length);
		name[length] = '\0';
		from += length;
		memmove(trail->rest, from, strlen(from) + 1);
		if (strcmp(name, ".") != 0)
			return true;
	}
}

static bool has_rest(const struct trail *trail)
{
	return trail->rest[strspn(trail->rest, "/")];
}

/* Puts what a link says in front of the rest. */
static int follow_link(struct trail *trail, const char *target)
{
	if (++trail->links > LINKS_MAX)
		return -ELOOP;
	char rest[PATH_MAX];
	int n = snprintf(rest, sizeof(rest), "%s/%s", target, trail->rest);
	if (n < 0 || n >= (int)sizeof(rest))
		return -ENAMETOOLONG;
	strcpy(trail->rest, rest);
	if (target[0] == '/')
		strcpy(trail->at, "/");
	return 0;
}

int trail_follow(const char *path, enum trail_end end, trail_step step, void *userdata)
{
	struct trail trail = {};
	if (strlen(path) >= sizeof(trail.rest))
		return -ENAMETOOLONG;
	strcpy(trail.rest, path);
	strcpy(trail.at, path[0] == '/' ? "/" : ".");

	for (;;) {
		char name[NAME_MAX + 1], here[PATH_MAX], target[PATH_MAX];
		int r = 0;
		if (!take_name(&trail, name, &r)) {
			if (r == 0 && end == TRAIL_DIRECTORY)
				r = step(trail.at, NULL, userdata);
			return r;
		}
		r = print_path(here, trail.at, name);
		if (r < 0)
			return r;

		bool passes = end == TRAIL_DIRECTORY || has_rest(&trail);
		if (passes && is_directory(here)) {
			strcpy(trail.at, here);
			continue;
		}

		r = step(trail.at, name, userdata);
		if (r < 0)
			return r;

		ssize_t n = readlink(here, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			r = follow_link(&trail, target);
			if (r < 0)
				return r;
		} else if (passes && is_directory(here)) {
			/* It came between the two looks. */
			strcpy(trail.at, here);
		} else {
			return 0;
		}
	}
}
