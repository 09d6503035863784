/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/include.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <string.h>

#define DEPTH_MAX 16 /* files that include one another in a row */

#define WILDCARDS "*?["

/* True, and reported, when that very file was read before. */
static bool is_repeated(struct loader *loader, const struct source *source, const char *path,
                        struct location at)
{
	ARRAY_FOREACH (known, &loader->visited) {
		if (known->device != source->device || known->inode != source->inode)
			continue;
		if (known->open)
			problems_add(loader->context.problems, at,
			             "%s: is included by itself, or by a file that it includes",
			             path);
		else
			problems_add(loader->context.problems, at,
			             "%s: is already included at %s:%u", path, known->at.file,
			             known->at.line);
		return true;
	}
	return false;
}

/*
 * True for a copy that an editor, a package manager or our own install leaves beside a file. A
 * pattern must not load it, however wide; a file that is named without wildcards is loaded.
 */
static bool is_left_beside(const char *path)
{
	static const char *const endings[] = {
	        "~",         ".new",     ".old",      ".bak",      ".orig",     ".rej",
	        ".swp",      ".tmp",     ".dpkg-new", ".dpkg-old", ".dpkg-tmp", ".dpkg-dist",
	        ".dpkg-bak", ".ucf-new", ".ucf-old",  ".ucf-dist", ".rpmnew",   ".rpmsave",
	        ".rpmorig",  ".pacnew",  ".pacsave",  ".pacorig"};
	size_t length = strlen(path);
	for (size_t i = 0; i < ELEMENTS_OF(endings); i++) {
		size_t ending = strlen(endings[i]);
		if (length >= ending && strcmp(path + length - ending, endings[i]) == 0)
			return true;
	}
	return false;
}

/*
 * The folder in which a pattern is searched: the part before its first wildcard, of which the
 * first base bytes are not the operator's and have none.
 */
static int pattern_folder(struct loader *loader, const char *pattern, size_t base,
                          const char **ret_folder)
{
	size_t plain = base, folder = base > 1 ? base - 1 : base;
	for (; pattern[plain] && !strchr(WILDCARDS, pattern[plain]); plain++)
		if (pattern[plain] == '/')
			folder = plain ? plain : 1;
	char *copy = folder ? arena_strndup(loader->context.arena, pattern, folder)
	                    : arena_strdup(loader->context.arena, ".");
	if (!copy)
		return -ENOMEM;
	*ret_folder = copy;
	return 0;
}

/*
 * glob(3) takes a folder that it may not read for an empty one. 1: it can be searched; 0: not,
 * which is reported unless it is missing; or a negative errno.
 */
static int check_folder(struct loader *loader, const struct word *pattern, const char *folder)
{
	DIR *directory = opendir(folder);
	if (directory) {
		closedir(directory);
		return 1;
	}
	if (is_shortage(errno))
		return -errno;
	if (errno != ENOENT) {
		problems_add(loader->context.problems, pattern->at, "%s: cannot be searched: %s",
		             folder, strerror(errno));
		loader->partial = true;
	}
	return 0;
}

/* A folder that comes into being later, below one that is a pattern, nobody would notice. */
static bool pattern_is_last(struct loader *loader, const struct word *pattern, const char *path,
                            const char *folder)
{
	size_t n = strcmp(folder, ".") == 0 && path[0] != '.' ? 0 : strlen(folder);
	while (path[n] == '/')
		n++;
	if (!strchr(path + n, '/'))
		return true;
	problems_add(loader->context.problems, pattern->at,
	             "\"%s\": a wildcard may stand only behind the last \"/\", as in "
	             "\"roles.d/*.conf\"",
	             pattern->text);
	return false;
}

/* What the pattern names is not for us to escape, but the folder in front of it is. */
static int escape_folder(struct loader *loader, const char *path, size_t folder,
                         const char **ret_pattern)
{
	char *escaped = arena_alloc(loader->context.arena, folder + strlen(path) + 1, 1);
	if (!escaped)
		return -ENOMEM;
	char *to = escaped;
	for (size_t i = 0; i < folder; i++) {
		if (strchr(WILDCARDS "\\", path[i]))
			*to++ = '\\';
		*to++ = path[i];
	}
	strcpy(to, path + folder);
	*ret_pattern = escaped;
	return 0;
}

