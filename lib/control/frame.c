/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST ((size_t)4096)

void frames_init(struct frames *frames, size_t limit)
{
	*frames = (struct frames){.limit = limit};
}

void frames_done(struct frames *frames)
{
	free(frames->bytes);
	*frames = (struct frames){.limit = frames->limit};
}

size_t frames_room(const struct frames *frames)
{
	return frames->limit + 1 - (frames->end - frames->start);
}

static int grow(struct frames *frames, size_t wanted)
{
	size_t capacity = frames->capacity ? frames->capacity : CAPACITY_FIRST;
	while (capacity < wanted)
		capacity *= 2; /* wanted is at most limit + 1, so this ends */
	if (capacity > frames->limit + 1)
		capacity = frames->limit + 1;

	char *bytes = realloc(frames->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	frames->bytes = bytes;
	frames->capacity = capacity;
	return 0;
}

int frames_feed(struct frames *frames, const void *bytes, size_t length)
{
	if (length > frames_room(frames))
		return -ENOBUFS;
	if (!length)
		return 0;

	if (frames->start) {
		memmove(frames->bytes, frames->bytes + frames->start, frames->end - frames->start);
		frames->end -= frames->start;
		frames->scanned -= frames->start;
		frames->start = 0;
	}
	if (frames->capacity - frames->end < length) {
		int r = grow(frames, frames->end + length);
		if (r < 0)
			return r;
	}

	memcpy(frames->bytes + frames->end, bytes, length);
	frames->end += length;
	return 0;
}

int frames_take(struct frames *frames, const char **ret_message, size_t *ret_length)
{
	const char *nul = frames->end > frames->scanned
	                          ? memchr(frames->bytes + frames->scanned, '\0',
	                                   frames->end - frames->scanned)
	                          : NULL;
	if (!nul) {
		frames->scanned = frames->end;
		return frames->end - frames->start > frames->limit ? FRAME_OVERSIZE : FRAME_NONE;
	}

	*ret_message = frames->bytes + frames->start;
	*ret_length = (size_t)(nul - *ret_message);
	frames->start = frames->scanned = (size_t)(nul - frames->bytes) + 1;
	return 0;
}
