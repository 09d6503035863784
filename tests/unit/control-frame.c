/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "control/frame.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void expect(struct frames *frames, const char *text)
{
	const char *message;
	size_t length;
	ck_assert_int_eq(frames_take(frames, &message, &length), 0);
	ck_assert_str_eq(message, text);
	ck_assert_uint_eq(length, strlen(text));
}

static int take(struct frames *frames)
{
	const char *message;
	size_t length;
	return frames_take(frames, &message, &length);
}

START_TEST(messages_arrive_whole_wherever_the_stream_is_cut)
{
	static const char stream[] = "first\0\0the third one";
	for (size_t cut = 0; cut <= sizeof(stream); cut++) {
		struct frames frames;
		frames_init(&frames, 100);
		ck_assert_int_eq(frames_feed(&frames, stream, cut), 0);
		ck_assert_int_eq(frames_feed(&frames, stream + cut, sizeof(stream) - cut), 0);
		expect(&frames, "first");
		expect(&frames, "");
		expect(&frames, "the third one");
		ck_assert_int_eq(take(&frames), FRAME_NONE);
		frames_done(&frames);
	}
}
END_TEST

START_TEST(a_message_that_comes_byte_by_byte_is_not_there_before_its_nul)
{
	struct frames frames;
	frames_init(&frames, 5);
	for (const char *p = "hello"; *p; p++) {
		ck_assert_int_eq(frames_feed(&frames, p, 1), 0);
		ck_assert_int_eq(take(&frames), FRAME_NONE);
	}
	ck_assert_int_eq(frames_feed(&frames, "", 1), 0);
	expect(&frames, "hello");
	frames_done(&frames);
}
END_TEST

START_TEST(a_message_of_exactly_the_limit_passes_and_one_byte_more_is_oversize)
{
	struct frames frames;
	frames_init(&frames, 4);
	ck_assert_int_eq(frames_feed(&frames, "1234", 5), 0);
	expect(&frames, "1234");
	ck_assert_int_eq(frames_feed(&frames, "12345", 5), 0);
	ck_assert_int_eq(take(&frames), FRAME_OVERSIZE);
	ck_assert_uint_eq(frames_room(&frames), 0);
	ck_assert_int_eq(frames_feed(&frames, "6", 1), -ENOBUFS);
	frames_done(&frames);
}
END_TEST

START_TEST(the_buffer_never_holds_more_than_the_limit_and_a_nul)
{
	struct frames frames;
	char bytes[64] = {};
	frames_init(&frames, 10);
	ck_assert_uint_eq(frames_room(&frames), 11);
	ck_assert_int_eq(frames_feed(&frames, bytes, 12), -ENOBUFS);
	ck_assert_int_eq(frames_feed(&frames, "ab\0cd", 6), 0);
	ck_assert_uint_eq(frames_room(&frames), 5);
	expect(&frames, "ab");
	ck_assert_uint_eq(frames_room(&frames), 8);
	expect(&frames, "cd");
	ck_assert_uint_eq(frames_room(&frames), 11);
	ck_assert_uint_le(frames.capacity, 11);
	frames_done(&frames);
}
END_TEST

START_TEST(a_million_messages_pass_through_a_small_buffer)
{
	struct frames frames;
	size_t taken = 0;
	frames_init(&frames, 4096);
	for (unsigned i = 0; i < 1000000 / 100; i++) {
		char bytes[200];
		for (unsigned j = 0; j < 100; j++)
			memcpy(bytes + 2 * j, "x", 2);
		ck_assert_int_eq(frames_feed(&frames, bytes, sizeof(bytes)), 0);
		while (take(&frames) == 0)
			taken++;
	}
	ck_assert_uint_eq(taken, 1000000);
	ck_assert_uint_le(frames.capacity, 4097);
	frames_done(&frames);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control-frame");
	TCase *tests = tcase_create("frames");
	tcase_add_test(tests, messages_arrive_whole_wherever_the_stream_is_cut);
	tcase_add_test(tests, a_message_that_comes_byte_by_byte_is_not_there_before_its_nul);
	tcase_add_test(tests, a_message_of_exactly_the_limit_passes_and_one_byte_more_is_oversize);
	tcase_add_test(tests, the_buffer_never_holds_more_than_the_limit_and_a_nul);
	tcase_add_test(tests, a_million_messages_pass_through_a_small_buffer);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
