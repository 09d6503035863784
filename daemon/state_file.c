/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES      64
#define SET_ASIDE_TRIES 100 /* names, a second apart */

int state_wrong(struct state_wrong *wrong, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(wrong->text, sizeof(wrong->text), format, arguments);
	va_end(arguments);
	return STATE_FILE_BROKEN;
}

static int read_whole(int fd, size_t size, char *text, struct state_wrong *wrong)
{
	size_t length = 0;
	while (length < size) {
		ssize_t n = read(fd, text + length, size - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return state_wrong(wrong, "it shrank while it was read");
		length += (size_t)n;
	}
	return 0;
}

static int check_file(const struct stat *st, size_t max, struct state_wrong *wrong)
{
	if (!S_ISREG(st->st_mode))
		return state_wrong(wrong, "it is no regular file");
	if (st->st_mode & (S_IWGRP | S_IWOTH) || (st->st_uid != 0 && st->st_uid != geteuid()))
		return state_wrong(wrong, "others than egressd may write to it");
	if (st->st_size < 0 || (uint64_t)st->st_size > max)
		return state_wrong(wrong, "it is larger than %zu MiB", max / 1024 / 1024);
	return 0;
}

int state_file_open(const char *directory, const char *name, size_t max, struct state_wrong *wrong,
                    int *ret_fd, size_t *ret_size)
{
	struct stat st;
	_cleanup_close_ int folder = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	_cleanup_close_ int fd =
	        openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ELOOP)
		return state_wrong(wrong, "it is a symbolic link");
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	int r = check_file(&st, max, wrong);
	if (r != 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	*ret_size = (size_t)st.st_size;
	return 0;
}

int state_file_read(const char *directory, const char *name, size_t max, struct state_wrong *wrong,
                    char **ret_text, size_t *ret_length)
{
	_cleanup_close_ int fd = -1;
	size_t size;
	int r = state_file_open(directory, name, max, wrong, &fd, &size);
	if (r != 0)
		return r;
	_cleanup_free_ char *text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	r = read_whole(fd, size, text, wrong);
	if (r != 0)
		return r;
	text[size] = '\0';
	*ret_text = TAKE_POINTER(text);
	*ret_length = size;
	return 0;
}

static int move_aside(int directory, const char *name, usec_t now, char aside[static NAME_BYTES])
{
	time_t seconds = (time_t)(now / USEC_PER_SEC);
	for (unsigned i = 0; i < SET_ASIDE_TRIES; i++, seconds++) {
		char time[32];
		struct tm tm;
		if (!gmtime_r(&seconds, &tm) ||
		    !strftime(time, sizeof(time), "%Y%m%dT%H%M%SZ", &tm))
			return -EINVAL;
		snprintf(aside, NAME_BYTES, "%s.broken-%s", name, time);
		if (renameat2(directory, name, directory, aside, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int state_file_set_aside(const char *directory, const char *name, usec_t now,
                         char text[static STATE_ASIDE_TEXT])
{
	char aside[NAME_BYTES];
	_cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : move_aside(fd, name, now, aside);
	if (r < 0)
		snprintf(text, STATE_ASIDE_TEXT, "it could not be set aside: %s", strerror(-r));
	else
		snprintf(text, STATE_ASIDE_TEXT, "it was set aside as %s", aside);
	return r;
}

struct state_draft {
	int directory;
	FILE *out;
	char name[NAME_BYTES];
	char temporary[NAME_BYTES + 8];
	bool there; /* the temporary file */
};

int state_draft_new(const char *directory, const char *name, struct state_draft **ret_draft)
{
	_cleanup_(state_draft_freep) struct state_draft *draft = calloc(1, sizeof(*draft));
	if (!draft)
		return -ENOMEM;
	snprintf(draft->name, sizeof(draft->name), "%s", name);
	snprintf(draft->temporary, sizeof(draft->temporary), "%s.new", draft->name);
	draft->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (draft->directory < 0 && errno == ENOENT && mkdir(directory, S_IRWXU) == 0)
		draft->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (draft->directory < 0)
		return -errno;
	if (unlinkat(draft->directory, draft->temporary, 0) < 0 && errno != ENOENT)
		return -errno;

	_cleanup_close_ int fd =
	        openat(draft->directory, draft->temporary,
	               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	draft->there = true;
	draft->out = fdopen(fd, "w");
	if (!draft->out)
		return -errno;
	TAKE_FD(fd);
	*ret_draft = TAKE_POINTER(draft);
	return 0;
}

FILE *state_draft_out(struct state_draft *draft)
{
	return draft->out;
}

static int put_in_place(struct state_draft *draft, bool durable)
{
	if (fflush(draft->out) != 0 || ferror(draft->out))
		return errno ? -errno : -EIO;
	if (durable && fsync(fileno(draft->out)) < 0)
		return -errno;
	if (renameat(draft->directory, draft->temporary, draft->directory, draft->name) < 0)
		return -errno;
	draft->there = false;
	return durable && fsync(draft->directory) < 0 ? -errno : 0;
}

int state_draft_keep(struct state_draft *draft, bool durable)
{
	int r = put_in_place(draft, durable);
	state_draft_free(draft);
	return r;
}

struct state_draft *state_draft_free(struct state_draft *draft)
{
	if (!draft)
		return NULL;
	if (draft->out)
		fclose(draft->out);
	if (draft->there)
		(void)unlinkat(draft->directory, draft->temporary, 0);
	if (draft->directory >= 0)
		close(draft->directory);
	free(draft);
	return NULL;
}

/* The version that is there gets a second name; one that has it already is the last on the disk. */
static int keep_spare(const struct state_draft *draft, const char *spare)
{
	return linkat(draft->directory, draft->name, draft->directory, spare, 0) < 0 &&
	                       errno != EEXIST
	               ? -errno
	               : 0;
}

int state_file_write(const char *directory, const char *name, const char *text, bool durable)
{
	struct state_draft *draft;
	char spare[NAME_BYTES + sizeof(STATE_SPARE)];
	int r = state_draft_new(directory, name, &draft);
	if (r < 0)
		return r;
	snprintf(spare, sizeof(spare), "%s" STATE_SPARE, draft->name);
	fputs(text, draft->out);
	durable = durable || keep_spare(draft, spare) < 0;
	r = put_in_place(draft, durable);
	if (r == 0 && durable)
		(void)unlinkat(draft->directory, spare, 0);
	state_draft_free(draft);
	return r;
}
