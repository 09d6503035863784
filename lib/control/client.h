/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTROL_CLIENT_H
#define EGRESSD_CONTROL_CLIENT_H

#include "base/cleanup.h"
#include "base/time.h"
#include "control/message.h"

#include <jansson.h>
#include <stdbool.h>

/* The other end of the control socket: calls the daemon and waits for what it says. */
struct client;

#define CLIENT_NO_DAEMON   1 /* nobody serves that socket, or it is not there */
#define CLIENT_NOT_ALLOWED 2 /* the permissions of the socket keep the caller out */
#define CLIENT_CLOSED      3 /* the daemon has closed the connection */
#define CLIENT_BAD_REPLY   4 /* what came is no Varlink reply, or is longer than FRAME_REPLY_MAX */

/*
 * Connects to the socket file of a daemon. 0, CLIENT_NO_DAEMON, CLIENT_NOT_ALLOWED or a negative
 * errno: -ENAMETOOLONG for a path that no socket can have.
 */
int client_connect(const char *path, struct client **ret_client);

/* Disconnects; takes NULL, returns NULL. */
struct client *client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free)

/*
 * How long the daemon may be silent before a wait ends with -ETIMEDOUT; 0, as at first: for ever.
 * 0 or a negative errno.
 */
int client_set_timeout(struct client *client, usec_t timeout_usec);

/*
 * Sends a call, `method` with its full name; takes over `parameters` (NULL: -ENOMEM). 0 or a
 * negative errno. A daemon that has closed already may have said why: client_receive() tells.
 */
int client_send(struct client *client, const char *method, json_t *parameters, bool more);

/*
 * Waits for the next reply, which the caller releases by reply_done(). An error that the daemon
 * answers with is a reply. 0, CLIENT_CLOSED, CLIENT_BAD_REPLY or a negative errno, -EINTR when a
 * signal came among them.
 */
int client_receive(struct client *client, struct reply *ret_reply);

/* Sends a call and waits for its one reply; returns what these two do. */
int client_call(struct client *client, const char *method, json_t *parameters,
                struct reply *ret_reply);

#endif
