/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "copies.h"

#include "base/cleanup.h"
#include "clock.h"
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LINK_NAME LAST_GOOD_BEFORE_NAME ".new" /* while the second name is made */

const char *copy_name(enum copy copy)
{
	switch (copy) {
	case COPY_LAST:
		return LAST_GOOD_NAME;
	case COPY_BEFORE:
		return LAST_GOOD_BEFORE_NAME;
	}
	abort(); /* no other value is ever made */
}

void kept_done(struct kept *kept)
{
	snapshot_done(&kept->snapshot);
	free(kept->text);
	*kept = (struct kept){};
}

static int read_copy(const char *directory, enum copy copy, struct kept *ret_kept,
                     struct state_wrong *wrong)
{
	struct kept kept = {};
	size_t length;
	int r = state_file_read(directory, copy_name(copy), COPY_MAX, wrong, &kept.text, &length);
	if (r == 0)
		r = snapshot_parse(kept.text, length, &kept.snapshot);
	if (r == 0) {
		*ret_kept = kept;
		return 0;
	}
	bool torn = kept.text && r == SNAPSHOT_BROKEN;
	kept_done(&kept);
	return torn ? state_wrong(wrong, "it is torn, or no file of egressd's") : r;
}

int copy_read(const char *directory, enum copy copy, struct kept *ret_kept, char **ret_wrong)
{
	struct state_wrong wrong;
	char aside[STATE_ASIDE_TEXT];
	int r = read_copy(directory, copy, ret_kept, &wrong);
	if (r != STATE_FILE_BROKEN)
		return r;
	(void)state_file_set_aside(directory, copy_name(copy), clock_realtime(), aside);
	if (asprintf(ret_wrong, "%s/%s: %s; %s", directory, copy_name(copy), wrong.text, aside) < 0)
		return -ENOMEM;
	return STATE_FILE_BROKEN;
}

int copy_peek(const char *directory, struct kept *ret_kept)
{
	struct state_wrong wrong;
	return read_copy(directory, COPY_LAST, ret_kept, &wrong);
}

bool copy_digest(const char *directory,
                 char ret_digest[static sizeof(((struct snapshot *)NULL)->digest)])
{
	struct state_wrong wrong;
	char head[SNAPSHOT_HEAD_BYTES], tail[SNAPSHOT_TAIL_MAX];
	size_t size;
	_cleanup_close_ int fd = -1;
	if (state_file_open(directory, LAST_GOOD_NAME, COPY_MAX, &wrong, &fd, &size) != 0)
		return false;
	size_t length = size < sizeof(tail) ? size : sizeof(tail);
	return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       pread(fd, tail, length, (off_t)(size - length)) == (ssize_t)length &&
	       snapshot_digest(head, tail, length, ret_digest);
}

int copy_keep_before(const char *directory)
{
	_cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (unlinkat(fd, LINK_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	if (linkat(fd, LAST_GOOD_NAME, fd, LINK_NAME, 0) < 0 ||
	    renameat(fd, LINK_NAME, fd, LAST_GOOD_BEFORE_NAME) < 0)
		return -errno;
	/* Two names of one file stay two: rename(2) does nothing then. */
	(void)unlinkat(fd, LINK_NAME, 0);
	return 0;
}
