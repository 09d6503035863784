/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRAIL_H
#define EGRESSD_TRAIL_H

/*
 * The directories on which it depends what a path leads to: each one that names a symbolic link on
 * the way, and the one that names what is at its end.
 */

enum trail_end {
	TRAIL_FILE,      /* the end is a name in a directory */
	TRAIL_DIRECTORY, /* the end is a directory with all names in it */
};

/*
 * One step: what `name` in `directory` is decides where the path leads. name is NULL for all names
 * in it. Both are borrowed until the step returns. 0, or a negative errno to stop.
 */
typedef int (*trail_step)(const char *directory, const char *name, void *userdata);

/*
 * Follows a path. Each step is reported before the link is read, so whoever begins to watch the
 * directory there misses no change. Where something on the way is missing, the last step is the
 * nearest directory that exists and the name that it lacks.
 *
 * 0; what a step returned; -ELOOP for more than 40 links, -ENAMETOOLONG.
 */
int trail_follow(const char *path, enum trail_end end, trail_step step, void *userdata);

#endif
