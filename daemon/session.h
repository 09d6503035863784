/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_SESSION_H
#define EGRESSD_SESSION_H

#include "base/time.h"
#include "peer.h"
#include "server.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#define IDLE_USEC        (60 * USEC_PER_SEC)
#define STREAM_QUEUE_MAX ((size_t)8 * 1024 * 1024)   /* bytes that wait for one stream's reader */
#define QUEUES_MAX       ((size_t)128 * 1024 * 1024) /* bytes that wait for all clients together */

/*
 * One client: reads its calls, finds out whether it is entitled to them, hands them to the methods
 * and brings the answers back, one call after the other.
 */
struct session;

/* What the sessions of a server share. */
struct service {
	const struct method *methods;
	void *userdata; /* of the methods */
	struct peer_rules rules;
	size_t (*queued)(void *owner);                      /* bytes that wait in all sessions */
	void (*gone)(struct session *session, void *owner); /* the client left: free the session */
	void *owner;
};

/*
 * Takes over the socket and the peer, success or not; the service is borrowed and outlives the
 * session. 0 or a negative errno.
 */
int session_new(sd_event *event, int fd, struct peer *peer, const struct service *service,
                struct session **ret_session);

/* Disconnects; a request that is still to be answered lives on without it. Takes NULL, returns
 * NULL. */
struct session *session_free(struct session *session);

uid_t session_uid(const struct session *session);
size_t session_queued(const struct session *session);
bool session_is_stream(const struct session *session);

/* True for a stream that events of that kind (NULL: of none) are for. */
bool session_wants(const struct session *session, const char *kind);

/*
 * Sends an event to a session that is a stream, or counts it as lost. `text` is the whole message
 * for a client that has lost none; the event is borrowed and may have its `lost` changed.
 */
void session_publish(struct session *session, json_t *event, const char *text);

#endif