/* Those that the folder had then are the next of the snapshot that fit the pattern. */
static int load_kept(struct loader *loader, const struct word *pattern, const char *escaped,
                     unsigned depth)
{
	const struct snapshot *snapshot = loader->origin.snapshot;
	int r = 0;
	while (r == 0 && loader->next < snapshot->files.count) {
		const char *path = snapshot->files.items[loader->next].path;
		if (fnmatch(escaped, path, FNM_PATHNAME | FNM_PERIOD) != 0 || is_left_beside(path))
			break;
		char *match = arena_strdup(loader->context.arena, path);
		r = match ? load_file(loader, match, pattern->at, depth) : -ENOMEM;
	}
	return r;
}

static int load_pattern(struct loader *loader, const struct word *pattern, const char *path,
                        unsigned depth)
{
	const char *folder, *escaped = NULL;
	size_t base = strlen(path) - strlen(pattern->text);
	int r = pattern_folder(loader, path, base, &folder);
	if (r == 0)
		r = loader_note_directory(loader, folder);
	if (r == 0)
		r = escape_folder(loader, path, base, &escaped);
	if (r < 0)
		return r;
	if (!pattern_is_last(loader, pattern, path, folder))
		return 0;
	if (loader->origin.snapshot)
		return load_kept(loader, pattern, escaped, depth);
	r = check_folder(loader, pattern, folder);
	if (r <= 0)
		return r;

	glob_t matches = {};
	r = glob(escaped, 0, NULL, &matches);
	if (r == GLOB_NOSPACE) {
		r = -ENOMEM;
	} else if (r == 0) {
		for (size_t i = 0; r == 0 && i < matches.gl_pathc; i++) {
			if (is_left_beside(matches.gl_pathv[i]))
				continue;
			char *match = arena_strdup(loader->context.arena, matches.gl_pathv[i]);
			r = match ? load_file(loader, match, pattern->at, depth) : -ENOMEM;
		}
	} else {
		r = 0; /* GLOB_NOMATCH: a folder may be empty */
	}
	globfree(&matches);
	return r;
}

static int load_include(struct loader *loader, const struct word *named, unsigned depth)
{
	const char *path;
	if (!named->text[0]) {
		problems_add(loader->context.problems, named->at, "\"include\" names no file");
		return 0;
	}
	if (depth > DEPTH_MAX) {
		problems_add(loader->context.problems, named->at,
		             "%s: more than %d files include one another in a row", named->text,
		             DEPTH_MAX);
		loader->partial = true;
		return 0;
	}
	int r = loader_path(loader, named->at.file, named->text, &path);
	if (r < 0)
		return r;
	if (strpbrk(named->text, WILDCARDS))
		return load_pattern(loader, named, path, depth);
	return load_file(loader, path, named->at, depth);
}

int load_file(struct loader *loader, const char *path, struct location at, unsigned depth)
{
	int r = loader_note_file(loader, path);
	if (r < 0)
		return r;

	_cleanup_(source_done) struct source source = {};
	r = loader_read(loader, path, at, &source);
	if (r < 0)
		return r;
	if (r == SOURCE_REFUSED) {
		loader->partial = true;
		return 0;
	}
	if (is_repeated(loader, &source, path, at))
		return 0;

	size_t index = loader->visited.count;
	struct visited *visited = ARRAY_ADD(&loader->visited);
	if (!visited)
		return -ENOMEM;
	*visited = (struct visited){source.device, source.inode, path, at, true};
	digest_add(&loader->digest, source.text, source.length);

	struct words includes = {};
	r = load_parsed(loader, path, source.text, source.length, &includes);
	source_done(&source); /* not to be held while the included ones are read */
	for (size_t i = 0; r == 0 && i < includes.count; i++)
		r = load_include(loader, &includes.items[i], depth + 1);
	loader->visited.items[index].open = false;
	return r;
}
