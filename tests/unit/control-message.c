/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "control/message.h"

#include "base/array.h"
#include "control/parameters.h"
#include "control/service.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text)
{
	struct call call;
	int r = call_parse(text, strlen(text), &call);
	if (r == 0)
		call_done(&call);
	return r;
}

START_TEST(a_call_is_read_with_all_that_it_says)
{
	static const char text[] = "{\"method\":\"io.egressd.Explain\",\"more\":true,"
	                           "\"parameters\":{\"source\":\"192.0.2.1\"}}";
	struct call call;
	ck_assert_int_eq(call_parse(text, strlen(text), &call), 0);
	ck_assert_str_eq(call.method, "io.egressd.Explain");
	ck_assert_str_eq(call_member(&call), "Explain");
	ck_assert(call_is_for(&call, "io.egressd"));
	ck_assert(!call_is_for(&call, "io.egress"));
	ck_assert(!call_is_for(&call, "io.egressd.Explain"));
	ck_assert(call.more);
	ck_assert(!call.oneway);
	ck_assert(!call.upgrade);
	ck_assert_str_eq(json_string_value(json_object_get(call.parameters, "source")),
	                 "192.0.2.1");
	call_done(&call);
}
END_TEST

START_TEST(a_call_without_parameters_has_an_empty_object_of_them)
{
	static const char *const texts[] = {
	        "{\"method\":\"io.egressd.GetStatus\"}",
	        "{\"method\":\"io.egressd.GetStatus\",\"parameters\":null}",
	        "{\"method\":\"io.egressd.GetStatus\",\"parameters\":{},\"oneway\":null}",
	};
	for (size_t i = 0; i < ELEMENTS_OF(texts); i++) {
		struct call call;
		ck_assert_int_eq(call_parse(texts[i], strlen(texts[i]), &call), 0);
		ck_assert(json_is_object(call.parameters));
		ck_assert_uint_eq(json_object_size(call.parameters), 0);
		ck_assert(!call.oneway);
		call_done(&call);
	}
}
END_TEST

START_TEST(what_is_no_call_is_malformed)
{
	static const char *const texts[] = {
	        "",
	        "nonsense",
	        "[]",
	        "42",
	        "{",
	        "{}",
	        "{\"method\":7}",
	        "{\"method\":\"\"}",
	        "{\"method\":\"NoDot\"}",
	        "{\"method\":\".Get\"}",
	        "{\"method\":\"io.egressd.\"}",
	        "{\"method\":\"a.B\",\"parameters\":[]}",
	        "{\"method\":\"a.B\",\"parameters\":\"x\"}",
	        "{\"method\":\"a.B\",\"more\":1}",
	        "{\"method\":\"a.B\",\"oneway\":\"yes\"}",
	        "{\"method\":\"a.B\",\"upgrade\":{}}",
	        "{\"method\":\"a.B\",\"more\":true,\"oneway\":true}",
	        "{\"method\":\"a.B\",\"method\":\"a.C\"}",
	        "{\"method\":\"a.B\"} more",
	        "{\"method\":\"a.B\\u0000C\"}",
	        "{\"method\":\"a.\xff\"}",
	};
	for (size_t i = 0; i < ELEMENTS_OF(texts); i++)
		ck_assert_msg(parse(texts[i]) == MESSAGE_MALFORMED, "taken: %s", texts[i]);
}
END_TEST

START_TEST(deep_nesting_is_malformed_and_does_no_harm)
{
	static char text[1024 * 1024];
	memset(text, '[', sizeof(text) - 1);
	ck_assert_int_eq(parse(text), MESSAGE_MALFORMED);
}
END_TEST

static void expect_text(char *text, const char *expected)
{
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(messages_are_written_as_varlink_has_them)
{
	expect_text(message_call("a.B", json_object(), false),
	            "{\"method\":\"a.B\",\"parameters\":{}}");
	expect_text(message_call("a.B", json_pack("{s:i}", "x", 1), true),
	            "{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"more\":true}");
	expect_text(message_reply(json_pack("{s:i}", "x", 1), false), "{\"parameters\":{\"x\":1}}");
	expect_text(message_reply(json_object(), true), "{\"parameters\":{},\"continues\":true}");
	expect_text(message_error("a.Bad", json_object()),
	            "{\"error\":\"a.Bad\",\"parameters\":{}}");
	ck_assert_ptr_null(message_reply(NULL, false));
	ck_assert_ptr_null(message_error("a.Bad", NULL));
}
END_TEST

START_TEST(replies_are_read_back_as_they_were_written)
{
	char *text = message_reply(json_pack("{s:i}", "x", 1), true);
	struct reply reply;
	ck_assert_int_eq(reply_parse(text, strlen(text), &reply), 0);
	ck_assert_ptr_null(reply.error);
	ck_assert(reply.continues);
	ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "x")), 1);
	reply_done(&reply);
	free(text);

	text = message_error("io.egressd.Failed", json_pack("{s:s}", "text", "no"));
	ck_assert_int_eq(reply_parse(text, strlen(text), &reply), 0);
	ck_assert_str_eq(reply.error, "io.egressd.Failed");
	ck_assert(!reply.continues);
	reply_done(&reply);
	free(text);

	ck_assert_int_eq(reply_parse("{\"error\":\"nodot\"}", 17, &reply), MESSAGE_MALFORMED);
	ck_assert_int_eq(reply_parse("{\"error\":7}", 11, &reply), MESSAGE_MALFORMED);
	ck_assert_int_eq(reply_parse("{\"parameters\":7}", 16, &reply), MESSAGE_MALFORMED);
}
END_TEST

