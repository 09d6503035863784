/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "restoration.h"

#include "base/problems.h"
#include "policy/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_NEW  0644
#define ASIDE_MAX 1000 /* names of one file and second */

void restoration_done(struct restoration *restoration)
{
	ARRAY_FOREACH (file, &restoration->files) {
		if (file->draft)
			(void)unlink(file->draft);
		free(file->draft);
		free(file->path);
		free(file->aside);
	}
	ARRAY_DONE(&restoration->files);
	free(restoration->failed);
	*restoration = (struct restoration){};
}

static int fail(struct restoration *restoration, const char *path, int error)
{
	free(restoration->failed);
	restoration->failed = strdup(path);
	return error;
}

/* The length of the folder in front of the last "/", which is included; 0: there is none. */
static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash + 1 - path) : 0;
}

static bool climbs(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (at[2] == '/' || !at[2]))
			return true;
	return false;
}

/*
 * Where a file of the snapshot belongs now: in the folder of the configuration as it was in that of
 * the snapshot's main file. *ret_path is from malloc; NULL: outside of that folder.
 */
static int place_of(const struct snapshot *snapshot, const char *config, const char *path,
                    char **ret_path)
{
	const char *main_file = snapshot->files.items[0].path;
	size_t then = folder_length(main_file), now = folder_length(config);
	*ret_path = NULL;
	if (path == main_file) {
		*ret_path = strdup(config);
	} else if (strncmp(path, main_file, then) != 0 || climbs(path + then) ||
	           path[then] == '/') {
		return 0;
	} else if (asprintf(ret_path, "%.*s%s", (int)now, config, path + then) < 0) {
		*ret_path = NULL;
	}
	return *ret_path ? 0 : -ENOMEM;
}

/* A link of the administrator's stays, and the file that it leads to is written. */
static int follow_link(char **path)
{
	char *real = realpath(*path, NULL);
	if (!real)
		return errno == ENOENT ? 0 : -errno;
	free(*path);
	*path = real;
	return 0;
}

static bool has_text(const char *path, const struct snapshot_file *wanted)
{
	_cleanup_free_ char *text = malloc(wanted->length + 1);
	FILE *in = text ? fopen(path, "re") : NULL;
	if (!in)
		return false;
	/* One byte more shows that the file is longer. */
	bool same = fread(text, 1, wanted->length + 1, in) == wanted->length && !ferror(in) &&
	            memcmp(text, wanted->text, wanted->length) == 0;
	fclose(in);
	return same;
}

