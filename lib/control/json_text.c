/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/json_text.h"

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
