/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/recent.h"

#include "track/hash.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>

struct item {
	uint32_t key;
	uint32_t value;
};

START_TEST(the_hash_is_siphash_2_4)
{
	/* The test vectors of its reference implementation: key 00 01 .. 0f, input 00 01 02 .. */
	static const struct {
		size_t length;
		uint64_t hash;
	} vectors[] = {
	        {0, 0x726fdb47dd0e0e31},
	        {1, 0x74f839c593dc67fd},
	        {8, 0x93f5f5799a932462},
	        {15, 0xa129ca6149be45e5},
	};
	const struct hash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	uint8_t input[16];
	for (uint8_t i = 0; i < sizeof(input); i++)
		input[i] = i;
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(hash_bytes(&key, input, vectors[i].length), vectors[i].hash);
}
END_TEST

static struct item *add(struct recent *recent, uint32_t key)
{
	struct item *item = recent_add(recent, &key);
	ck_assert_uint_eq(item->key, key);
	ck_assert_uint_eq(item->value, 0);
	item->value = key * 10;
	return item;
}

START_TEST(the_item_used_longest_ago_makes_room)
{
	_cleanup_(recent_freep) struct recent *recent = NULL;
	ck_assert_int_eq(recent_new(3, sizeof(uint32_t), sizeof(struct item), &recent), 0);
	ck_assert_ptr_null(recent_first(recent));
	for (uint32_t key = 1; key <= 3; key++) {
		ck_assert_ptr_null(recent_victim(recent));
		add(recent, key);
	}
	const struct item *used = recent_use(recent, &(uint32_t){1});
	ck_assert_uint_eq(used->value, 10);
	ck_assert_uint_eq(((const struct item *)recent_victim(recent))->key, 2);
	add(recent, 4);
	ck_assert_ptr_null(recent_use(recent, &(uint32_t){2}));
	ck_assert_uint_eq(recent_count(recent), 3);

	static const uint32_t order[] = {4, 1, 3};
	size_t n = 0;
	for (const struct item *i = recent_first(recent); i; i = recent_next(recent, i)) {
		ck_assert_uint_lt(n, 3);
		ck_assert_uint_eq(i->key, order[n++]);
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(a_table_that_was_full_many_times_over_holds_the_last_items)
{
	enum { MAX = 1000, KEYS = 50000 };
	_cleanup_(recent_freep) struct recent *recent = NULL;
	ck_assert_int_eq(recent_new(MAX, sizeof(uint32_t), sizeof(struct item), &recent), 0);
	for (uint32_t key = 0; key < KEYS; key++)
		add(recent, key);
	for (uint32_t key = 0; key < KEYS; key++) {
		const struct item *item = recent_use(recent, &key);
		if (key < KEYS - MAX)
			ck_assert_ptr_null(item);
		else
			ck_assert_uint_eq(item->value, key * 10);
	}
}
END_TEST

START_TEST(sizes_without_sense_are_refused)
{
	struct recent *recent = NULL;
	ck_assert_int_eq(recent_new(0, 4, 8, &recent), -EINVAL);
	ck_assert_int_eq(recent_new(1, 0, 8, &recent), -EINVAL);
	ck_assert_int_eq(recent_new(1, 9, 8, &recent), -EINVAL);
	ck_assert_int_eq(recent_new(SIZE_MAX, 4, 8, &recent), -EINVAL);
	ck_assert_ptr_null(recent);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-recent");
	TCase *c = tcase_create("recent");
	tcase_add_test(c, the_hash_is_siphash_2_4);
	tcase_add_test(c, the_item_used_longest_ago_makes_room);
	tcase_add_test(c, a_table_that_was_full_many_times_over_holds_the_last_items);
	tcase_add_test(c, sizes_without_sense_are_refused);
	suite_add_tcase(suite, c);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
