/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "numbers.h"

#include "clock.h"
#include "journal.h"
#include "replies.h"
#include "state_field.h"
#include "state_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION 1
#define FILE_MAX       256                 /* bytes */
#define NUMBER_MAX     ((uint64_t)1 << 53) /* JSON readers count exactly so far */

struct numbers {
	const char *directory;
	uint64_t kept; /* the number in the file; 0: none is known to be there */
	int error;
};

int numbers_new(const char *directory, struct numbers **ret_numbers)
{
	struct numbers *numbers = calloc(1, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	numbers->directory = directory;
	*ret_numbers = numbers;
	return 0;
}

struct numbers *numbers_free(struct numbers *numbers)
{
	free(numbers);
	return NULL;
}

/* What the file says. 0, -ENOENT, STATE_FILE_BROKEN, or why it cannot be read. */
static int read_file(const char *directory, struct state_wrong *wrong, uint64_t *ret_number)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = state_file_read(directory, NUMBERS_NAME, FILE_MAX, wrong, &text, &length);
	if (r != 0)
		return r;
	_cleanup_(json_release) json_t *root = NULL;
	r = state_value(text, length, wrong, &root);
	if (r != 0)
		return r;
	bool valid = true;
	uint64_t version = state_number(root, "version", FORMAT_VERSION, &valid);
	*ret_number = state_number(root, "next_number", NUMBER_MAX, &valid);
	if (!valid || version != FORMAT_VERSION || !*ret_number)
		return state_wrong(wrong, "it is no such file of this egressd");
	return 0;
}

static uint64_t of_time(void)
{
	return clock_realtime();
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t numbers_first(struct numbers *numbers, uint64_t least, enum numbers_known known)
{
	struct state_wrong wrong = {};
	char aside[STATE_ASIDE_TEXT];
	uint64_t number = 0;
	int r = read_file(numbers->directory, &wrong, &number);
	if (r == 0) {
		numbers->kept = number;
		return later(number, least);
	}
	if (r == -ENOENT && known != NUMBERS_FAULT)
		return known == NUMBERS_SOME ? least + NUMBERS_AT_ONCE : least;
	number = later(least, of_time());
	if (r == -ENOENT)
		return number;
	(void)state_file_set_aside(numbers->directory, NUMBERS_NAME, clock_realtime(), aside);
	journal(LOG_WARNING,
	        "%s/" NUMBERS_NAME " cannot be read: %s; %s, and the next alarm has the number "
	        "%" PRIu64 ", which is the time of day",
	        numbers->directory, r == STATE_FILE_BROKEN ? wrong.text : strerror(-r), aside,
	        number);
	return number;
}

static int write_file(struct numbers *numbers, uint64_t number)
{
	char text[FILE_MAX];
	snprintf(text, sizeof(text), "{\"version\": %d, \"next_number\": %" PRIu64 "}\n",
	         FORMAT_VERSION, number);
	int r = state_file_write(numbers->directory, NUMBERS_NAME, text, true);
	if (r == 0)
		numbers->kept = number;
	return r;
}

uint64_t numbers_reserve(struct numbers *numbers, uint64_t *number)
{
	int r = write_file(numbers, *number + NUMBERS_AT_ONCE);
	if (r < 0) {
		if (!numbers->error)
			journal(LOG_WARNING,
			        "%s/" NUMBERS_NAME
			        " cannot be written (%s): alarms have the time of day as their "
			        "number",
			        numbers->directory, strerror(-r));
		numbers->error = r;
		*number = later(*number, of_time());
		return *number + 1;
	}
	numbers->error = 0;
	return numbers->kept;
}

void numbers_return(struct numbers *numbers, uint64_t number)
{
	bool touched = numbers->kept || numbers->error;
	if (touched && number != numbers->kept)
		(void)write_file(numbers, number); /* else a restart skips some */
}

int numbers_error(const struct numbers *numbers)
{
	return numbers->error;
}
