/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "base/address.h"
#include "base/arena.h"
#include "base/array.h"
#include "base/index.h"
#include "base/printable.h"
#include "base/problems.h"
#include "base/protocol.h"
#include "base/record.h"
#include "base/spelling.h"
#include "base/time.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct address_range range(const char *text)
{
	struct address_range range;
	ck_assert_int_eq(range_parse(text, &range), RANGE_OK);
	return range;
}

static void assert_prints(const char *text, const char *expected)
{
	struct address_range r = range(text);
	char buffer[RANGE_TEXT_MAX];
	ck_assert_str_eq(range_print(&r, buffer), expected);
}

START_TEST(a_range_prints_in_its_shortest_form)
{
	assert_prints("192.0.2.1", "192.0.2.1");
	assert_prints("192.0.2.1/32", "192.0.2.1");
	assert_prints("192.0.2.0/24", "192.0.2.0/24");
	assert_prints("192.0.2.0-192.0.2.255", "192.0.2.0/24");
	assert_prints("192.0.2.0-192.0.2.254", "192.0.2.0-192.0.2.254");
	assert_prints("0.0.0.0/0", "0.0.0.0/0");
	assert_prints("::/0", "::/0");
	assert_prints("2001:db8::/32", "2001:db8::/32");
	assert_prints("2001:DB8::1-2001:db8::2", "2001:db8::1-2001:db8::2");
}
END_TEST

START_TEST(what_is_no_range_is_told_apart)
{
	static const struct {
		const char *text;
		enum range_problem problem;
	} cases[] = {
	        {"", RANGE_NOT_AN_ADDRESS},
	        {"192.0.2", RANGE_NOT_AN_ADDRESS},
	        {"192.0.2.256", RANGE_NOT_AN_ADDRESS},
	        {"office", RANGE_NOT_AN_ADDRESS},
	        {"/24", RANGE_NOT_AN_ADDRESS},
	        {"192.0.2.0/", RANGE_BAD_LENGTH},
	        {"192.0.2.0/33", RANGE_BAD_LENGTH},
	        {"192.0.2.0/-1", RANGE_BAD_LENGTH},
	        {"192.0.2.0/4294967320", RANGE_BAD_LENGTH},
	        {"2001:db8::/129", RANGE_BAD_LENGTH},
	        {"192.0.2.1/24", RANGE_HOST_BITS},
	        {"192.0.2.1-2001:db8::1", RANGE_MIXED_FAMILIES},
	        {"192.0.2.9-192.0.2.1", RANGE_BACKWARDS},
	        {"192.0.2.1-", RANGE_NOT_AN_ADDRESS},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		struct address_range unused;
		ck_assert_msg(range_parse(cases[i].text, &unused) == cases[i].problem, "%s",
		              cases[i].text);
	}
}
END_TEST

START_TEST(host_bits_yield_the_prefix_that_was_meant)
{
	struct address_range meant;
	char buffer[RANGE_TEXT_MAX];
	ck_assert_int_eq(range_parse("192.0.2.65/27", &meant), RANGE_HOST_BITS);
	ck_assert_str_eq(range_print(&meant, buffer), "192.0.2.64/27");
}
END_TEST

