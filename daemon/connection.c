/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "connection.h"

#include "base/cleanup.h"
#include "control/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define READ_BYTES         ((size_t)16 * 1024)
#define IDLE_ACCURACY_USEC USEC_PER_SEC

struct chunk {
	struct chunk *next;
	char *text;
	size_t length;
	size_t sent;
};

struct connection {
	int fd;
	const struct connection_events *events;
	void *userdata;
	usec_t idle_usec;

	sd_event_source *io;
	sd_event_source *idle;
	sd_event_source *work; /* runs once whenever there may be something to do */

	struct frames frames;
	struct chunk *first, *last; /* what goes out */
	size_t queued;

	bool unread; /* frames may hold a whole message */
	bool busy;   /* a message was given and has not been dealt with */
	bool streaming;
	bool finishing; /* closed() when the queue is empty */
	bool ended;     /* the client sends no more */
	bool failed;    /* closed() at once */
};

static void wake(struct connection *connection)
{
	sd_event_source_set_enabled(connection->work, SD_EVENT_ONESHOT);
}

static bool may_read(const struct connection *connection)
{
	return !connection->unread && !connection->busy && !connection->queued &&
	       !connection->streaming && !connection->finishing && !connection->ended;
}

/* Tells epoll what to wait for. Without EPOLLIN a client that leaves is still seen (EPOLLHUP). */
static void watch(struct connection *connection)
{
	uint32_t wanted =
	        (may_read(connection) ? EPOLLIN : 0u) | (connection->queued ? EPOLLOUT : 0u);
	if (sd_event_source_set_io_events(connection->io, wanted) < 0) {
		connection->failed = true;
		wake(connection);
	}
}

/* The client has the usual time again, or as much as it likes. */
static void restart_idle(struct connection *connection)
{
	if (connection->streaming || connection->busy) {
		sd_event_source_set_enabled(connection->idle, SD_EVENT_OFF);
		return;
	}
	if (sd_event_source_set_time_relative(connection->idle, connection->idle_usec) < 0 ||
	    sd_event_source_set_enabled(connection->idle, SD_EVENT_ONESHOT) < 0)
		connection->failed = true;
}

/* Sends what the socket takes. */
static void flush(struct connection *connection)
{
	while (connection->first) {
		struct chunk *chunk = connection->first;
		ssize_t n = send(connection->fd, chunk->text + chunk->sent,
		                 chunk->length - chunk->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				connection->failed = true;
			break;
		}
		restart_idle(connection);
		chunk->sent += (size_t)n;
		connection->queued -= (size_t)n;
		if (chunk->sent < chunk->length)
			continue;
		connection->first = chunk->next;
		if (!connection->first)
			connection->last = NULL;
		free(chunk->text);
		free(chunk);
	}
	if (!connection->queued || connection->failed)
		wake(connection);
	watch(connection);
}

static int on_work(sd_event_source *source, void *userdata)
{
	struct connection *connection = userdata;

	if (connection->failed || (connection->finishing && !connection->queued)) {
		connection->events->closed(connection, connection->userdata);
		return 0;
	}
	if (connection->finishing || connection->busy || connection->queued ||
	    connection->streaming)
		return 0;

	const char *text;
	size_t length;
	int r = frames_take(&connection->frames, &text, &length);
	if (r == FRAME_NONE && connection->ended) {
		connection->events->closed(connection, connection->userdata);
		return 0;
	}
	connection->unread = r != FRAME_NONE;
	if (r != FRAME_NONE) {
		connection->busy = true;
		restart_idle(connection);
	}
	if (r == FRAME_OVERSIZE)
		connection->events->oversize(connection, connection->userdata);
	else if (r == 0)
		connection->events->message(connection, text, length, connection->userdata);
	watch(connection);
	return 0;
}

static void receive(struct connection *connection)
{
	char buffer[READ_BYTES];
	size_t room = frames_room(&connection->frames);
	ssize_t n = recv(connection->fd, buffer, room < sizeof(buffer) ? room : sizeof(buffer),
	                 MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		connection->failed = true;
	else if (n == 0)
		connection->ended = true;
	else if (frames_feed(&connection->frames, buffer, (size_t)n) < 0)
		connection->failed = true;
	else
		connection->unread = true;
	wake(connection);
	watch(connection);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct connection *connection = userdata;

	if (events & EPOLLOUT)
		flush(connection);
	if (may_read(connection)) {
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(connection);
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		/* Whole messages that came before the client left are still dealt with. */
		bool waiting = connection->unread && !connection->busy && !connection->queued &&
		               !connection->streaming;
		if (!waiting)
			connection->failed = true;
		wake(connection);
	}
	return 0;
}

static int on_idle(sd_event_source *source, usec_t now, void *userdata)
{
	struct connection *connection = userdata;
	connection->events->closed(connection, connection->userdata);
	return 0;
}

static int add_sources(struct connection *connection, sd_event *event)
{
	int r = sd_event_add_io(event, &connection->io, connection->fd, EPOLLIN, on_io, connection);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &connection->idle, CLOCK_MONOTONIC,
		                               connection->idle_usec, IDLE_ACCURACY_USEC, on_idle,
		                               connection);
	if (r >= 0)
		r = sd_event_add_defer(event, &connection->work, on_work, connection);
	if (r >= 0)
		r = sd_event_source_set_enabled(connection->work, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

int connection_new(sd_event *event, int fd, size_t limit, usec_t idle_usec,
                   const struct connection_events *events, void *userdata,
                   struct connection **ret_connection)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection) {
		close(fd);
		return -ENOMEM;
	}
	connection->fd = fd;
	connection->events = events;
	connection->userdata = userdata;
	connection->idle_usec = idle_usec;
	frames_init(&connection->frames, limit);

	int r = add_sources(connection, event);
	if (r < 0) {
		connection_free(connection);
		return r;
	}
	*ret_connection = connection;
	return 0;
}

struct connection *connection_free(struct connection *connection)
{
	if (!connection)
		return NULL;

	sd_event_source_disable_unref(connection->io);
	sd_event_source_disable_unref(connection->idle);
	sd_event_source_disable_unref(connection->work);
	close(connection->fd);
	for (struct chunk *chunk = connection->first, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk->text);
		free(chunk);
	}
	frames_done(&connection->frames);
	free(connection);
	return NULL;
}

int connection_send(struct connection *connection, char *text, size_t length)
{
	struct chunk *chunk = malloc(sizeof(*chunk));
	if (!chunk) {
		free(text);
		return -ENOMEM;
	}
	*chunk = (struct chunk){.text = text, .length = length};
	if (connection->last)
		connection->last->next = chunk;
	else
		connection->first = chunk;
	connection->last = chunk;
	connection->queued += length;
	flush(connection);
	return 0;
}

size_t connection_queued(const struct connection *connection)
{
	return connection->queued;
}

void connection_next(struct connection *connection)
{
	connection->busy = false;
	restart_idle(connection);
	wake(connection);
	watch(connection);
}

void connection_stream(struct connection *connection)
{
	connection->streaming = true;
	restart_idle(connection);
	watch(connection);
}

void connection_finish(struct connection *connection)
{
	connection->finishing = true;
	connection_next(connection);
}

void connection_abort(struct connection *connection)
{
	connection->failed = true;
	wake(connection);
}
