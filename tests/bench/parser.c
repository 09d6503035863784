/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says how long libconfig by itself needs for a file, and how much memory: the floor of a reload.
 */
#include <fcntl.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *read_file(const char *path)
{
	struct stat status;

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return NULL;
	char *text = calloc(1, (size_t)status.st_size + 1);
	if (text != NULL && read(fd, text, (size_t)status.st_size) != status.st_size) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

int main(int argc, char **argv)
{
	struct timespec from, to;
	struct rusage usage;
	config_t config;

	if (argc != 2) {
		fputs("Usage: parser FILE\n", stderr);
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	char *text = read_file(argv[1]);
	if (text == NULL) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	config_init(&config);
	if (config_read_string(&config, text) != CONFIG_TRUE) {
		fprintf(stderr, "%s:%d: %s\n", argv[1], config_error_line(&config),
		        config_error_text(&config));
		return EXIT_FAILURE;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	getrusage(RUSAGE_SELF, &usage);
	config_destroy(&config);
	free(text);
	printf("{\"milliseconds\": %.3f, \"peak_kib\": %ld}\n",
	       (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6,
	       usage.ru_maxrss);
	return EXIT_SUCCESS;
}