START_TEST(the_ends_of_the_address_space_have_no_neighbours)
{
	struct address ends[] = {range("0.0.0.0").from, range("255.255.255.255").from,
	                         range("::").from,
	                         range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").from};
	struct address unused;
	ck_assert(!address_previous(&ends[0], &unused));
	ck_assert(!address_next(&ends[1], &unused));
	ck_assert(!address_previous(&ends[2], &unused));
	ck_assert(!address_next(&ends[3], &unused));
}
END_TEST

/* Random ranges in a small corner of the address space, held against a plain table of bits. */
START_TEST(merged_ranges_are_disjoint_and_cover_the_same_addresses)
{
	unsigned seed = (unsigned)time(NULL);
	printf("merged ranges: seed %u\n", seed);
	srand(seed);

	for (int round = 0; round < 500; round++) {
		struct address_range ranges[20];
		bool covered[256] = {}, found[256] = {};
		size_t count = (size_t)(rand() % 20) + 1;
		for (size_t i = 0; i < count; i++) {
			uint8_t a = (uint8_t)rand(), b = (uint8_t)rand();
			uint8_t from = a < b ? a : b, to = a < b ? b : a;
			ranges[i] = range("255.255.255.0-255.255.255.255");
			ranges[i].from.bytes[3] = from;
			ranges[i].to.bytes[3] = to;
			memset(covered + from, true, (size_t)(to - from) + 1);
		}

		count = ranges_merge(ranges, count);
		for (size_t i = 0; i < count; i++) {
			if (i)
				ck_assert_int_gt(ranges[i].from.bytes[3],
				                 ranges[i - 1].to.bytes[3] + 1);
			for (unsigned a = ranges[i].from.bytes[3]; a <= ranges[i].to.bytes[3]; a++)
				found[a] = true;
		}
		ck_assert_mem_eq(covered, found, sizeof(covered));
	}
}
END_TEST

START_TEST(a_mac_is_read_with_colons_or_dashes_and_nothing_else)
{
	struct mac mac;
	char buffer[MAC_TEXT_MAX];
	ck_assert_int_eq(mac_parse("52:54:00:aB:34:56", &mac), 0);
	ck_assert_str_eq(mac_print(&mac, buffer), "52:54:00:ab:34:56");
	ck_assert_int_eq(mac_parse("52-54-00-12-34-56", &mac), 0);
	ck_assert_int_eq(mac_parse("52:54:00:12:34", &mac), -EINVAL);
	ck_assert_int_eq(mac_parse("52:54:00:12:34:5g", &mac), -EINVAL);
	ck_assert_int_eq(mac_parse("525400123456", &mac), -EINVAL);
}
END_TEST

START_TEST(a_log_prefix_gives_back_what_was_put_in)
{
	char buffer[LOG_PREFIX_MAX];
	enum reason reason;
	const char *role;
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		ck_assert_int_eq(log_prefix_print((enum reason)i, "web-2", buffer), 0);
		ck_assert_int_eq(log_prefix_parse(buffer, &reason, &role), 0);
		ck_assert_uint_eq(reason, i);
		ck_assert_str_eq(role, "web-2");
	}
	ck_assert_int_eq(log_prefix_print(REASON_SPOOFED, NULL, buffer), 0);
	ck_assert_int_eq(log_prefix_parse(buffer, &reason, &role), 0);
	ck_assert_ptr_null(role);
}
END_TEST

START_TEST(a_log_prefix_of_somebody_else_is_refused)
{
	enum reason reason;
	const char *role;
	ck_assert_int_eq(log_prefix_parse("", &reason, &role), -EINVAL);
	ck_assert_int_eq(log_prefix_parse("ulog: role desk", &reason, &role), -EINVAL);
	ck_assert_int_eq(log_prefix_parse("egressd nonsense desk", &reason, &role), -EINVAL);
	ck_assert_int_eq(log_prefix_parse("egressd", &reason, &role), -EINVAL);
}
END_TEST

START_TEST(the_nearest_word_is_offered_and_only_a_near_one)
{
	struct spelling spelling = {.written = "outbuond"};
	spelling_offer(&spelling, "inbound");
	spelling_offer(&spelling, "outbound");
	spelling_offer(&spelling, "tripwire");
	ck_assert_str_eq(spelling.nearest, "outbound");

	spelling = (struct spelling){.written = "htps"};
	spelling_offer(&spelling, "ftps");
	spelling_offer(&spelling, "https");
	spelling_offer(&spelling, "http");
	ck_assert_str_eq(spelling.nearest, "https");

	spelling = (struct spelling){.written = "colour"};
	spelling_offer(&spelling, "tripwire");
	ck_assert_ptr_null(spelling.nearest);
	ck_assert_uint_eq(spelling_distance("http", "htpt"), 1);
	ck_assert_uint_eq(spelling_distance("", "abc"), 3);
}
END_TEST

START_TEST(problems_come_out_by_file_and_line_in_the_order_found)
{
	struct problems problems = {};
	problems_add(&problems, (struct location){"b.conf", 2}, "third");
	problems_add(&problems, (struct location){"a.conf", 9}, "second");
	problems_add(&problems, (struct location){"a.conf", 0}, "%s", "first");
	problems_add(&problems, (struct location){"b.conf", 2}, "fourth");
	problems_sort(&problems);

	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	problems_print(&problems, out);
	fclose(out);
	ck_assert_str_eq(text, "a.conf: first\na.conf:9: second\nb.conf:2: third\n"
	                       "b.conf:2: fourth\n");
	free(text);
	problems_done(&problems);
	ck_assert(problems_empty(&problems));
}
END_TEST

START_TEST(more_problems_than_the_list_holds_are_counted)
{
	struct problems problems = {};
	for (unsigned i = 0; i < PROBLEMS_MAX + 7; i++)
		problems_add(&problems, (struct location){"a.conf", i}, "wrong");
	ck_assert_uint_eq(problems.list.count, PROBLEMS_MAX);
	ck_assert_uint_eq(problems.left_out, 7);
	problems_done(&problems);
}
END_TEST

