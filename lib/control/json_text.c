/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/json_text.h"

#include "base/room.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct output {
	FILE *out;
	bool failed;
};

static int put(const char *text, size_t length, void *userdata)
{
	struct output *output = userdata;
	if (fwrite(text, 1, length, output->out) != length)
		output->failed = true;
	return output->failed ? -1 : 0;
}

char *json_text(const json_t *value, size_t flags)
{
	char *text = NULL;
	size_t length;
	struct output output = {.out = open_memstream(&text, &length)};
	bool done = output.out && value && json_dump_callback(value, put, &output, flags) == 0;
	if (output.out && fclose(output.out) != 0)
		done = false;
	if (done && !output.failed)
		return text;
	free(text);
	return NULL;
}

/* By its source: an empty object takes three bytes of text and some 300 of memory. */
#define BYTES_FIXED ((size_t)64 * 1024)
#define BYTES_TEXT  128 /* a byte of text */

int json_text_read(const char *text, size_t length, json_error_t *error, json_t **ret_value)
{
	if (!room_for(BYTES_FIXED + length * BYTES_TEXT))
		return -ENOMEM;
	json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
	if (!value) {
		/* Without memory for its first buffer it says nothing. */
		enum json_error_code code = json_error_code(error);
		return code == json_error_out_of_memory || code == json_error_unknown
		               ? -ENOMEM
		               : JSON_TEXT_WRONG;
	}
	*ret_value = value;
	return 0;
}
