/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include "connection.h"
#include "control/frame.h"
#include "control/message.h"
#include "control/service.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
	struct connection *connection;
	const struct service *service;
	struct peer peer;
	struct request *request; /* the one that is not answered yet, or NULL */
	bool streaming;
	char *kind;      /* of the only events that the stream wants; NULL: all */
	json_int_t lost; /* events since the last one that was sent */
};

struct request {
	struct session *session; /* NULL when the client has left */
	struct call call;
	uid_t uid;
	pid_t pid;
};

/* Takes over the request and gives the session that still waits for its answer, or NULL. */
static struct session *request_finish(struct request *request)
{
	struct session *session = request->session;
	bool oneway = request->call.oneway;
	if (session)
		session->request = NULL;
	call_done(&request->call);
	free(request);
	if (session && oneway) {
		connection_next(session->connection);
		return NULL;
	}
	return session;
}

/* Sends the text of a message, which it takes over; NULL stands for no memory. */
static void send_text(struct session *session, char *text)
{
	size_t length = text ? strlen(text) + 1 : 0; /* the NUL ends the message */
	if (!text || session->service->queued(session->service->owner) + length > QUEUES_MAX) {
		free(text);
		connection_abort(session->connection);
		return;
	}
	if (connection_send(session->connection, text, length) < 0)
		connection_abort(session->connection);
}

static json_t *text_parameter(const char *text)
{
	return json_pack("{s:s}", "text", text);
}

static void send_failed(struct session *session, const char *text)
{
	send_text(session, message_error(EGRESSD_FAILED, text_parameter(text)));
}

/* Sends an answer, which it takes over, and lets the next call come. */
static void answer(struct session *session, char *text)
{
	if (!text) {
		send_failed(session, "out of memory");
	} else if (strlen(text) > FRAME_REPLY_MAX) {
		free(text);
		send_failed(session, "the answer is too long to be sent; ask for less");
	} else {
		send_text(session, text);
	}
	connection_next(session->connection);
}

int request_reply(struct request *request, json_t *stolen)
{
	struct session *session = request_finish(request);
	if (session)
		answer(session, message_reply(stolen, false));
	else
		json_decref(stolen);
	return 0;
}

int request_error(struct request *request, const char *error, json_t *stolen)
{
	struct session *session = request_finish(request);
	if (session)
		answer(session, message_error(error, stolen));
	else
		json_decref(stolen);
	return 0;
}

int request_invalid_parameter(struct request *request, const char *name)
{
	return request_error(request, VARLINK_INVALID_PARAMETER,
	                     json_pack("{s:s}", "parameter", name));
}

int request_failed(struct request *request, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0)
		text = NULL; /* undefined after a failure */
	return request_error(request, EGRESSD_FAILED, text ? text_parameter(text) : NULL);
}

uid_t request_uid(const struct request *request)
{
	return request->uid;
}

pid_t request_pid(const struct request *request)
{
	return request->pid;
}

static int get_info(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(request, service_info(EGRESSD_VERSION));
}

static int get_interface_description(struct request *request, json_t *parameters, void *userdata)
{
	const char *name = json_string_value(json_object_get(parameters, "interface"));
	const char *text = service_description(name);
	if (!text)
		return request_error(request, VARLINK_INTERFACE_NOT_FOUND,
		                     json_pack("{s:s}", "interface", name));
	return request_reply(request, json_pack("{s:s}", "description", text));
}

static const struct parameter description_parameters[] = {
        {"interface", PARAMETER_STRING, true},
        {},
};

static const struct method service_methods[] = {
        {.name = "GetInfo", .call = get_info},
        {.name = "GetInterfaceDescription",
         .call = get_interface_description,
         .parameters = description_parameters},
        {},
};

static void denied(struct request *request, enum access access)
{
	const char *text = access == ACCESS_READ
	                           ? "only root and members of group " PEER_GROUP_READ
	                             " or " PEER_GROUP_CHANGE " may ask"
	                           : "only root and members of group " PEER_GROUP_CHANGE
	                             " may change anything";
	request_error(request, EGRESSD_PERMISSION_DENIED, text_parameter(text));
}

/* From now on every event is a reply, or those of the kind that the caller named. */
static void start_stream(struct session *session, struct request *request)
{
	const char *kind =
	        json_string_value(json_object_get(request->call.parameters, STREAM_KIND));
	session->kind = kind ? strdup(kind) : NULL;
	if (kind && !session->kind) {
		request_failed(request, "%s", strerror(ENOMEM));
		return;
	}
	session->streaming = true;
	connection_stream(session->connection);
	request_finish(request);
}