START_TEST(an_arena_gives_zeroed_aligned_memory_of_any_size)
{
	struct arena *arena = arena_new();
	for (size_t size = 1; size < 3000000; size = size * 3 + 1) {
		/* No type of that size needs more. */
		size_t alignment = size & -size;
		if (alignment > _Alignof(max_align_t))
			alignment = _Alignof(max_align_t);
		unsigned char *bytes = arena_alloc(arena, 1, size);
		ck_assert_ptr_nonnull(bytes);
		ck_assert_uint_eq((uintptr_t)bytes % alignment, 0);
		unsigned char any = 0;
		for (size_t i = 0; i < size; i++)
			any |= bytes[i];
		ck_assert_uint_eq(any, 0);
		memset(bytes, 0xff, size);
	}
	ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX, 2));
	arena_free(arena);
}
END_TEST

START_TEST(strings_in_an_arena_lie_side_by_side_and_numbers_behind_them_are_aligned)
{
	struct arena *arena = arena_new();
	char *first = arena_strdup(arena, "ab"), *second = arena_strdup(arena, "cd");
	uint64_t *number = arena_alloc(arena, 1, sizeof(*number));
	long double *large = arena_alloc(arena, 3, sizeof(*large));
	ck_assert_ptr_eq(second, first + 3);
	ck_assert_uint_eq((uintptr_t)number % _Alignof(uint64_t), 0);
	ck_assert_uint_eq((uintptr_t)large % _Alignof(long double), 0);
	*number = UINT64_MAX;
	memset(large, 0xff, 3 * sizeof(*large));
	ck_assert_str_eq(first, "ab");
	ck_assert_str_eq(second, "cd");
	arena_free(arena);
}
END_TEST

START_TEST(an_arena_keeps_the_items_of_an_array)
{
	struct arena *arena = arena_new();
	ARRAY(unsigned) numbers = {}, none = {};
	for (unsigned i = 0; i < 1000; i++)
		*ARRAY_ADD(&numbers) = i;
	unsigned *kept = ARENA_KEEP(arena, &numbers);
	ck_assert_ptr_null(numbers.items);
	ck_assert_uint_eq(numbers.count + numbers.capacity, 0);
	*ARRAY_ADD(&numbers) = 7; /* the array is another one from now on */
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(kept[i], i);
	ck_assert_ptr_null(ARENA_KEEP(arena, &none));
	ARRAY_DONE(&numbers);
	arena_free(arena);
}
END_TEST

struct named {
	const char *name;
	size_t number;
};

static size_t number_of(struct index *index, const struct named *items, size_t count,
                        const char *name)
{
	const struct named *found = index_find(index, items, count, sizeof(*items), name);
	return found ? found->number : SIZE_MAX;
}

START_TEST(an_index_finds_the_first_of_each_name_while_the_array_grows_and_shrinks)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	ARRAY(struct named) named = {};
	struct index index = {};

	ck_assert_uint_eq(number_of(&index, NULL, 0, "0"), SIZE_MAX);
	for (size_t i = 0; i < 3000; i++) {
		struct named *item = ARRAY_ADD(&named);
		/* Each third name is that of the item before. */
		*item = (struct named){arena_printf(arena, "%zu", i % 3 ? i / 3 * 3 + i % 2 : i),
		                       i};
		if (i % 7 == 0)
			ck_assert_uint_le(number_of(&index, named.items, named.count, item->name),
			                  i);
	}
	for (size_t i = 0; i < named.count; i++) {
		const char *name = named.items[i].name;
		size_t first = 0;
		while (strcmp(named.items[first].name, name) != 0)
			first++;
		ck_assert_uint_eq(number_of(&index, named.items, named.count, name), first);
	}
	ck_assert_uint_eq(number_of(&index, named.items, named.count, "x"), SIZE_MAX);
	ck_assert_uint_eq(number_of(&index, named.items, 10, "12"), SIZE_MAX);
	ck_assert_uint_eq(number_of(&index, named.items, 10, "3"), 3);
	ck_assert_uint_eq(number_of(&index, named.items, named.count, "12"), 12);
	index_done(&index);
	ARRAY_DONE(&named);
}
END_TEST

