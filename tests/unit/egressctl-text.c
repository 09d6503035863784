/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "tool-clock.h"

#include "base/array.h"
#include "columns.h"
#include "field.h"
#include "local_time.h"
#include "plain.h"
#include "since.h"
#include "units.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

START_TEST(protocol_and_port_are_shown_with_the_name_of_the_service)
{
	static const struct {
		const char *protocol;
		int port; /* -1: none */
		const char *service;
		const char *text;
		size_t traffic;
	} cases[] = {
	        {"tcp", 21, "ftp", "tcp/21 (ftp)", 6},
	        {"udp", 40000, NULL, "udp/40000", 9},
	        {"icmp", 8, NULL, "icmp/echo-request", 17},
	        {"icmp", 8, "ping", "icmp/echo-request (ping)", 17},
	        {"icmpv6", 128, NULL, "icmpv6/echo-request", 19},
	        {"icmp", 77, NULL, "icmp/77", 7},
	        {"icmp", 264, NULL, "icmp/264", 8},
	        {"gre", -1, NULL, "gre", 3},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		size_t traffic = 0;
		json_t *entry = json_pack("{s:s, s:s?}", "protocol", cases[i].protocol, "service",
		                          cases[i].service);
		json_object_set_new(entry, "port",
		                    cases[i].port < 0 ? json_null() : json_integer(cases[i].port));
		char *text = field_service(entry, &traffic);
		ck_assert_str_eq(text, cases[i].text);
		ck_assert_uint_eq(traffic, cases[i].traffic);
		free(text);
		json_decref(entry);
	}
}
END_TEST

static const struct column narrow_columns[] = {
        {"Name", false, YIELD_FIRST},   {"Address", false, YIELD_NEVER},
        {"Reason", false, YIELD_AWAY},  {"Service", false, YIELD_FIRST},
        {"Attempts", true, YIELD_AWAY}, {},
};

/* The same table, fitted to a terminal of that many columns. */
static void expect_columns(size_t width, const char *expected)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	struct writer writer = {.out = out, .width = width, .utf8 = true, .terminal = true};
	struct columns columns;
	columns_init(&columns, &writer, narrow_columns);
	columns_add_across(&columns, COLOUR_NONE, "%s", "from side to side");
	columns_add(&columns, COLOUR_NONE, "%s", "a-name-of-some-length");
	columns_add(&columns, COLOUR_NONE, "%s", "2001:db8::7");
	columns_add(&columns, COLOUR_NONE, "%s", "role");
	columns_add(&columns, COLOUR_NONE, "%s", "tcp/6667 (internet-relay)");
	columns_keep(&columns, 8);
	columns_add(&columns, COLOUR_NONE, "%s", "7");
	columns_print(&columns);
	columns_done(&columns);
	fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(names_yield_first_then_columns_and_addresses_never)
{
	expect_columns(120,
	               "Name                   Address      Reason  Service                    "
	               "Attempts\n"
	               "from side to side\n"
	               "a-name-of-some-length  2001:db8::7  role    tcp/6667 (internet-relay)  "
	               "       7\n");
	expect_columns(50, "Name      Address      Reason  Service    Attempts\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  role    tcp/6667…         7\n");
	expect_columns(48, "Name          Address      Reason  Service\n"
	                   "from side to side\n"
	                   "a-name-of-s…  2001:db8::7  role    tcp/6667 (in…\n");
	expect_columns(40, "Name      Address      Reason  Service\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  role    tcp/6667…\n");
	expect_columns(32, "Name      Address      Service\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  tcp/6667…\n");
	expect_columns(20, "Name      Address      Service\n"
	                   "from side to side\n"
	                   "a-name-…  2001:db8::7  tcp/6667…\n");
}
END_TEST

START_TEST(numbers_are_short_and_never_too_large)
{
	static const struct {
		int64_t number;
		const char *count;
		const char *bytes;
	} cases[] = {
	        {-5, "0", "0 B"},
	        {0, "0", "0 B"},
	        {999, "999", "999 B"},
	        {1000, "1.0k", "1000 B"},
	        {1299, "1.2k", "1.2 KiB"},
	        {9999, "9.9k", "9.7 KiB"},
	        {34567, "34k", "33 KiB"},
	        {999999, "999k", "976 KiB"},
	        {3565158, "3.5M", "3.3 MiB"},
	        {INT64_MAX, "9223372T", "8388607 TiB"},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char buffer[UNIT_TEXT_MAX];
		ck_assert_str_eq(count_print(cases[i].number, buffer), cases[i].count);
		ck_assert_str_eq(bytes_print(cases[i].number, buffer), cases[i].bytes);
	}
}
END_TEST

