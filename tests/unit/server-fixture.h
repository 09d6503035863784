/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_UNIT_SERVER_FIXTURE_H
#define EGRESSD_TESTS_UNIT_SERVER_FIXTURE_H

#include "server.h"

#include "control/frame.h"
#include "control/message.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURN_USEC 2000
#define TURNS_MAX 2500

/* A server with a few methods, and what they noticed. */
struct fixture {
	sd_event *event;
	struct server *server;
	struct request *kept; /* by Later */
	unsigned calls;
	char directory[32];
	char path[64];
};

/* A client's end, read without blocking. */
struct end {
	int fd;
	struct frames frames;
};

static inline int do_echo(struct request *request, json_t *parameters, void *userdata)
{
	struct fixture *fixture = userdata;
	fixture->calls++;
	return request_reply(request, json_incref(parameters));
}

static inline int do_later(struct request *request, json_t *parameters, void *userdata)
{
	struct fixture *fixture = userdata;
	fixture->kept = request;
	return 0;
}

static inline int do_fail(struct request *request, json_t *parameters, void *userdata)
{
	return -ENOENT;
}

static inline int do_whoami(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(request, json_pack("{s:i, s:i}", "uid", (int)request_uid(request),
	                                        "pid", (int)request_pid(request)));
}

static inline int do_refuse(struct request *request, json_t *parameters, void *userdata)
{
	return request_invalid_parameter(request, "text");
}

static inline int do_big(struct request *request, json_t *parameters, void *userdata)
{
	size_t length = (size_t)json_integer_value(json_object_get(parameters, "bytes"));
	char *text = malloc(length + 1);
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', length);
	text[length] = '\0';
	json_t *reply = json_pack("{s:s}", "text", text);
	free(text);
	return request_reply(request, reply);
}

static inline int do_nothing_to_say(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(request, NULL);
}

static const struct parameter echo_parameters[] = {{"text", PARAMETER_STRING, true}, {}};
static const struct parameter big_parameters[] = {{"bytes", PARAMETER_INT, true}, {}};

static const struct method methods[] = {
        {"Echo", ACCESS_READ, false, do_echo, echo_parameters},
        {"Later", ACCESS_READ, false, do_later, NULL},
        {"Fail", ACCESS_READ, false, do_fail, NULL},
        {"Whoami", ACCESS_READ, false, do_whoami, NULL},
        {"Refuse", ACCESS_READ, false, do_refuse, NULL},
        {"Big", ACCESS_READ, false, do_big, big_parameters},
        {"NothingToSay", ACCESS_READ, false, do_nothing_to_say, NULL},
        {"Change", ACCESS_CHANGE, false, do_whoami, NULL},
        {"Monitor", ACCESS_READ, true, NULL, NULL},
        {},
};

static inline void set_up(struct fixture *fixture)
{
	*fixture = (struct fixture){.directory = "/tmp/egressd-test-XXXXXX"};
	ck_assert_int_ge(sd_event_new(&fixture->event), 0);
	ck_assert_int_eq(server_new(fixture->event, methods, fixture, &fixture->server), 0);
	ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof(fixture->path), "%s/run/socket", fixture->directory);
}

static inline void tear_down(struct fixture *fixture)
{
	char run[64];
	server_free(fixture->server);
	sd_event_unref(fixture->event);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	rmdir(run);
	ck_assert_int_eq(rmdir(fixture->directory), 0);
}

static inline void turn(struct fixture *fixture)
{
	ck_assert_int_ge(sd_event_run(fixture->event, TURN_USEC), 0);
}

/* Runs the loop until nothing more is to be done at once. */
static inline void settle(struct fixture *fixture)
{
	while (sd_event_run(fixture->event, TURN_USEC) > 0)
		;
}

static inline struct end open_pair(struct fixture *fixture)
{
	int fds[2];
	struct end end;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(server_connect(fixture->server, fds[0]), 0);
	end.fd = fds[1];
	frames_init(&end.frames, FRAME_REPLY_MAX);
	return end;
}

static inline struct end open_path(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct end end = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(connect(end.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	frames_init(&end.frames, FRAME_REPLY_MAX);
	return end;
}

static inline void close_end(struct end *end)
{
	close(end->fd);
	frames_done(&end->frames);
}

/* Sends all of it, running the server whenever the socket is full. */
static inline void send_bytes(struct fixture *fixture, struct end *end, const char *bytes,
                              size_t length)
{
	while (length) {
		ssize_t n = send(end->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			turn(fixture);
			continue;
		}
		if (n < 0)
			return; /* the server has closed it */
		bytes += n;
		length -= (size_t)n;
	}
}

static inline void send_text(struct fixture *fixture, struct end *end, const char *text)
{
	send_bytes(fixture, end, text, strlen(text) + 1);
}

/* True when a whole reply is there; false when the server closed the connection. */
static inline bool receive(struct fixture *fixture, struct end *end, struct reply *ret_reply)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		const char *text;
		size_t length;
		if (frames_take(&end->frames, &text, &length) == 0) {
			ck_assert_int_eq(reply_parse(text, length, ret_reply), 0);
			return true;
		}
		static char buffer[256 * 1024];
		ssize_t n = recv(end->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return false;
		if (n > 0)
			ck_assert_int_eq(frames_feed(&end->frames, buffer, (size_t)n), 0);
		else
			turn(fixture);
	}
	ck_abort_msg("no reply came");
	return false;
}

static inline void expect_closed(struct fixture *fixture, struct end *end)
{
	struct reply reply;
	ck_assert(!receive(fixture, end, &reply));
}

static inline void expect_error(struct fixture *fixture, struct end *end, const char *error)
{
	struct reply reply;
	ck_assert(receive(fixture, end, &reply));
	ck_assert_ptr_nonnull(reply.error);
	ck_assert_str_eq(reply.error, error);
	reply_done(&reply);
}

static inline void expect_text(struct fixture *fixture, struct end *end, const char *text)
{
	struct reply reply;
	ck_assert(receive(fixture, end, &reply));
	ck_assert_ptr_null(reply.error);
	ck_assert_str_eq(json_string_value(json_object_get(reply.parameters, "text")), text);
	reply_done(&reply);
}

static inline void expect_echo(struct fixture *fixture, struct end *end, const char *text)
{
	char call[128];
	snprintf(call, sizeof(call),
	         "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"%s\"}}", text);
	send_text(fixture, end, call);
	expect_text(fixture, end, text);
}

#endif
