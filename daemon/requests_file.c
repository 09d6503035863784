/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "requests_file.h"

#include "requests_json.h"
#include "state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0 with what was read, REQUESTS_FILE_BROKEN, or a negative errno of state_file_read(). */
static int read_requests(const char *directory, struct requests *requests,
                         struct state_wrong *wrong)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = state_file_read(directory, REQUESTS_FILE_NAME, REQUESTS_FILE_MAX, wrong, &text,
	                        &length);
	return r != 0 ? r : requests_from_text(text, length, requests, wrong);
}

/* There are none, and that is what the operator is told. */
static int tell_broken(struct requests *ret_requests, char **ret_text, const char *text)
{
	*ret_text = strdup(text);
	if (!*ret_text)
		return -ENOMEM;
	*ret_requests = (struct requests){.next_id = 1};
	return REQUESTS_FILE_BROKEN;
}

int requests_file_read(const char *directory, usec_t now, struct requests *ret_requests,
                       char **ret_text)
{
	struct requests requests = {.next_id = 1};
	struct state_wrong wrong = {};
	char aside[STATE_ASIDE_TEXT];
	_cleanup_free_ char *text = NULL;

	int r = read_requests(directory, &requests, &wrong);
	if (r == 0 || r == -ENOENT) {
		*ret_requests = requests;
		return 0;
	}
	requests_done(&requests);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		if (asprintf(&text, "the state directory %s cannot be opened: %s", directory,
		             strerror(-r)) < 0)
			return -ENOMEM;
		return tell_broken(ret_requests, ret_text, text);
	}

	int moved = state_file_set_aside(directory, REQUESTS_FILE_NAME, now, aside);
	if (asprintf(&text, "%s/" REQUESTS_FILE_NAME " is not in force: %s; %s%s", directory,
	             wrong.text, aside,
	             moved < 0 ? "" : ", and what it held has to be asked for again") < 0)
		return -ENOMEM;
	return tell_broken(ret_requests, ret_text, text);
}

int requests_file_write(const char *directory, const struct requests *requests, bool durable)
{
	_cleanup_free_ char *text = requests_to_text(requests);
	return text ? state_file_write(directory, REQUESTS_FILE_NAME, text, durable) : -ENOMEM;
}