/* The folder of a file, if that alone is missing, as an empty roles.d that was removed. */
static int make_folder(const char *path)
{
	_cleanup_free_ char *folder = strndup(path, folder_length(path));
	if (!folder)
		return -ENOMEM;
	return !*folder || mkdir(folder, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* Writes the text beside its place, with the owner and mode of the file that is there. */
static int write_draft(struct restored_file *file, const struct snapshot_file *wanted)
{
	struct stat st = {.st_mode = MODE_NEW};
	size_t folder = folder_length(file->path);
	int r = make_folder(file->path);
	if (r < 0)
		return r;
	if (asprintf(&file->draft, "%.*s.%s.%d.new", (int)folder, file->path, file->path + folder,
	             (int)getpid()) < 0) {
		file->draft = NULL;
		return -ENOMEM;
	}
	bool there = stat(file->path, &st) == 0;
	_cleanup_close_ int fd = open(file->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < wanted->length;) {
		ssize_t n = write(fd, wanted->text + done, wanted->length - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if ((there && fchown(fd, st.st_uid, st.st_gid) < 0) ||
	    fchmod(fd, st.st_mode & ALLPERMS & (mode_t) ~(S_IWGRP | S_IWOTH)) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* What is to be done about one file of the snapshot; writes its draft. */
static int prepare(struct restoration *restoration, const struct snapshot *snapshot,
                   const struct snapshot_file *wanted, const char *config)
{
	struct restored_file *file = ARRAY_ADD(&restoration->files);
	if (!file)
		return -ENOMEM;
	*file = (struct restored_file){.what = RESTORED_SAME};
	int r = place_of(snapshot, config, wanted->path, &file->path);
	if (r == 0 && !file->path) {
		file->what = has_text(wanted->path, wanted) ? RESTORED_SAME : RESTORED_OUTSIDE;
		file->path = strdup(wanted->path);
		return file->path ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = follow_link(&file->path);
	if (r < 0)
		return fail(restoration, wanted->path, r);
	if (has_text(file->path, wanted))
		return 0;
	file->what = RESTORED_WRITTEN;
	r = write_draft(file, wanted);
	return r < 0 ? fail(restoration, file->path, r) : 0;
}

/* A name that is free: what an earlier run moved aside within the same second stays. */
static int name_aside(struct restored_file *file, const char *stamp)
{
	struct stat st;
	for (unsigned n = 1; n <= ASIDE_MAX; n++) {
		char number[16] = "";
		if (n > 1)
			snprintf(number, sizeof(number), ".%u", n);
		if (asprintf(&file->aside, "%s.%s%s.old", file->path, stamp, number) < 0) {
			file->aside = NULL;
			return -ENOMEM;
		}
		if (lstat(file->aside, &st) < 0)
			return errno == ENOENT ? 0 : -errno;
		free(file->aside);
		file->aside = NULL;
	}
	return -EEXIST;
}

/* Puts a draft in place; the file that is there keeps its text under another name. */
static int put(struct restored_file *file, const char *stamp)
{
	struct stat st;
	if (lstat(file->path, &st) == 0) {
		int r = name_aside(file, stamp);
		if (r < 0)
			return r;
		/* A second name leaves no moment without a file; a directory cannot have one. */
		if (link(file->path, file->aside) < 0 && rename(file->path, file->aside) < 0)
			return -errno;
	}
	if (rename(file->draft, file->path) < 0)
		return -errno;
	free(file->draft);
	file->draft = NULL;
	return 0;
}

static bool is_restored(const struct restoration *restoration, const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	ARRAY_FOREACH (file, &restoration->files)
		if (strcmp(file->path, path) == 0 || (real && strcmp(file->path, real) == 0))
			return true;
	return false;
}

/* Files that a pattern of the restored configuration matches, and that the snapshot lacks. */
static int move_others(struct restoration *restoration, const char *config, const char *stamp)
{
	struct source_paths paths = {};
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load(config, &paths, &problems, &policy);
	policy_free(policy);
	problems_done(&problems);
	r = r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < paths.files.count; i++) {
		const char *path = paths.files.items[i];
		if (access(path, F_OK) < 0 || is_restored(restoration, path))
			continue;
		struct restored_file *file = ARRAY_ADD(&restoration->files);
		if (!file) {
			r = -ENOMEM;
			break;
		}
		*file = (struct restored_file){.path = strdup(path), .what = RESTORED_ASIDE};
		r = file->path ? name_aside(file, stamp) : -ENOMEM;
		if (r == 0 && rename(file->path, file->aside) < 0)
			r = fail(restoration, path, -errno);
	}
	source_paths_done(&paths);
	return r;
}

int restoration_make(struct restoration *restoration, const struct snapshot *snapshot,
                     const char *config, const char *stamp)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < snapshot->files.count; i++)
		r = prepare(restoration, snapshot, &snapshot->files.items[i], config);
	for (size_t i = 0; r == 0 && i < restoration->files.count; i++) {
		struct restored_file *file = &restoration->files.items[i];
		if (file->what != RESTORED_WRITTEN)
			continue;
		r = put(file, stamp);
		if (r < 0)
			fail(restoration, file->path, r);
	}
	/* A file outside that differs may name files of the folder: whether they are others, nobody
	 * knows. */
	ARRAY_FOREACH (file, &restoration->files)
		if (file->what == RESTORED_OUTSIDE)
			return r;
	return r < 0 ? r : move_others(restoration, config, stamp);
}
