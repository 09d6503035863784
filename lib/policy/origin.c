/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/origin.h"

#include "policy/loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void source_paths_done(struct source_paths *paths)
{
	ARRAY_FOREACH (file, &paths->files)
		free(*file);
	ARRAY_DONE(&paths->files);
	ARRAY_DONE(&paths->states);
	ARRAY_FOREACH (directory, &paths->directories)
		free(*directory);
	ARRAY_DONE(&paths->directories);
}

int loader_note_file(struct loader *loader, const char *path)
{
	if (!loader->origin.paths)
		return 0;
	_cleanup_free_ char *copy = strdup(path);
	char **place = copy && ARRAY_ADD(&loader->origin.paths->states)
	                       ? ARRAY_ADD(&loader->origin.paths->files)
	                       : NULL;
	if (!place)
		return -ENOMEM;
	*place = TAKE_POINTER(copy);
	return 0;
}

/* The file that was noted last was read in that state. */
static void note_state(struct loader *loader, const struct stat *status)
{
	struct source_paths *paths = loader->origin.paths;
	if (paths && paths->states.count)
		paths->states.items[paths->states.count - 1] = *status;
}

int loader_note_directory(struct loader *loader, const char *path)
{
	if (!loader->origin.paths)
		return 0;
	ARRAY_FOREACH (known, &loader->origin.paths->directories)
		if (strcmp(*known, path) == 0)
			return 0;
	_cleanup_free_ char *copy = strdup(path);
	char **place = copy ? ARRAY_ADD(&loader->origin.paths->directories) : NULL;
	if (!place)
		return -ENOMEM;
	*place = TAKE_POINTER(copy);
	return 0;
}

/* The next file of the snapshot, which has to be this one. */
static int read_kept(struct loader *loader, const char *path, struct location at,
                     struct source *ret_source)
{
	const struct snapshot *snapshot = loader->origin.snapshot;
	const struct snapshot_file *file = loader->next < snapshot->files.count
	                                           ? &snapshot->files.items[loader->next++]
	                                           : NULL;
	if (!file || strcmp(file->path, path) != 0) {
		problems_add(loader->context.problems, at.line ? at : (struct location){path, 0},
		             "%s: is not where it should be in what was kept", path);
		return SOURCE_REFUSED;
	}
	char *text = malloc(file->length + 2);
	if (!text)
		return -ENOMEM;
	memcpy(text, file->text, file->length);
	text[file->length] = text[file->length + 1] = '\0';
	*ret_source = (struct source){.text = text, .length = file->length, .inode = loader->next};
	return 0;
}

int loader_read(struct loader *loader, const char *path, struct location at,
                struct source *ret_source)
{
	if (loader->origin.snapshot)
		return read_kept(loader, path, at, ret_source);
	int r = source_read(path, at, loader->context.problems, ret_source);
	if (r == 0)
		note_state(loader, &ret_source->status);
	if (r == 0 && loader->origin.copy)
		snapshot_add(loader->origin.copy, path, ret_source->text, ret_source->length);
	return r;
}

int loader_path(struct loader *loader, const char *base, const char *named, const char **ret_path)
{
	const char *slash = strrchr(base, '/');
	int folder = slash && named[0] != '/' ? (int)(slash - base + 1) : 0;
	char *path = arena_printf(loader->context.arena, "%.*s%s", folder, base, named);
	if (!path)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}
