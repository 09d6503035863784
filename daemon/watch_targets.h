/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_WATCH_TARGETS_H
#define EGRESSD_WATCH_TARGETS_H

#include "base/array.h"
#include "trail.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

/* What is watched, and how it looked when it was last looked at. */

/* What stat(2) says that changes with a file. */
struct looks {
	bool exists;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

/* One path that is watched. */
struct target {
	char *path;
	enum trail_end end;
	struct looks looks;
};

/* Start from {}. */
typedef ARRAY(struct target) target_list;
void targets_done(target_list *list);

/*
 * Adds paths, which are copied, unless they are there already. One that is in the list before keeps
 * the looks it had there: a change since then is still to be told. 0 or -ENOMEM.
 */
int targets_add(target_list *list, const target_list *before, const char *const *paths,
                size_t count, enum trail_end end);

/* Looks at all of them, and notes how they look. */
void targets_look(target_list *list);

/* Looks at all of them: true when one looks otherwise than was noted. */
bool targets_differ(const target_list *list);

/*
 * Looks at all of them: true when each is one of these files, and still in the state that is given
 * for it.
 */
bool targets_are(const target_list *list, const char *const *files, const struct stat *states,
                 size_t count);

#endif
