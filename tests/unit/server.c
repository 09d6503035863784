/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "server.h"

#include "base/array.h"
#include "control/frame.h"
#include "control/message.h"
#include "peer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

static int do_echo(struct request *request, json_t *parameters, void *userdata)
{
	struct fixture *fixture = userdata;
	fixture->calls++;
	return request_reply(request, json_incref(parameters));
}

static int do_later(struct request *request, json_t *parameters, void *userdata)
{
	struct fixture *fixture = userdata;
	fixture->kept = request;
	return 0;
}

static int do_fail(struct request *request, json_t *parameters, void *userdata)
{
	return -ENOENT;
}

static int do_whoami(struct request *request, json_t *parameters, void *userdata)
{
	return request_reply(request, json_pack("{s:i, s:i}", "uid", (int)request_uid(request),
	                                        "pid", (int)request_pid(request)));
}

static int do_refuse(struct request *request, json_t *parameters, void *userdata)
{
	return request_invalid_parameter(request, "text");
}

static int do_big(struct request *request, json_t *parameters, void *userdata)
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

static int do_nothing_to_say(struct request *request, json_t *parameters, void *userdata)
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

static void set_up(struct fixture *fixture)
{
	*fixture = (struct fixture){.directory = "/tmp/egressd-test-XXXXXX"};
	ck_assert_int_ge(sd_event_new(&fixture->event), 0);
	ck_assert_int_eq(server_new(fixture->event, methods, fixture, &fixture->server), 0);
	ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof(fixture->path), "%s/run/socket", fixture->directory);
}

static void tear_down(struct fixture *fixture)
{
	char run[64];
	server_free(fixture->server);
	sd_event_unref(fixture->event);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	rmdir(run);
	ck_assert_int_eq(rmdir(fixture->directory), 0);
}

static void turn(struct fixture *fixture)
{
	ck_assert_int_ge(sd_event_run(fixture->event, TURN_USEC), 0);
}

/* Runs the loop until nothing more is to be done at once. */
static void settle(struct fixture *fixture)
{
	while (sd_event_run(fixture->event, TURN_USEC) > 0)
		;
}

static struct end open_pair(struct fixture *fixture)
{
	int fds[2];
	struct end end;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(server_connect(fixture->server, fds[0]), 0);
	end.fd = fds[1];
	frames_init(&end.frames, FRAME_REPLY_MAX);
	return end;
}

static struct end open_path(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct end end = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(connect(end.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	frames_init(&end.frames, FRAME_REPLY_MAX);
	return end;
}

static void close_end(struct end *end)
{
	close(end->fd);
	frames_done(&end->frames);
}

/* Sends all of it, running the server whenever the socket is full. */
static void send_bytes(struct fixture *fixture, struct end *end, const char *bytes, size_t length)
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

static void send_text(struct fixture *fixture, struct end *end, const char *text)
{
	send_bytes(fixture, end, text, strlen(text) + 1);
}

/* True when a whole reply is there; false when the server closed the connection. */
static bool receive(struct fixture *fixture, struct end *end, struct reply *ret_reply)
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

static void expect_closed(struct fixture *fixture, struct end *end)
{
	struct reply reply;
	ck_assert(!receive(fixture, end, &reply));
}

static void expect_error(struct fixture *fixture, struct end *end, const char *error)
{
	struct reply reply;
	ck_assert(receive(fixture, end, &reply));
	ck_assert_ptr_nonnull(reply.error);
	ck_assert_str_eq(reply.error, error);
	reply_done(&reply);
}

static void expect_text(struct fixture *fixture, struct end *end, const char *text)
{
	struct reply reply;
	ck_assert(receive(fixture, end, &reply));
	ck_assert_ptr_null(reply.error);
	ck_assert_str_eq(json_string_value(json_object_get(reply.parameters, "text")), text);
	reply_done(&reply);
}

static void expect_echo(struct fixture *fixture, struct end *end, const char *text)
{
	char call[128];
	snprintf(call, sizeof(call),
	         "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"%s\"}}", text);
	send_text(fixture, end, call);
	expect_text(fixture, end, text);
}

START_TEST(a_call_over_the_socket_file_is_answered)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	struct end end = open_path(f.path);
	expect_echo(&f, &end, "hello");
	expect_echo(&f, &end, "again");
	ck_assert_uint_eq(server_clients(f.server), 1);

	send_text(&f, &end, "{\"method\":\"io.egressd.Whoami\"}");
	struct reply reply;
	ck_assert(receive(&f, &end, &reply));
	ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "uid")),
	                 (int)getuid());
	ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "pid")), getpid());
	reply_done(&reply);
	close_end(&end);
	settle(&f);
	ck_assert_uint_eq(server_clients(f.server), 0);
	tear_down(&f);
}
END_TEST

