/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONNECTION_H
#define EGRESSD_CONNECTION_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

/*
 * One connected client as a stream of messages: reads them one at a time, and only when the answer
 * to the one before has left; queues what goes out. What a message means is the server's business.
 */
struct connection;

/*
 * What the owner does with a connection. message() gets one message, which lasts until it returns;
 * no other one comes until connection_next(). closed() says that the client has gone, has been idle
 * for too long, or that the connection failed: the owner frees it there, or later.
 */
struct connection_events {
	void (*message)(struct connection *connection, const char *text, size_t length,
	                void *userdata);
	void (*oversize)(struct connection *connection, void *userdata);
	void (*closed)(struct connection *connection, void *userdata);
};

/*
 * Takes over a connected, nonblocking socket, success or not. Messages may have limit bytes; a
 * client that sends no whole message, or takes nothing of what waits for it, for idle_usec, is
 * closed. events and userdata are borrowed. 0 or a negative errno.
 */
int connection_new(sd_event *event, int fd, size_t limit, usec_t idle_usec,
                   const struct connection_events *events, void *userdata,
                   struct connection **ret_connection);

/* Closes the socket; takes NULL, returns NULL. Never from within message() of that connection. */
struct connection *connection_free(struct connection *connection);

/* Queues a message and takes over its text, which is from malloc and ends with the NUL that goes
 * out with it. A failure to send is told by closed(), not here. 0 or -ENOMEM. */
int connection_send(struct connection *connection, char *text, size_t length);

/* Bytes that wait for the client to take them. */
size_t connection_queued(const struct connection *connection);

/* The message that was given has been dealt with; the next one may come. */
void connection_next(struct connection *connection);

/* From now on messages only go out, and being idle is no fault. */
void connection_stream(struct connection *connection);

/* Says closed() as soon as everything queued has left, and reads no more. */
void connection_finish(struct connection *connection);

/* Says closed() as soon as the event loop runs again. */
void connection_abort(struct connection *connection);

#endif