START_TEST(times_are_read_as_people_say_them)
{
	static const struct {
		const char *text;
		long long expected;
	} cases[] = {
	        {"10min", AT(600)},
	        {"90 s", AT(90)},
	        {"2h", AT(7200)},
	        {"3 days", AT(3 * 86400)},
	        {"1w", AT(7 * 86400)},
	        {"999999999w", 0},
	        {"today", 1795305600},
	        {"yesterday", 1795219200},
	        {"2026-11-22 14:00", 1795356000},
	        {"2026-11-22 14:00:30", 1795356030},
	        {"2026-11-20", 1795132800},
	        {"13:00", 1795352400},
	        {"", -1},
	        {"10", -1},
	        {"min", -1},
	        {"10 parsecs", -1},
	        {"9999999999s", 0},
	        {"1h30m", AT(5400)},
	        {"1 h 30 min", AT(5400)},
	        {"30m1h", -1},
	        {"0s", -1},
	        {"-5min", -1},
	        {"2026-02-31", -1},
	        {"2026-11-22 14:00 or so", -1},
	        {"tomorrow", -1},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		usec_t time = 0;
		int r = since_parse(cases[i].text, NOW, &time);
		ck_assert_msg(r == (cases[i].expected < 0 ? -EINVAL : 0), "\"%s\": %d",
		              cases[i].text, r);
		if (r == 0)
			ck_assert_msg(time == (usec_t)cases[i].expected * USEC_PER_SEC,
			              "\"%s\": %llu", cases[i].text, (unsigned long long)time);
	}
}
END_TEST

START_TEST(text_from_outside_is_made_safe)
{
	static const struct {
		const char *text;
		const char *utf8;
		const char *ascii;
	} cases[] = {
	        {"plain", "plain", "plain"},
	        {"\033[31mred\007", "?[31mred?", "?[31mred?"},
	        {"a\nb\rc\td\x7f", "a?b?c?d?", "a?b?c?d?"},
	        {"B\xc3\xbcro", "B\xc3\xbcro", "B?ro"},
	        {"\xc2\x9b"
	         "31m",
	         "?31m", "?31m"},
	        {"\xe2\x80\xae"
	         "txt",
	         "?txt", "?txt"},
	        {"bad \xff\xc3", "bad ??", "bad ??"},
	        {"\xc0\xaf\xed\xa0\x80", "?????", "?????"},
	        {"\xf0\x9f\x90\x8c", "\xf0\x9f\x90\x8c", "?"},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char *utf8 = plain_copy(cases[i].text, true, false);
		char *ascii = plain_copy(cases[i].text, false, false);
		ck_assert_str_eq(utf8, cases[i].utf8);
		ck_assert_str_eq(ascii, cases[i].ascii);
		free(utf8);
		free(ascii);
	}
}
END_TEST

START_TEST(times_within_sentences_are_those_of_the_reader)
{
	static const struct {
		const char *text;
		const char *local;
	} cases[] = {
	        {"until 2026-11-22 18:00:00 UTC, by alice",
	         "until 2026-11-22 19:00:00 CET, by alice"},
	        {"2026-07-01 23:30:00 UTC", "2026-07-02 01:30:00 CEST"},
	        {"2026-11-22 18:00:00 UTC to 2026-11-22 18:00:01 UTC.",
	         "2026-11-22 19:00:00 CET to 2026-11-22 19:00:01 CET."},
	        {"2026-11-22 18:00:00 CET, 02026-11-22 18:00:00 UTC, in UTC",
	         "2026-11-22 18:00:00 CET, 02026-11-22 18:00:00 UTC, in UTC"},
	        {"no time at all", "no time at all"},
	        {"", ""},
	};
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char *local = local_times(strdup(cases[i].text));
		ck_assert_str_eq(local, cases[i].local);
		free(local);
	}
	ck_assert_ptr_null(local_times(NULL));
	char buffer[UNIT_TEXT_MAX];
	ck_assert_str_eq(time_print((int64_t)NOW, buffer), "2026-11-22 15:02:11 CET");
}
END_TEST

int main(void)
{
	if (!place_reader())
		return EXIT_FAILURE;

	Suite *suite = suite_create("egressctl-text");
	TCase *tests = tcase_create("egressctl-text");
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, protocol_and_port_are_shown_with_the_name_of_the_service);
	tcase_add_test(tests, names_yield_first_then_columns_and_addresses_never);
	tcase_add_test(tests, numbers_are_short_and_never_too_large);
	tcase_add_test(tests, times_are_read_as_people_say_them);
	tcase_add_test(tests, text_from_outside_is_made_safe);
	tcase_add_test(tests, times_within_sentences_are_those_of_the_reader);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