START_TEST(the_socket_file_is_for_owner_and_group_alone_and_goes_with_the_server)
{
	struct fixture f;
	struct stat st;
	set_up(&f);
	mode_t mask = umask(0);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	umask(mask);
	ck_assert_int_eq(stat(f.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	*strrchr(f.path, '/') = '\0';
	ck_assert_int_eq(stat(f.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	f.path[strlen(f.path)] = '/';
	f.server = server_free(f.server);
	ck_assert_int_eq(stat(f.path, &st), -1);
	tear_down(&f);
}
END_TEST

START_TEST(a_stale_socket_file_is_replaced_and_a_live_one_is_not)
{
	struct fixture f, other;
	set_up(&f);
	set_up(&other);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	ck_assert_int_eq(server_listen(other.server, f.path), -EADDRINUSE);
	struct end end = open_path(f.path);
	expect_echo(&f, &end, "still there");
	close_end(&end);
	settle(&f);

	/* A daemon that was killed leaves its file behind. */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", f.directory);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	ck_assert_int_eq(server_listen(other.server, address.sun_path), 0);
	tear_down(&other);
	tear_down(&f);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
	struct fixture f;
	char path[64];
	set_up(&f);
	snprintf(path, sizeof(path), "%s/file", f.directory);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(server_listen(f.server, path), -ENOTSOCK);
	ck_assert_int_eq(unlink(path), 0);
	tear_down(&f);
}
END_TEST

START_TEST(an_inherited_listening_socket_serves)
{
	struct fixture f;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	set_up(&f);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", f.directory);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(server_adopt(f.server, fd), -EINVAL);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(server_adopt(f.server, fd), 0);
	struct end end = open_path(address.sun_path);
	expect_echo(&f, &end, "inherited");
	close_end(&end);
	ck_assert_int_eq(unlink(address.sun_path), 0);
	tear_down(&f);
}
END_TEST

START_TEST(pipelined_calls_are_answered_in_order)
{
	struct fixture f;
	char stream[100 * 80];
	size_t length = 0;
	set_up(&f);
	struct end end = open_pair(&f);
	for (unsigned i = 0; i < 100; i++)
		length += (size_t)sprintf(stream + length,
		                          "{\"method\":\"io.egressd.Echo\",\"parameters\":"
		                          "{\"text\":\"%u\"}}",
		                          i) +
		          1;
	send_bytes(&f, &end, stream, length);
	for (unsigned i = 0; i < 100; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%u", i);
		expect_text(&f, &end, text);
	}
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(a_call_waits_for_the_answer_to_the_one_before)
{
	struct fixture f;
	set_up(&f);
	struct end end = open_pair(&f);
	send_text(&f, &end, "{\"method\":\"io.egressd.Later\"}");
	send_text(&f, &end, "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"b\"}}");
	settle(&f);
	ck_assert_ptr_nonnull(f.kept);
	ck_assert_uint_eq(f.calls, 0);
	request_reply(f.kept, json_pack("{s:s}", "text", "a"));
	expect_text(&f, &end, "a");
	expect_text(&f, &end, "b");
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(a_request_outlives_its_client_and_even_the_server)
{
	struct fixture f;
	set_up(&f);
	struct end end = open_pair(&f);
	send_text(&f, &end, "{\"method\":\"io.egressd.Later\"}");
	settle(&f);
	struct request *first = f.kept;
	ck_assert_ptr_nonnull(first);
	close_end(&end);
	settle(&f);
	ck_assert_uint_eq(server_clients(f.server), 0);
	request_reply(first, json_object());

	end = open_pair(&f);
	send_text(&f, &end, "{\"method\":\"io.egressd.Later\"}");
	settle(&f);
	ck_assert_ptr_nonnull(f.kept);
	f.server = server_free(f.server);
	request_failed(f.kept, "too late");
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(oneway_calls_are_made_and_not_answered)
{
	struct fixture f;
	set_up(&f);
	struct end end = open_pair(&f);
	send_text(
	        &f, &end,
	        "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"x\"},\"oneway\":true}");
	send_text(&f, &end, "{\"method\":\"io.egressd.NoSuch\",\"oneway\":true}");
	expect_echo(&f, &end, "y");
	ck_assert_uint_eq(f.calls, 2);

	/* They are made even if the client has gone by then. */
	send_text(
	        &f, &end,
	        "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"x\"},\"oneway\":true}");
	send_text(
	        &f, &end,
	        "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"x\"},\"oneway\":true}");
	close_end(&end);
	settle(&f);
	ck_assert_uint_eq(f.calls, 4);
	ck_assert_uint_eq(server_clients(f.server), 0);
	tear_down(&f);
}
END_TEST

START_TEST(a_client_that_only_stops_sending_still_gets_its_answers)
{
	struct fixture f;
	set_up(&f);
	struct end end = open_pair(&f);
	send_text(&f, &end, "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"a\"}}");
	send_text(&f, &end, "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"b\"}}");
	ck_assert_int_eq(shutdown(end.fd, SHUT_WR), 0);
	expect_text(&f, &end, "a");
	expect_text(&f, &end, "b");
	expect_closed(&f, &end);
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(wrong_calls_get_the_standard_errors)
{
	static const struct {
		const char *call;
		const char *error;
	} wrong[] = {
	        {"{\"method\":\"io.egressd.NoSuch\"}", "org.varlink.service.MethodNotFound"},
	        {"{\"method\":\"io.other.Echo\"}", "org.varlink.service.InterfaceNotFound"},
	        {"{\"method\":\"io.egressd.Echo\"}", "org.varlink.service.InvalidParameter"},
	        {"{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":1}}",
	         "org.varlink.service.InvalidParameter"},
	        {"{\"method\":\"io.egressd.Later\",\"parameters\":{\"x\":1}}",
	         "org.varlink.service.InvalidParameter"},
	        {"{\"method\":\"io.egressd.Later\",\"upgrade\":true}",
	         "org.varlink.service.InvalidParameter"},
	        {"{\"method\":\"io.egressd.Monitor\"}", "org.varlink.service.ExpectedMore"},
	        {"{\"method\":\"io.egressd.Refuse\"}", "org.varlink.service.InvalidParameter"},
	        {"{\"method\":\"io.egressd.Fail\"}", "io.egressd.Failed"},
	        {"{\"method\":\"io.egressd.NothingToSay\"}", "io.egressd.Failed"},
	        {"{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":"
	         "{\"interface\":\"io.other\"}}",
	         "org.varlink.service.InterfaceNotFound"},
	};
	struct fixture f;
	set_up(&f);
	struct end end = open_pair(&f);
	for (size_t i = 0; i < ELEMENTS_OF(wrong); i++) {
		send_text(&f, &end, wrong[i].call);
		expect_error(&f, &end, wrong[i].error);
	}
	expect_echo(&f, &end, "the connection is none the worse");
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(the_service_tells_about_itself)
{
	struct fixture f;
	struct reply reply;
	set_up(&f);
	struct end end = open_pair(&f);
	send_text(&f, &end, "{\"method\":\"org.varlink.service.GetInfo\"}");
	ck_assert(receive(&f, &end, &reply));
	ck_assert_str_eq(json_string_value(json_object_get(reply.parameters, "product")),
	                 "egressd");
	reply_done(&reply);
	send_text(&f, &end,
	          "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":"
	          "{\"interface\":\"io.egressd\"}}");
	ck_assert(receive(&f, &end, &reply));
	const char *text = json_string_value(json_object_get(reply.parameters, "description"));
	ck_assert_ptr_nonnull(strstr(text, "method GetStatus() -> ("));
	reply_done(&reply);
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(what_is_no_call_ends_the_connection_with_a_word_why)
{
	static const char *const texts[] = {"nonsense", "", "{\"method\":\"x\"}", "[1,2]"};
	struct fixture f;
	set_up(&f);
	for (size_t i = 0; i < ELEMENTS_OF(texts); i++) {
		struct end end = open_pair(&f);
		send_text(&f, &end, texts[i]);
		expect_error(&f, &end, "io.egressd.BadCall");
		expect_closed(&f, &end);
		close_end(&end);
	}
	ck_assert_uint_eq(server_clients(f.server), 0);
	tear_down(&f);
}
END_TEST

START_TEST(an_oversize_call_ends_the_connection_with_a_word_why)
{
	struct fixture f;
	static char bytes[FRAME_CALL_MAX + 65536];
	set_up(&f);
	struct end end = open_pair(&f);
	memset(bytes, ' ', sizeof(bytes));
	send_bytes(&f, &end, bytes, sizeof(bytes));
	expect_error(&f, &end, "io.egressd.BadCall");
	expect_closed(&f, &end);
	close_end(&end);

	/* One that is just short enough is fine. */
	end = open_pair(&f);
	memset(bytes, ' ', FRAME_CALL_MAX);
	static const char call[] =
	        "{\"method\":\"io.egressd.Echo\",\"parameters\":{\"text\":\"x\"}}";
	memcpy(bytes, call, strlen(call));
	bytes[FRAME_CALL_MAX] = '\0';
	send_bytes(&f, &end, bytes, FRAME_CALL_MAX + 1);
	expect_text(&f, &end, "x");
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(an_answer_of_twenty_megabytes_arrives)
{
	struct fixture f;
	struct reply reply;
	set_up(&f);
	struct end end = open_pair(&f);
	send_text(&f, &end, "{\"method\":\"io.egressd.Big\",\"parameters\":{\"bytes\":20000000}}");
	ck_assert(receive(&f, &end, &reply));
	ck_assert_uint_eq(json_string_length(json_object_get(reply.parameters, "text")), 20000000);
	reply_done(&reply);
	send_text(&f, &end, "{\"method\":\"io.egressd.Big\",\"parameters\":{\"bytes\":70000000}}");
	expect_error(&f, &end, "io.egressd.Failed");
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_not_served_further)
{
	struct fixture f;
	set_up(&f);
	struct end end = open_pair(&f), other = open_pair(&f);
	for (unsigned i = 0; i < 20; i++)
		send_text(&f, &end,
		          "{\"method\":\"io.egressd.Big\",\"parameters\":{\"bytes\":5000000}}");
	settle(&f);
	/* One answer waits, and the calls behind it wait unread; others do not notice. */
	expect_echo(&f, &other, "not slowed down");
	for (unsigned i = 0; i < 20; i++) {
		struct reply reply;
		ck_assert(receive(&f, &end, &reply));
		reply_done(&reply);
	}
	close_end(&end);
	close_end(&other);
	tear_down(&f);
}
END_TEST

START_TEST(answers_that_wait_are_bounded_over_all_clients)
{
	struct fixture f;
	struct end ends[4];
	unsigned closed = 0;
	set_up(&f);
	for (size_t i = 0; i < ELEMENTS_OF(ends); i++) {
		ends[i] = open_pair(&f);
		send_text(&f, &ends[i],
		          "{\"method\":\"io.egressd.Big\",\"parameters\":{\"bytes\":60000000}}");
		settle(&f);
	}
	ck_assert_uint_eq(server_clients(f.server), 2);
	for (size_t i = 0; i < ELEMENTS_OF(ends); i++) {
		struct reply reply;
		if (receive(&f, &ends[i], &reply))
			reply_done(&reply);
		else
			closed++;
		close_end(&ends[i]);
	}
	ck_assert_uint_eq(closed, 2);
	tear_down(&f);
}
END_TEST

static json_t *make_event(int number)
{
	return json_pack("{s:s, s:i, s:n, s:s}", "kind", "state", "time", number, "attempt", "text",
	                 "something");
}

START_TEST(streams_get_every_event_in_order)
{
	struct fixture f;
	set_up(&f);
	struct end a = open_pair(&f), b = open_pair(&f);
	server_publish(f.server, make_event(0)); /* for nobody */
	send_text(&f, &a, "{\"method\":\"io.egressd.Monitor\",\"more\":true}");
	send_text(&f, &b, "{\"method\":\"io.egressd.Monitor\",\"more\":true}");
	settle(&f);
	ck_assert_uint_eq(server_streams(f.server), 2);
	for (int i = 1; i <= 1000; i++)
		server_publish(f.server, make_event(i));
	for (int i = 1; i <= 1000; i++) {
		struct reply reply;
		ck_assert(receive(&f, i % 2 ? &a : &b, &reply));
		ck_assert(reply.continues);
		ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "lost")), 0);
		ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "time")),
		                 (i + 1) / 2);
		reply_done(&reply);
	}
	close_end(&a);
	settle(&f);
	ck_assert_uint_eq(server_streams(f.server), 1);
	close_end(&b);
	tear_down(&f);
}
END_TEST

START_TEST(a_slow_stream_loses_events_and_is_told_how_many)
{
	struct fixture f;
	struct reply reply;
	set_up(&f);
	struct end slow = open_pair(&f);
	send_text(&f, &slow, "{\"method\":\"io.egressd.Monitor\",\"more\":true}");
	settle(&f);
	/* Twice what may wait. */
	int published = 0;
	char *text = malloc(100001);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	for (; published < 170; published++)
		server_publish(f.server, json_pack("{s:s, s:i, s:s}", "kind", "state", "time",
		                                   published, "text", text));
	free(text);
	ck_assert_uint_eq(server_streams(f.server), 1);

	int received = 0, last = -1;
	while (last < published) {
		ck_assert(receive(&f, &slow, &reply));
		int time = (int)json_integer_value(json_object_get(reply.parameters, "time"));
		int lost = (int)json_integer_value(json_object_get(reply.parameters, "lost"));
		ck_assert_int_eq(time, last + 1 + lost);
		last = time;
		reply_done(&reply);
		received++;
		/* When it has caught up, the next event tells. */
		if (last < published && received == 80)
			server_publish(f.server, make_event(published));
	}
	ck_assert_int_lt(received, published);
	close_end(&slow);
	tear_down(&f);
}
END_TEST

START_TEST(at_most_64_clients_are_served_and_the_next_one_is_told)
{
	struct fixture f;
	struct end ends[70];
	set_up(&f);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	for (size_t i = 0; i < ELEMENTS_OF(ends); i++) {
		ends[i] = open_path(f.path);
		settle(&f);
	}
	ck_assert_uint_eq(server_clients(f.server), 64);
	expect_echo(&f, &ends[0], "first");
	expect_echo(&f, &ends[63], "last");
	expect_error(&f, &ends[64], "io.egressd.TooManyClients");
	expect_closed(&f, &ends[64]);
	close_end(&ends[0]);
	settle(&f);
	ends[0] = open_path(f.path);
	expect_echo(&f, &ends[0], "there is room again");
	for (size_t i = 0; i < ELEMENTS_OF(ends); i++)
		close_end(&ends[i]);
	tear_down(&f);
}
END_TEST

START_TEST(another_user_gets_16_connections_and_no_answers_without_the_group)
{
	struct fixture f;
	struct end end = {};
	int fds[2];
	set_up(&f);
	/* The kernel notes who makes the pair. */
	ck_assert_int_eq(seteuid(54321), 0);
	for (unsigned i = 0; i < 17; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		ck_assert_int_eq(server_connect(f.server, fds[0]), i < 16 ? 0 : -EUSERS);
		if (i == 0)
			end.fd = fds[1];
	}
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_uint_eq(server_clients(f.server), 16);

	frames_init(&end.frames, FRAME_REPLY_MAX);
	send_text(&f, &end, "{\"method\":\"org.varlink.service.GetInfo\"}");
	expect_error(&f, &end, "io.egressd.PermissionDenied");
	expect_closed(&f, &end);
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(without_descriptors_a_client_is_turned_away_and_the_server_goes_on)
{
	struct fixture f;
	struct rlimit limit;
	set_up(&f);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	struct end served = open_path(f.path), late = open_path(f.path);
	expect_echo(&f, &served, "before");
	settle(&f);
	ck_assert_uint_eq(server_clients(f.server), 2);

	struct end shed = open_path(f.path);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int next = dup(0);
	ck_assert_int_ge(next, 0);
	close(next);
	struct rlimit none = {(rlim_t)next, limit.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	settle(&f);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);

	expect_error(&f, &shed, "io.egressd.TooManyClients");
	expect_closed(&f, &shed);
	expect_echo(&f, &late, "after");
	struct end again = open_path(f.path);
	expect_echo(&f, &again, "a new one too");
	close_end(&served);
	close_end(&late);
	close_end(&shed);
	close_end(&again);
	tear_down(&f);
}
END_TEST

START_TEST(only_the_entitled_may_read_and_change)
{
	gid_t read_member[] = {7, 100}, change_member[] = {7, 200}, others[] = {7, 8};
	const struct peer_rules rules = {.own = 500, .read = {true, 100}, .change = {true, 200}};
	const struct peer_rules no_groups = {
	        .own = 500, .read = {false, 100}, .change = {false, 200}};
	const struct {
		struct peer peer;
		bool read, change, read_without_groups;
	} cases[] = {
	        {{.uid = 0, .gid = 0}, true, true, true},
	        {{.uid = 500, .gid = 9}, true, true, true},
	        {{.uid = 501, .gid = 9}, false, false, false},
	        {{.uid = 501, .gid = 0}, false, false, false},
	        {{.uid = 501, .gid = 100}, true, false, false},
	        {{.uid = 501, .gid = 200}, true, true, false},
	        {{.uid = 501, .gid = 9, .groups = read_member, .group_count = 2},
	         true,
	         false,
	         false},
	        {{.uid = 501, .gid = 9, .groups = change_member, .group_count = 2},
	         true,
	         true,
	         false},
	        {{.uid = 501, .gid = 9, .groups = others, .group_count = 2}, false, false, false},
	        {{.uid = 501, .gid = 9, .groups = read_member, .group_count = 1},
	         false,
	         false,
	         false},
	        {{.uid = (uid_t)-1, .gid = (gid_t)-1}, false, false, false},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		const struct peer *peer = &cases[i].peer;
		ck_assert_int_eq(peer_may(peer, &rules, ACCESS_READ), cases[i].read);
		ck_assert_int_eq(peer_may(peer, &rules, ACCESS_CHANGE), cases[i].change);
		ck_assert_int_eq(peer_may(peer, &no_groups, ACCESS_READ),
		                 cases[i].read_without_groups);
		ck_assert_int_eq(peer_may(peer, &no_groups, ACCESS_CHANGE),
		                 cases[i].read_without_groups);
	}
}
END_TEST

START_TEST(a_peer_that_cannot_be_asked_about_is_turned_away)
{
	struct fixture f;
	struct peer peer;
	int fds[2];
	set_up(&f);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(peer_read(fds[0], &peer), -ENOTSOCK);
	ck_assert_int_eq(server_connect(f.server, fds[0]), -ENOTSOCK);
	ck_assert_uint_eq(server_clients(f.server), 0);
	close(fds[1]);
	tear_down(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server");
	TCase *tests = tcase_create("server");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_call_over_the_socket_file_is_answered);
	tcase_add_test(tests,
	               the_socket_file_is_for_owner_and_group_alone_and_goes_with_the_server);
	tcase_add_test(tests, a_stale_socket_file_is_replaced_and_a_live_one_is_not);
	tcase_add_test(tests, a_file_that_is_no_socket_is_left_alone);
	tcase_add_test(tests, an_inherited_listening_socket_serves);
	tcase_add_test(tests, pipelined_calls_are_answered_in_order);
	tcase_add_test(tests, a_call_waits_for_the_answer_to_the_one_before);
	tcase_add_test(tests, a_request_outlives_its_client_and_even_the_server);
	tcase_add_test(tests, oneway_calls_are_made_and_not_answered);
	tcase_add_test(tests, a_client_that_only_stops_sending_still_gets_its_answers);
	tcase_add_test(tests, wrong_calls_get_the_standard_errors);
	tcase_add_test(tests, the_service_tells_about_itself);
	tcase_add_test(tests, what_is_no_call_ends_the_connection_with_a_word_why);
	tcase_add_test(tests, an_oversize_call_ends_the_connection_with_a_word_why);
	tcase_add_test(tests, an_answer_of_twenty_megabytes_arrives);
	tcase_add_test(tests, a_client_that_does_not_read_is_not_served_further);
	tcase_add_test(tests, answers_that_wait_are_bounded_over_all_clients);
	tcase_add_test(tests, streams_get_every_event_in_order);
	tcase_add_test(tests, a_slow_stream_loses_events_and_is_told_how_many);
	if (getuid() == 0) {
		tcase_add_test(tests, at_most_64_clients_are_served_and_the_next_one_is_told);
		tcase_add_test(tests,
		               another_user_gets_16_connections_and_no_answers_without_the_group);
	} else {
		puts("skipped: limits of root and of other users, for only root can play both");
	}
	tcase_add_test(tests, without_descriptors_a_client_is_turned_away_and_the_server_goes_on);
	tcase_add_test(tests, only_the_entitled_may_read_and_change);
	tcase_add_test(tests, a_peer_that_cannot_be_asked_about_is_turned_away);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
