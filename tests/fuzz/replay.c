/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/*
 * Stands in for libFuzzer: gives a target each file named on the command line, and each file in
 * the folders named there. Fails when there was none: a corpus that is lost proves nothing.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

DEFINE_CLEANUP(DIR *, closedir)

static bool replay_file(const char *path, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	/* Memory of just that size, so that the sanitizer sees a read past the end. */
	_cleanup_free_ uint8_t *data = malloc(size ? size : 1);
	if (!file || !data || fread(data, 1, size, file) != size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return false;
	}
	LLVMFuzzerTestOneInput(data, size);
	return true;
}

static bool replay(const char *path, size_t *count)
{
	struct stat status;
	if (stat(path, &status) < 0) {
		fprintf(stderr, "%s: cannot be found\n", path);
		return false;
	}
	if (!S_ISDIR(status.st_mode)) {
		++*count;
		return replay_file(path, (size_t)status.st_size);
	}

	_cleanup_(closedirp) DIR *folder = opendir(path);
	if (!folder)
		return false;
	bool good = true;
	for (struct dirent *entry; (entry = readdir(folder));) {
		_cleanup_free_ char *inner = NULL;
		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&inner, "%s/%s", path, entry->d_name) < 0)
			return false;
		good &= replay(inner, count);
	}
	return good;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	bool good = true;
	for (int i = 1; i < argc; i++)
		good &= replay(argv[i], &count);
	printf("%zu inputs\n", count);
	return good && count ? EXIT_SUCCESS : EXIT_FAILURE;
}
