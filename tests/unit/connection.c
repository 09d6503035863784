/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "connection.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT     1024
#define IDLE_USEC (50 * USEC_PER_MSEC)
#define TURN_USEC (10 * USEC_PER_MSEC)

struct fixture {
	sd_event *event;
	struct connection *connection;
	int fd; /* the client's end */
	unsigned messages;
	bool closed;
};

static void on_message(struct connection *connection, const char *text, size_t length,
                       void *userdata)
{
	struct fixture *fixture = userdata;
	fixture->messages++;
}

static void on_oversize(struct connection *connection, void *userdata)
{
	connection_finish(connection);
}

static void on_closed(struct connection *connection, void *userdata)
{
	struct fixture *fixture = userdata;
	fixture->closed = true;
	fixture->connection = connection_free(connection);
}

static const struct connection_events events = {on_message, on_oversize, on_closed};

static void set_up(struct fixture *fixture)
{
	int fds[2];
	*fixture = (struct fixture){};
	ck_assert_int_ge(sd_event_new(&fixture->event), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
	                 0);
	fixture->fd = fds[1];
	ck_assert_int_eq(connection_new(fixture->event, fds[0], LIMIT, IDLE_USEC, &events, fixture,
	                                &fixture->connection),
	                 0);
}

static void tear_down(struct fixture *fixture)
{
	connection_free(fixture->connection);
	sd_event_unref(fixture->event);
	close(fixture->fd);
}

/* Runs for far longer than a client may be idle; the loop's timers are coarse. */
static void run(struct fixture *fixture)
{
	for (unsigned i = 0; i < 200 && !fixture->closed; i++)
		ck_assert_int_ge(sd_event_run(fixture->event, TURN_USEC), 0);
}

static void queue(struct fixture *fixture, size_t length)
{
	char *text = calloc(1, length);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(connection_send(fixture->connection, text, length), 0);
}

START_TEST(a_silent_client_is_closed)
{
	struct fixture f;
	set_up(&f);
	run(&f);
	ck_assert(f.closed);
	tear_down(&f);
}
END_TEST

START_TEST(a_client_that_sends_a_byte_now_and_then_is_closed_too)
{
	struct fixture f;
	set_up(&f);
	for (unsigned i = 0; i < 300 && !f.closed; i++) {
		(void)!send(f.fd, "x", 1, MSG_NOSIGNAL);
		usleep(TURN_USEC);
		ck_assert_int_ge(sd_event_run(f.event, TURN_USEC), 0);
	}
	ck_assert(f.closed);
	ck_assert_uint_eq(f.messages, 0);
	tear_down(&f);
}
END_TEST

START_TEST(a_client_that_takes_nothing_of_what_waits_is_closed)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(send(f.fd, "call", 5, 0), 5);
	while (!f.messages)
		ck_assert_int_ge(sd_event_run(f.event, TURN_USEC), 0);
	queue(&f, 4 * 1024 * 1024);
	connection_next(f.connection);
	ck_assert_uint_gt(connection_queued(f.connection), 0);
	run(&f);
	ck_assert(f.closed);
	tear_down(&f);
}
END_TEST

START_TEST(a_client_whose_call_is_being_dealt_with_may_wait_as_long_as_it_takes)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(send(f.fd, "call", 5, 0), 5);
	run(&f);
	ck_assert_uint_eq(f.messages, 1);
	ck_assert(!f.closed);
	connection_next(f.connection);
	run(&f);
	ck_assert(f.closed);
	tear_down(&f);
}
END_TEST

START_TEST(a_stream_is_never_idle_and_ends_when_its_client_goes)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(send(f.fd, "call", 5, 0), 5);
	while (!f.messages)
		ck_assert_int_ge(sd_event_run(f.event, TURN_USEC), 0);
	connection_stream(f.connection);
	connection_next(f.connection);
	run(&f);
	ck_assert(!f.closed);
	close(f.fd);
	f.fd = -1;
	run(&f);
	ck_assert(f.closed);
	tear_down(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection");
	TCase *tests = tcase_create("connection");
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, a_silent_client_is_closed);
	tcase_add_test(tests, a_client_that_sends_a_byte_now_and_then_is_closed_too);
	tcase_add_test(tests, a_client_that_takes_nothing_of_what_waits_is_closed);
	tcase_add_test(tests, a_client_whose_call_is_being_dealt_with_may_wait_as_long_as_it_takes);
	tcase_add_test(tests, a_stream_is_never_idle_and_ends_when_its_client_goes);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