START_TEST(protocols_and_icmp_types_go_by_name_and_number)
{
	uint8_t number;
	char buffer[PROTOCOL_TEXT_MAX];
	ck_assert_int_eq(protocol_parse("gre", &number), 0);
	ck_assert_uint_eq(number, 47);
	ck_assert_int_eq(protocol_parse("47", &number), -EINVAL);
	ck_assert_str_eq(protocol_print(47, buffer), "gre");
	ck_assert_str_eq(protocol_print(253, buffer), "253");
	ck_assert_int_eq(icmp_type_parse(1, "echo-request", &number), 0);
	ck_assert_uint_eq(number, 8);
	ck_assert_int_eq(icmp_type_parse(58, "echo-request", &number), 0);
	ck_assert_uint_eq(number, 128);
	ck_assert_int_eq(icmp_type_parse(58, "255", &number), 0);
	ck_assert_int_eq(icmp_type_parse(58, "256", &number), -EINVAL);
	ck_assert_int_eq(icmp_type_parse(6, "echo-request", &number), -EINVAL);
}
END_TEST

START_TEST(what_a_stranger_calls_himself_may_stand_in_a_sentence)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
	        {"nft", "nft"},
	        {"kworker/0:1-mm", "kworker/0:1-mm"},
	        {"tmux: server", "\"tmux: server\""},
	        {"", "\"\""},
	        {"a\"; it\n", "\"a\\x22; it\\x0a\""},
	        {"\x1b[2J\\", "\"\\x1b[2J\\x5c\""},
	        {"\xc3\xa4", "\"\\xc3\\xa4\""},
	};
	char buffer[64];
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++)
		ck_assert_str_eq(printable(cases[i].name, buffer, sizeof(buffer)), cases[i].text);
	/* However small the buffer, nothing is written past it. */
	for (size_t size = 1; size < 40; size++) {
		memset(buffer, 'X', sizeof(buffer));
		printable("\x01\x02 abcdefgh\x03\x04\x05", buffer, size);
		ck_assert_uint_lt(strlen(buffer), size);
		ck_assert_int_eq(buffer[size], 'X');
	}
}
END_TEST

START_TEST(a_time_for_people_is_read_again_to_the_second)
{
	const usec_t time = UINT64_C(1795356131) * USEC_PER_SEC;
	char text[UTC_TEXT_MAX], more[2 * UTC_TEXT_MAX];
	usec_t again = 0;
	ck_assert_str_eq(utc_print(time + 999999, text), "2026-11-22 14:02:11 UTC");
	snprintf(more, sizeof(more), "%s, by alice", text);
	ck_assert_str_eq(utc_read(more, &again), ", by alice");
	ck_assert_uint_eq(again, time);
	ck_assert_ptr_null(utc_read("2026-11-22 14:02:11", &again));
	ck_assert_ptr_null(utc_read("by alice", &again));
	ck_assert_ptr_null(utc_read("1969-12-31 00:00:00 UTC", &again));
	/* Nobody asks for that, but a file may say it. */
	ck_assert(utc_print(UINT64_MAX, text)[0] != '\0');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tests = tcase_create("base");
	tcase_add_test(tests, a_range_prints_in_its_shortest_form);
	tcase_add_test(tests, what_is_no_range_is_told_apart);
	tcase_add_test(tests, host_bits_yield_the_prefix_that_was_meant);
	tcase_add_test(tests, the_ends_of_the_address_space_have_no_neighbours);
	tcase_add_test(tests, merged_ranges_are_disjoint_and_cover_the_same_addresses);
	tcase_add_test(tests, a_mac_is_read_with_colons_or_dashes_and_nothing_else);
	tcase_add_test(tests, a_log_prefix_gives_back_what_was_put_in);
	tcase_add_test(tests, a_log_prefix_of_somebody_else_is_refused);
	tcase_add_test(tests, what_a_stranger_calls_himself_may_stand_in_a_sentence);
	tcase_add_test(tests, the_nearest_word_is_offered_and_only_a_near_one);
	tcase_add_test(tests, problems_come_out_by_file_and_line_in_the_order_found);
	tcase_add_test(tests, more_problems_than_the_list_holds_are_counted);
	tcase_add_test(tests, an_arena_gives_zeroed_aligned_memory_of_any_size);
	tcase_add_test(tests,
	               strings_in_an_arena_lie_side_by_side_and_numbers_behind_them_are_aligned);
	tcase_add_test(tests, an_arena_keeps_the_items_of_an_array);
	tcase_add_test(tests,
	               an_index_finds_the_first_of_each_name_while_the_array_grows_and_shrinks);
	tcase_add_test(tests, protocols_and_icmp_types_go_by_name_and_number);
	tcase_add_test(tests, a_time_for_people_is_read_again_to_the_second);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
