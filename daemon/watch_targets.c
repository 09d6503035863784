/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watch_targets.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void targets_done(target_list *list)
{
	ARRAY_FOREACH (t, list)
		free(t->path);
	ARRAY_DONE(list);
}

static struct looks looks_of(const struct stat *st)
{
	return (struct looks){
	        .exists = true,
	        .device = st->st_dev,
	        .inode = st->st_ino,
	        .size = st->st_size,
	        .modified = st->st_mtim,
	        .changed = st->st_ctim,
	};
}

static struct looks look_at(const char *path)
{
	struct stat st;
	return stat(path, &st) < 0 ? (struct looks){} : looks_of(&st);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_looks(const struct looks *a, const struct looks *b)
{
	return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && same_time(&a->modified, &b->modified) &&
	       same_time(&a->changed, &b->changed);
}

static const struct target *find_target(const target_list *list, const char *path,
                                        enum trail_end end)
{
	ARRAY_FOREACH (t, list)
		if (t->end == end && strcmp(t->path, path) == 0)
			return t;
	return NULL;
}

int targets_add(target_list *list, const target_list *before, const char *const *paths,
                size_t count, enum trail_end end)
{
	for (size_t i = 0; i < count; i++) {
		if (find_target(list, paths[i], end))
			continue;
		_cleanup_free_ char *path = strdup(paths[i]);
		struct target *target = path ? ARRAY_ADD(list) : NULL;
		if (!target)
			return -ENOMEM;
		const struct target *old = find_target(before, path, end);
		target->looks = old ? old->looks : look_at(path);
		target->end = end;
		target->path = TAKE_POINTER(path);
	}
	return 0;
}

void targets_look(target_list *list)
{
	ARRAY_FOREACH (t, list)
		t->looks = look_at(t->path);
}

bool targets_differ(const target_list *list)
{
	ARRAY_FOREACH (t, list) {
		struct looks looks = look_at(t->path);
		if (!same_looks(&looks, &t->looks))
			return true;
	}
	return false;
}

/* True for a file that is as it was when it was read. */
static bool is_unchanged(const struct target *target, const char *const *files,
                         const struct stat *states, size_t count)
{
	for (size_t i = 0; target->end == TRAIL_FILE && i < count; i++) {
		if (strcmp(files[i], target->path) != 0)
			continue;
		struct looks then = looks_of(&states[i]), now = look_at(target->path);
		return same_looks(&then, &now);
	}
	return false;
}

bool targets_are(const target_list *list, const char *const *files, const struct stat *states,
                 size_t count)
{
	ARRAY_FOREACH (target, list)
		if (!is_unchanged(target, files, states, count))
			return false;
	return true;
}
