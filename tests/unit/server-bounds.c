/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "server-fixture.h"

#include "base/array.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

int main(void)
{
	Suite *suite = suite_create("server-bounds");
	TCase *tests = tcase_create("server-bounds");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, an_oversize_call_ends_the_connection_with_a_word_why);
	tcase_add_test(tests, an_answer_of_twenty_megabytes_arrives);
	tcase_add_test(tests, a_client_that_does_not_read_is_not_served_further);
	tcase_add_test(tests, answers_that_wait_are_bounded_over_all_clients);
	tcase_add_test(tests, streams_get_every_event_in_order);
	tcase_add_test(tests, a_slow_stream_loses_events_and_is_told_how_many);
	tcase_add_test(tests, without_descriptors_a_client_is_turned_away_and_the_server_goes_on);
	if (getuid() == 0)
		tcase_add_test(tests, at_most_64_clients_are_served_and_the_next_one_is_told);
	else
		puts("skipped: the limit of clients, which for others than root is lower");
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
