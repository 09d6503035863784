/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/frame.h"
#include "control/message.h"
#include "control/parameters.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a client may send: the first byte says how the stream is cut into reads, and the rest is the
 * stream. Every message in it is read as a call and as a reply, as the daemon and the tool do.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 512 /* small, so that oversize messages are found */

static const struct parameter table[] = {
        {"source", PARAMETER_STRING, true},
        {"since", PARAMETER_INT, false},
        {"all", PARAMETER_BOOL, false},
        {},
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void read_call(const char *text, size_t length)
{
	struct call call;
	const char *wrong = NULL;
	if (call_parse(text, length, &call) != 0)
		return;
	require(json_is_object(call.parameters));
	require(*call_member(&call) && !strchr(call_member(&call), '.'));
	require(!(call.oneway && call.more));
	if (parameters_check(call.parameters, table, &wrong) == PARAMETERS_WRONG)
		require(wrong);
	else
		require(json_is_string(json_object_get(call.parameters, "source")));

	/* What was read can be written and read again. */
	char *again = message_call(call.method, json_incref(call.parameters), call.more);
	struct call second;
	require(again && call_parse(again, strlen(again), &second) == 0);
	require(strcmp(second.method, call.method) == 0);
	require(json_equal(second.parameters, call.parameters));
	free(again);
	call_done(&second);
	call_done(&call);
}

static void read_reply(const char *text, size_t length)
{
	struct reply reply;
	if (reply_parse(text, length, &reply) != 0)
		return;
	require(json_is_object(reply.parameters));
	require(!reply.error || strchr(reply.error, '.'));
	reply_done(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;

	struct frames frames;
	frames_init(&frames, LIMIT);
	size_t piece = data[0] + 1u;
	for (size_t at = 1; at < size;) {
		size_t room = frames_room(&frames);
		size_t n = size - at < piece ? size - at : piece;
		if (n > room)
			n = room;
		require(n > 0); /* else it would have been oversize */
		require(frames_feed(&frames, data + at, n) == 0);
		at += n;

		const char *text;
		size_t length;
		int r;
		while ((r = frames_take(&frames, &text, &length)) == 0) {
			require(length <= LIMIT && strlen(text) == length);
			read_call(text, length);
			read_reply(text, length);
		}
		if (r == FRAME_OVERSIZE)
			break;
	}
	frames_done(&frames);
	return 0;
}
