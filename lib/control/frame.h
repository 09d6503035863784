/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTROL_FRAME_H
#define EGRESSD_CONTROL_FRAME_H

#include <stddef.h>

#define FRAME_CALL_MAX  ((size_t)1024 * 1024)      /* bytes of a message from a client */
#define FRAME_REPLY_MAX ((size_t)64 * 1024 * 1024) /* bytes of a message from the daemon */

#define FRAME_NONE     1 /* no whole message has arrived yet */
#define FRAME_OVERSIZE 2 /* the message that is arriving is longer than allowed */

/*
 * Cuts the bytes of a stream into messages, each ended by a NUL (https://varlink.org/Transport).
 * Holds `limit` bytes and one NUL at the most. Start with frames_init().
 */
struct frames {
	char *bytes;
	size_t capacity;
	size_t start; /* of what has not been taken yet */
	size_t end;
	size_t scanned; /* up to here there is no NUL */
	size_t limit;
};

/* No message may be longer than limit bytes, its NUL not counted. */
void frames_init(struct frames *frames, size_t limit);

/* Releases the buffer. */
void frames_done(struct frames *frames);

/* How many bytes frames_feed() would take now. 0: take a message first, or it is oversize. */
size_t frames_room(const struct frames *frames);

/*
 * Adds bytes that have arrived, at most frames_room() of them. 0, -ENOBUFS when they are more, or
 * -ENOMEM; on failure nothing was added.
 */
int frames_feed(struct frames *frames, const void *bytes, size_t length);

/*
 * Takes the next message. 0: *ret_message is its text, ended by a NUL, *ret_length its length
 * without that; it lasts until the next frames_feed(). Else FRAME_NONE or FRAME_OVERSIZE.
 */
int frames_take(struct frames *frames, const char **ret_message, size_t *ret_length);

#endif