static const struct parameter table[] = {
        {"source", PARAMETER_STRING, true},
        {"since", PARAMETER_INT, false},
        {"all", PARAMETER_BOOL, false},
        {},
};

static void check_parameters(const char *text, const struct parameter *parameters,
                             const char *expected_wrong)
{
	json_t *object = json_loads(text, 0, NULL);
	const char *wrong = "";
	ck_assert_ptr_nonnull(object);
	int r = parameters_check(object, parameters, &wrong);
	ck_assert_int_eq(r, *expected_wrong ? PARAMETERS_WRONG : 0);
	ck_assert_str_eq(wrong, expected_wrong);
	json_decref(object);
}

START_TEST(parameters_must_be_known_and_complete_and_of_their_type)
{
	check_parameters("{\"source\":\"x\"}", table, "");
	check_parameters("{\"source\":\"x\",\"since\":5,\"all\":false}", table, "");
	check_parameters("{\"source\":\"x\",\"since\":null}", table, "");
	check_parameters("{}", table, "source");
	check_parameters("{\"source\":null}", table, "source");
	check_parameters("{\"source\":5}", table, "source");
	check_parameters("{\"source\":\"x\",\"since\":\"5\"}", table, "since");
	check_parameters("{\"source\":\"x\",\"since\":5.5}", table, "since");
	check_parameters("{\"source\":\"x\",\"all\":0}", table, "all");
	check_parameters("{\"source\":\"x\",\"sauce\":1}", table, "sauce");
	check_parameters("{}", NULL, "");
	check_parameters("{\"x\":null}", NULL, "x");
}
END_TEST

START_TEST(optional_parameters_that_are_null_are_taken_away)
{
	json_t *object = json_loads("{\"source\":\"x\",\"since\":null}", 0, NULL);
	const char *wrong;
	ck_assert_int_eq(parameters_check(object, table, &wrong), 0);
	ck_assert_ptr_null(json_object_get(object, "since"));
	ck_assert_ptr_nonnull(json_object_get(object, "source"));
	json_decref(object);
}
END_TEST

START_TEST(the_service_describes_both_its_interfaces)
{
	json_t *info = service_info("1.2.3");
	const json_t *interface;
	size_t i;
	ck_assert_str_eq(json_string_value(json_object_get(info, "version")), "1.2.3");
	ck_assert_uint_eq(json_array_size(json_object_get(info, "interfaces")), 2);
	json_array_foreach(json_object_get(info, "interfaces"), i, interface)
	{
		const char *name = json_string_value(interface);
		const char *text = service_description(name);
		char line[64];
		snprintf(line, sizeof(line), "\ninterface %s\n", name);
		ck_assert_ptr_nonnull(text);
		ck_assert_ptr_nonnull(strstr(text, line));
	}
	ck_assert_ptr_null(service_description("io.egress"));
	json_decref(info);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control-message");
	TCase *tests = tcase_create("messages");
	tcase_add_test(tests, a_call_is_read_with_all_that_it_says);
	tcase_add_test(tests, a_call_without_parameters_has_an_empty_object_of_them);
	tcase_add_test(tests, what_is_no_call_is_malformed);
	tcase_add_test(tests, deep_nesting_is_malformed_and_does_no_harm);
	tcase_add_test(tests, messages_are_written_as_varlink_has_them);
	tcase_add_test(tests, replies_are_read_back_as_they_were_written);
	tcase_add_test(tests, parameters_must_be_known_and_complete_and_of_their_type);
	tcase_add_test(tests, optional_parameters_that_are_null_are_taken_away);
	tcase_add_test(tests, the_service_describes_both_its_interfaces);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
