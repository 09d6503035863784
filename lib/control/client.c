/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/client.h"

#include "control/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 * 1024)

struct client {
	int fd;
	struct frames frames;
};

int client_connect(const char *path, struct client **ret_client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);

	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
			return CLIENT_NO_DAEMON;
		if (errno == EACCES || errno == EPERM)
			return CLIENT_NOT_ALLOWED;
		return -errno;
	}

	struct client *client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->fd = TAKE_FD(fd);
	frames_init(&client->frames, FRAME_REPLY_MAX);
	*ret_client = client;
	return 0;
}

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	close(client->fd);
	frames_done(&client->frames);
	free(client);
	return NULL;
}

int client_set_timeout(struct client *client, usec_t timeout_usec)
{
	struct timeval time = {
	        .tv_sec = (time_t)(timeout_usec / USEC_PER_SEC),
	        .tv_usec = (suseconds_t)(timeout_usec % USEC_PER_SEC),
	};
	if (setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) < 0 ||
	    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) < 0)
		return -errno;
	return 0;
}

int client_send(struct client *client, const char *method, json_t *parameters, bool more)
{
	_cleanup_free_ char *text = message_call(method, parameters, more);
	if (!text)
		return -ENOMEM;

	size_t left = strlen(text) + 1; /* the NUL ends the message */
	for (const char *p = text; left;) {
		ssize_t n = send(client->fd, p, left, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue; /* half a call would spoil the connection */
		/* A daemon that sends its last word and closes may do so before the call is out. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

int client_receive(struct client *client, struct reply *ret_reply)
{
	_cleanup_free_ char *buffer = NULL;
	for (;;) {
		const char *text;
		size_t length;
		int r = frames_take(&client->frames, &text, &length);
		if (r == 0) {
			r = reply_parse(text, length, ret_reply);
			return r == MESSAGE_MALFORMED ? CLIENT_BAD_REPLY : r;
		}
		if (r == FRAME_OVERSIZE)
			return CLIENT_BAD_REPLY;

		if (!buffer)
			buffer = malloc(READ_BYTES);
		if (!buffer)
			return -ENOMEM;
		size_t room = frames_room(&client->frames);
		ssize_t n = recv(client->fd, buffer, room < READ_BYTES ? room : READ_BYTES, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return CLIENT_CLOSED;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		r = frames_feed(&client->frames, buffer, (size_t)n);
		if (r < 0)
			return r;
	}
}

int client_call(struct client *client, const char *method, json_t *parameters,
                struct reply *ret_reply)
{
	int r = client_send(client, method, parameters, false);
	return r ? r : client_receive(client, ret_reply);
}
