/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "requests_file.h"

#include "requests_json.h"
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPARE_NAME REQUESTS_FILE_NAME STATE_SPARE

/* 0 with what was read, REQUESTS_FILE_BROKEN, or a negative errno of state_file_read(). */
static int read_requests(const char *directory, const char *name, struct requests *ret_requests,
                         struct state_wrong *wrong)
{
	struct requests requests = {.next_id = 1};
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = state_file_read(directory, name, REQUESTS_FILE_MAX, wrong, &text, &length);
	if (r == 0)
		r = requests_from_text(text, length, &requests, wrong);
	if (r != 0)
		requests_done(&requests);
	*ret_requests = requests;
	return r;
}

/* What is wrong with the last version, and where it is now; from malloc, or NULL. */
static char *explain(const char *directory, usec_t now, const struct state_wrong *wrong,
                     const char *instead)
{
	char aside[STATE_ASIDE_TEXT], *text = NULL;
	int r;
	if (wrong) {
		(void)state_file_set_aside(directory, REQUESTS_FILE_NAME, now, aside);
		r = asprintf(&text, "%s/" REQUESTS_FILE_NAME " is not in force: %s; %s%s",
		             directory, wrong->text, aside, instead);
	} else {
		r = asprintf(&text, "%s/" REQUESTS_FILE_NAME " is missing%s", directory, instead);
	}
	return r < 0 ? NULL : text;
}

/* The version before, where the last one is no use (wrong), or not there (NULL). */
static int read_spare(const char *directory, usec_t now, const struct state_wrong *wrong,
                      struct requests *ret_requests, char **ret_text)
{
	struct state_wrong spare_wrong;
	int r = read_requests(directory, SPARE_NAME, ret_requests, &spare_wrong);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r != 0 && !wrong)
		return REQUESTS_FILE_NONE;
	*ret_text = explain(directory, now, wrong,
	                    r == 0 ? ", and the one of a moment before is in force" : "");
	if (!*ret_text) {
		requests_done(ret_requests);
		return -ENOMEM;
	}
	return r == 0 ? REQUESTS_FILE_SPARE : REQUESTS_FILE_BROKEN;
}

int requests_file_read(const char *directory, usec_t now, struct requests *ret_requests,
                       char **ret_text)
{
	struct state_wrong wrong = {};
	*ret_text = NULL;
	int r = read_requests(directory, REQUESTS_FILE_NAME, ret_requests, &wrong);
	if (r == REQUESTS_FILE_BROKEN || r == -ENOENT)
		return read_spare(directory, now, r == -ENOENT ? NULL : &wrong, ret_requests,
		                  ret_text);
	return r;
}

bool requests_file_is_soft(const char *directory)
{
	_cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && faccessat(fd, SPARE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int requests_file_write(const char *directory, const struct requests *requests, bool durable)
{
	_cleanup_free_ char *text = requests_to_text(requests);
	return text ? state_file_write(directory, REQUESTS_FILE_NAME, text, durable) : -ENOMEM;
}
