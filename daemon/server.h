/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_SERVER_H
#define EGRESSD_SERVER_H

#include "base/cleanup.h"
#include "control/parameters.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/*
 * The control socket: a Varlink service (https://varlink.org) for the interface io.egressd. It
 * knows who asks and what a call looks like; what the answers are, the methods say.
 */
struct server;

/* One call of one client, from the moment it was read until it is answered. */
struct request;

/* What a method does; who may do that is said in peer.h. */
enum access {
	ACCESS_READ,
	ACCESS_CHANGE,
};

/*
 * A method of io.egressd. When call() is reached, the caller has been found entitled and the
 * parameters fit the table: whatever is required is there, whatever is there has its type, and
 * optional ones that were null are gone.
 *
 * call() returns 0 and has answered the request, or keeps it to answer it later; the client's next
 * call waits until then. Or it returns a negative errno and has not answered: then the server
 * answers with io.egressd.Failed. `parameters` is borrowed and lasts as long as the request.
 *
 * A stream is for calls with `more`. Its call() may be NULL. If it returns 0 without an answer, or
 * is NULL, then every server_publish() from now on is a reply to the request, until the client
 * goes; where the call has a string parameter STREAM_KIND, only events with that `kind` are.
 */
#define STREAM_KIND "kind"

struct method {
	const char *name; /* without the interface: "GetStatus"; NULL ends the table */
	enum access access;
	bool stream;
	int (*call)(struct request *request, json_t *parameters, void *userdata);
	const struct parameter *parameters; /* NULL: it takes none */
};

/*
 * Answers. Each takes over the request, which is gone afterwards, and the JSON object, and returns
 * 0, so that a method may end with `return request_reply(...)`. A client that has left meanwhile,
 * or has called without wanting a reply, gets none. NULL in place of an object is understood as "no
 * memory to make one" and answered with io.egressd.Failed.
 */
int request_reply(struct request *request, json_t *stolen);

/* `error` is the full name, "io.egressd.PolicyRejected". */
int request_error(struct request *request, const char *error, json_t *stolen);

/* org.varlink.service.InvalidParameter. */
int request_invalid_parameter(struct request *request, const char *name);

/* io.egressd.Failed with a text for the operator. */
int request_failed(struct request *request, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* The caller, as the kernel vouched for it when it connected; the pid is for the journal only. */
uid_t request_uid(const struct request *request);
pid_t request_pid(const struct request *request);

/*
 * A server that does not listen yet. `methods` and `userdata` are borrowed and outlive it; so does
 * the event loop, on which everything happens. 0 or a negative errno.
 */
int server_new(sd_event *event, const struct method *methods, void *userdata,
               struct server **ret_server);

/* Disconnects all clients and removes the socket file that it made; takes NULL, returns NULL. */
struct server *server_free(struct server *server);
DEFINE_CLEANUP(struct server *, server_free)

/*
 * Listens on a socket file of mode 0660 and, where it exists, group `egress`; makes its directory,
 * mode 0755, when that is missing. A socket file that nobody serves any more is replaced.
 * -EADDRINUSE: another daemon answers there. -ENOTSOCK: something there is no socket.
 */
int server_listen(struct server *server, const char *path);

/* Listens on a stream socket that was inherited in the state of listening, and owns it from then
 * on; on failure it stays the caller's. */
int server_adopt(struct server *server, int fd);

/* Serves one connected socket, which it owns from then on, success or not. */
int server_connect(struct server *server, int fd);

/*
 * Sends an event to every open stream and drops it; takes it over (NULL does nothing). A client
 * that reads too slowly loses events; the next one it gets carries their number in `lost`, which
 * the server adds to every event.
 */
void server_publish(struct server *server, json_t *stolen);

/* Clients that are connected now, and streams among them (so that nobody makes events for none). */
size_t server_clients(const struct server *server);
size_t server_streams(const struct server *server);

/* True when any stream is there that events of that kind are for. */
bool server_wants(const struct server *server, const char *kind);

#endif
