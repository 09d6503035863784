/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/recent.h"

#include "track/hash.h"
#include "track/tag.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

START_TEST(every_bit_of_a_key_of_any_length_counts_for_its_tag)
{
	struct tag_secret secret;
	ck_assert_int_eq(tag_secret_draw(&secret), 0);
	unsigned alike = 0;
	for (size_t size = 1; size <= TAG_KEY_MAX; size++) {
		uint8_t key[TAG_KEY_MAX] = {};
		uint32_t tag = tag_of(&secret, key, size);
		for (size_t bit = 0; bit < 8 * size; bit++) {
			key[bit / 8] ^= (uint8_t)(1 << bit % 8);
			alike += tag_of(&secret, key, size) == tag;
			key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	/* Of 62,000 pairs one is alike with one secret in 69,000, two hardly ever. */
	ck_assert_uint_lt(alike, 2);
}
END_TEST

START_TEST(tags_of_neighbouring_keys_spread_over_a_table)
{
	enum { KEYS = 65536, SIZE = 20, PLACES = 256 };
	struct tag_secret secret;
	ck_assert_int_eq(tag_secret_draw(&secret), 0);
	unsigned low[PLACES] = {}, high[PLACES] = {};
	for (uint32_t i = 0; i < KEYS; i++) {
		uint8_t key[SIZE] = {};
		memcpy(key + 6, &i, sizeof(i));
		uint32_t tag = tag_of(&secret, key, SIZE);
		low[tag % PLACES]++;
		high[tag / (UINT32_MAX / PLACES + 1)]++;
	}
	/* 256 are expected of each, 16 off on average. */
	for (unsigned i = 0; i < PLACES; i++) {
		ck_assert_uint_lt(low[i], 2 * KEYS / PLACES);
		ck_assert_uint_lt(high[i], 2 * KEYS / PLACES);
	}
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

START_TEST(whatever_the_secret_is_no_five_neighbours_of_a_network_meet)
{
	enum { SECRETS = 20000, NEIGHBOURS = 80, PLACES = 8192 };
	for (unsigned i = 0; i < SECRETS; i++) {
		struct tag_secret secret;
		ck_assert_int_eq(tag_secret_draw(&secret), 0);
		uint8_t met[PLACES] = {};
		uint8_t key[] = {10, 0, 0, 0};
		for (; key[3] < NEIGHBOURS; key[3]++)
			ck_assert_uint_lt(++met[tag_of(&secret, key, sizeof(key)) % PLACES], 5);
	}
}
END_TEST

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

struct owned {
	uint16_t owner;
	uint16_t number;
	uint32_t value;
};

static struct recent *fair(size_t max)
{
	struct recent *recent;
	ck_assert_int_eq(recent_new_fair(max, sizeof(uint16_t), sizeof(uint32_t),
	                                 sizeof(struct owned), &recent),
	                 0);
	return recent;
}

static bool has(struct recent *recent, uint16_t owner, uint16_t number)
{
	const struct owned key = {.owner = owner, .number = number};
	for (const struct owned *o = recent_first(recent); o; o = recent_next(recent, o))
		if (memcmp(o, &key, sizeof(uint32_t)) == 0)
			return true;
	return false;
}

static void put(struct recent *recent, uint16_t owner, uint16_t number)
{
	const struct owned key = {.owner = owner, .number = number};
	if (!recent_use(recent, &key))
		recent_add(recent, &key);
}

START_TEST(a_flood_by_one_owner_costs_the_others_next_to_nothing)
{
	enum { MAX = 1024, OTHERS = 900 };
	_cleanup_(recent_freep) struct recent *recent = fair(MAX);
	for (uint16_t owner = 1; owner <= OTHERS; owner++)
		put(recent, owner, 7);
	for (uint16_t number = 0; number < 60000; number++)
		put(recent, 0, number);
	ck_assert_uint_eq(recent_count(recent), MAX);
	/* Owners are told apart by a hash: now and then one has the fate of the flooder. */
	unsigned lost = 0;
	for (uint16_t owner = 1; owner <= OTHERS; owner++)
		lost += !has(recent, owner, 7);
	ck_assert_uint_le(lost, 3);
	/* Of its own the flood keeps the latest. */
	for (uint16_t number = 60000 - (MAX - OTHERS); number < 60000; number++)
		ck_assert(has(recent, 0, number));
}
END_TEST

START_TEST(a_flood_by_many_owners_costs_what_came_once_before_what_came_again)
{
	enum { MAX = 1024, AGAIN = 500 };
	_cleanup_(recent_freep) struct recent *recent = fair(MAX);
	for (uint16_t owner = 1; owner <= AGAIN; owner++) {
		put(recent, owner, 1);
		put(recent, owner, 1);
	}
	for (uint16_t owner = 1000; owner < 60000; owner++)
		put(recent, owner, 1);
	ck_assert_uint_eq(recent_count(recent), MAX);
	for (uint16_t owner = 1; owner <= AGAIN; owner++)
		ck_assert(has(recent, owner, 1));
	ck_assert(has(recent, 59999, 1));
}
END_TEST

START_TEST(items_that_all_came_again_make_room_in_their_order)
{
	_cleanup_(recent_freep) struct recent *recent = fair(64);
	for (uint16_t owner = 0; owner < 200; owner++) {
		put(recent, owner, 1);
		put(recent, owner, 1);
	}
	for (uint16_t owner = 136; owner < 200; owner++)
		ck_assert(has(recent, owner, 1));
}
END_TEST

/* The same keys in plain arrays: what is there, in which order, and who the victim may be. */
START_TEST(a_fair_table_agrees_with_a_slow_one_whatever_comes)
{
	unsigned seed = (unsigned)time(NULL);
	printf("track-recent: seed %u\n", seed);
	srandom(seed);
	for (unsigned round = 0; round < 200; round++) {
		size_t max = 1 + (size_t)random() % 60;
		long owners = 1 + random() % 20;
		_cleanup_(recent_freep) struct recent *recent = fair(max);
		struct owned slow[64];
		size_t count = 0;
		for (unsigned i = 0; i < 500; i++) {
			struct owned key = {.owner = (uint16_t)(random() % owners),
			                    .number = (uint16_t)(random() % 8)};
			size_t at = 0;
			while (at < count && memcmp(&slow[at], &key, sizeof(uint32_t)) != 0)
				at++;
			void *used = recent_use(recent, &key);
			ck_assert_int_eq(used != NULL, at < count);
			if (!used) {
				const struct owned *victim = recent_victim(recent);
				ck_assert_int_eq(victim != NULL, count == max);
				if (victim)
					for (at = 0;
					     memcmp(&slow[at], victim, sizeof(uint32_t)) != 0; at++)
						ck_assert_uint_lt(at, count);
				recent_add(recent, &key);
			}
			if (at < count)
				memmove(&slow[at], &slow[at + 1], (--count - at) * sizeof(*slow));
			slow[count++] = key;
			const struct owned *o = recent_first(recent);
			size_t j = count;
			for (; o && j > 0 && memcmp(o, &slow[j - 1], sizeof(uint32_t)) == 0; j--)
				o = recent_next(recent, o);
			ck_assert(!o && j == 0);
			ck_assert_uint_eq(recent_count(recent), count);
		}
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
	tcase_set_timeout(c, 120);
	tcase_add_test(c, the_hash_is_siphash_2_4);
	tcase_add_test(c, every_bit_of_a_key_of_any_length_counts_for_its_tag);
	tcase_add_test(c, tags_of_neighbouring_keys_spread_over_a_table);
	tcase_add_test(c, whatever_the_secret_is_no_five_neighbours_of_a_network_meet);
	tcase_add_test(c, the_item_used_longest_ago_makes_room);
	tcase_add_test(c, a_table_that_was_full_many_times_over_holds_the_last_items);
	tcase_add_test(c, a_flood_by_one_owner_costs_the_others_next_to_nothing);
	tcase_add_test(c, a_flood_by_many_owners_costs_what_came_once_before_what_came_again);
	tcase_add_test(c, items_that_all_came_again_make_room_in_their_order);
	tcase_add_test(c, a_fair_table_agrees_with_a_slow_one_whatever_comes);
	tcase_add_test(c, sizes_without_sense_are_refused);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
