/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "server-fixture.h"

#include "base/array.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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

int main(void)
{
	Suite *suite = suite_create("server");
	TCase *tests = tcase_create("server");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, pipelined_calls_are_answered_in_order);
	tcase_add_test(tests, a_call_waits_for_the_answer_to_the_one_before);
	tcase_add_test(tests, a_request_outlives_its_client_and_even_the_server);
	tcase_add_test(tests, oneway_calls_are_made_and_not_answered);
	tcase_add_test(tests, a_client_that_only_stops_sending_still_gets_its_answers);
	tcase_add_test(tests, wrong_calls_get_the_standard_errors);
	tcase_add_test(tests, the_service_tells_about_itself);
	tcase_add_test(tests, what_is_no_call_ends_the_connection_with_a_word_why);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
