/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define READS_MAX 5 /* a file that changes that often in a row is being written */

void source_done(struct source *source)
{
	free(source->text);
	*source = (struct source){};
}

/* A file that no line names is itself the place of the problem. */
__attribute__((format(printf, 4, 5))) static int
refuse(const char *path, struct location at, struct problems *problems, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		text = NULL; /* undefined after a failure */
		return -ENOMEM;
	}

	if (at.line)
		problems_add(problems, at, "%s: %s", path, text);
	else
		problems_add(problems, (struct location){.file = path}, "%s", text);
	return SOURCE_REFUSED;
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

/* Whether a file of that kind, owner and mode may be believed. */
static int inspect(const char *path, struct location at, const struct stat *status,
                   struct problems *problems)
{
	if (!S_ISREG(status->st_mode))
		return refuse(path, at, problems, "must be a regular file, but is %s",
		              kind_of(status->st_mode));
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return refuse(path, at, problems,
		              "belongs to user %u, who could change it at any time; "
		              "chown root %s",
		              (unsigned)status->st_uid, path);
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(path, at, problems,
		              "others may write to it (mode %04o); chmod go-w %s",
		              (unsigned)(status->st_mode & 07777), path);
	if ((uintmax_t)status->st_size > SOURCE_BYTES_MAX)
		return refuse(path, at, problems, "is larger than %zu MiB",
		              SOURCE_BYTES_MAX / 1024 / 1024);
	return 0;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Up to size bytes from the start of the file; how many there were, or a negative errno. */
static ssize_t read_up_to(int fd, char *buffer, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t n = pread(fd, buffer + length, size - length, (off_t)length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

int source_read(const char *path, struct location at, struct problems *problems,
                struct source *ret_source)
{
	/* Without O_NONBLOCK opening a FIFO would wait for a writer. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && is_shortage(errno))
		return -errno;
	if (fd < 0)
		return refuse(path, at, problems, "cannot be opened: %s", strerror(errno));

	for (unsigned i = 0; i < READS_MAX; i++) {
		struct stat before, after;
		if (fstat(fd, &before) < 0)
			return refuse(path, at, problems, "cannot be read: %s", strerror(errno));
		int r = inspect(path, at, &before, problems);
		if (r)
			return r;

		/* One byte more than there should be shows a file that has grown. */
		size_t size = (size_t)before.st_size;
		_cleanup_free_ char *text = malloc(size + 2);
		if (!text)
			return -ENOMEM;
		ssize_t length = read_up_to(fd, text, size + 1);
		if (length < 0)
			return refuse(path, at, problems, "cannot be read: %s",
			              strerror((int)-length));
		if (fstat(fd, &after) < 0)
			return refuse(path, at, problems, "cannot be read: %s", strerror(errno));
		if ((size_t)length != size || !same_state(&before, &after))
			continue;

		text[size] = text[size + 1] = '\0';
		*ret_source = (struct source){
		        .text = TAKE_POINTER(text),
		        .length = size,
		        .device = before.st_dev,
		        .inode = before.st_ino,
		        .status = before,
		};
		return 0;
	}
	return refuse(path, at, problems, "keeps changing while it is read; try again");
}