/* Holds the call against the method and makes it. */
static void dispatch(struct session *session, struct request *request, const struct method *method)
{
	const struct call *call = &request->call;
	const char *wrong;

	if (!peer_may(&session->peer, &session->service->rules, method->access)) {
		denied(request, method->access);
		return;
	}
	if (parameters_check(call->parameters, method->parameters, &wrong)) {
		request_invalid_parameter(request, wrong);
		return;
	}
	if (method->stream && !call->more) {
		request_error(request, VARLINK_EXPECTED_MORE, json_object());
		return;
	}

	int r = method->call ? method->call(request, call->parameters, session->service->userdata)
	                     : 0;
	if (!session->request)
		return; /* answered */
	if (r < 0) {
		request_failed(request, "%s", strerror(-r));
	} else if (method->stream) {
		start_stream(session, request);
	}
}

static const struct method *find_method(const struct method *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static void route(struct session *session, struct request *request)
{
	const struct call *call = &request->call;

	if (!peer_may(&session->peer, &session->service->rules, ACCESS_READ)) {
		denied(request, ACCESS_READ);
		connection_finish(session->connection);
		return;
	}
	if (call->upgrade) {
		request_invalid_parameter(request, "upgrade");
		return;
	}

	const struct method *table = call_is_for(call, SERVICE_INTERFACE) ? service_methods
	                             : call_is_for(call, EGRESSD_INTERFACE)
	                                     ? session->service->methods
	                                     : NULL;
	if (!table) {
		size_t length = (size_t)(call_member(call) - call->method) - 1;
		request_error(request, VARLINK_INTERFACE_NOT_FOUND,
		              json_pack("{s:s%}", "interface", call->method, length));
		return;
	}
	const struct method *method = find_method(table, call_member(call));
	if (!method) {
		request_error(request, VARLINK_METHOD_NOT_FOUND,
		              json_pack("{s:s}", "method", call->method));
		return;
	}
	dispatch(session, request, method);
}

/* Tells a client that what it sends is no call, and ends the connection. */
static void bad_call(struct session *session, const char *text)
{
	send_text(session, message_error(EGRESSD_BAD_CALL, text_parameter(text)));
	connection_finish(session->connection);
}

static void on_message(struct connection *connection, const char *text, size_t length,
                       void *userdata)
{
	struct session *session = userdata;
	struct call call;
	assert(!session->request);

	int r = call_parse(text, length, &call);
	if (r == MESSAGE_MALFORMED) {
		bad_call(session, "this is no call of a method");
		return;
	}
	struct request *request = r < 0 ? NULL : malloc(sizeof(*request));
	if (!request) {
		if (r == 0)
			call_done(&call);
		connection_abort(connection);
		return;
	}
	*request = (struct request){
	        .session = session,
	        .call = call,
	        .uid = session->peer.uid,
	        .pid = session->peer.pid,
	};
	session->request = request;
	route(session, request);
}

static void on_oversize(struct connection *connection, void *userdata)
{
	bad_call(userdata, "a call may not be longer than 1 MiB");
}

static void on_closed(struct connection *connection, void *userdata)
{
	struct session *session = userdata;
	session->service->gone(session, session->service->owner);
}

int session_new(sd_event *event, int fd, struct peer *peer, const struct service *service,
                struct session **ret_session)
{
	static const struct connection_events events = {
	        .message = on_message,
	        .oversize = on_oversize,
	        .closed = on_closed,
	};

	struct session *session = calloc(1, sizeof(*session));
	if (!session) {
		close(fd);
		peer_done(peer);
		return -ENOMEM;
	}
	session->service = service;
	session->peer = *peer;
	*peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};

	int r = connection_new(event, fd, FRAME_CALL_MAX, IDLE_USEC, &events, session,
	                       &session->connection);
	if (r < 0) {
		session_free(session);
		return r;
	}
	*ret_session = session;
	return 0;
}

struct session *session_free(struct session *session)
{
	if (!session)
		return NULL;
	if (session->request)
		session->request->session = NULL;
	connection_free(session->connection);
	peer_done(&session->peer);
	free(session->kind);
	free(session);
	return NULL;
}

uid_t session_uid(const struct session *session)
{
	return session->peer.uid;
}

size_t session_queued(const struct session *session)
{
	return connection_queued(session->connection);
}

bool session_is_stream(const struct session *session)
{
	return session->streaming;
}

/* The message for this client, with the number of events that it has lost. */
static char *event_text(const struct session *session, json_t *event, const char *text)
{
	if (!session->lost)
		return strdup(text);
	if (json_object_set_new(event, "lost", json_integer(session->lost)) < 0)
		return NULL;
	return message_reply(json_incref(event), true);
}

bool session_wants(const struct session *session, const char *kind)
{
	return session->streaming && (!session->kind || (kind && strcmp(session->kind, kind) == 0));
}

void session_publish(struct session *session, json_t *event, const char *text)
{
	size_t room = strlen(text) + 64; /* digits of `lost` and all */
	if (session_queued(session) + room > STREAM_QUEUE_MAX ||
	    session->service->queued(session->service->owner) + room > QUEUES_MAX) {
		session->lost++;
		return;
	}
	char *own = event_text(session, event, text);
	if (!own || connection_send(session->connection, own, strlen(own) + 1) < 0) {
		session->lost++;
		return;
	}
	session->lost = 0;
}
