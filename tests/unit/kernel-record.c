/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "kernel/nflog_datagram.h"
#include "kernel/nflog_record.h"

#include "kernel/wire.h"

#include <arpa/inet.h>
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define NOW UINT64_C(42)

static const uint8_t payload[] = {0x45, 0, 0, 20, 1, 2, 3};

struct result {
	struct record record;
	bool has_sequence;
	uint32_t sequence;
};

static void begin(struct wire *wire)
{
	wire_begin(wire, NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET, 0, AF_INET, 100, 0);
}

static int finish(struct wire *wire, struct result *result)
{
	wire_end(wire);
	ck_assert_int_eq(wire->error, 0);
	*result = (struct result){};
	return nflog_record_read((const struct nlmsghdr *)(void *)wire->bytes, NOW, &result->record,
	                         &result->has_sequence, &result->sequence);
}

static void put_time(struct wire *wire, uint64_t sec, uint64_t usec)
{
	struct nfulnl_msg_packet_timestamp stamp = {.sec = htobe64(sec), .usec = htobe64(usec)};

	wire_put(wire, NFULA_TIMESTAMP, &stamp, sizeof(stamp));
}

static void put_mac(struct wire *wire, uint16_t length)
{
	struct nfulnl_msg_packet_hw hardware = {
	        .hw_addrlen = htons(length),
	        .hw_addr = {0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x78, 0x9a},
	};

	wire_put(wire, NFULA_HWADDR, &hardware, sizeof(hardware));
}

START_TEST(a_whole_record_is_read)
{
	struct wire wire = {};
	struct result result;

	begin(&wire);
	wire_string(&wire, NFULA_PREFIX, "egressd role desk");
	wire_u32(&wire, NFULA_IFINDEX_INDEV, 7);
	wire_u32(&wire, NFULA_IFINDEX_OUTDEV, 8);
	wire_u32(&wire, NFULA_UID, 1000);
	wire_u32(&wire, NFULA_GID, 100);
	wire_u32(&wire, NFULA_SEQ, 99);
	put_mac(&wire, 6);
	put_time(&wire, 1700000000, 999999);
	wire_put(&wire, NFULA_PAYLOAD, payload, sizeof(payload));
	ck_assert_int_eq(finish(&wire, &result), 0);
	ck_assert_str_eq(result.record.prefix, "egressd role desk");
	ck_assert_uint_eq(result.record.interface, 7);
	ck_assert(result.record.has_uid);
	ck_assert_uint_eq(result.record.uid, 1000);
	ck_assert_uint_eq(result.record.gid, 100);
	ck_assert_uint_eq(result.record.leaves_by, 8);
	ck_assert(result.has_sequence);
	ck_assert_uint_eq(result.sequence, 99);
	ck_assert(result.record.has_mac);
	ck_assert_mem_eq(result.record.mac.bytes, "\122\124\0\22\64\126", 6);
	ck_assert_uint_eq(result.record.time, UINT64_C(1700000000999999));
	ck_assert_uint_eq(result.record.payload_length, sizeof(payload));
	ck_assert_mem_eq(result.record.payload, payload, sizeof(payload));
	wire_done(&wire);
}
END_TEST

START_TEST(a_record_with_nothing_in_it_has_an_empty_prefix_and_the_readers_time)
{
	struct wire wire = {};
	struct result result;

	begin(&wire);
	ck_assert_int_eq(finish(&wire, &result), 0);
	ck_assert_str_eq(result.record.prefix, "");
	ck_assert_uint_eq(result.record.payload_length, 0);
	ck_assert_uint_eq(result.record.time, NOW);
	ck_assert(!result.record.has_mac && !result.record.has_uid && !result.has_sequence);
	wire_done(&wire);
}
END_TEST

START_TEST(attributes_of_a_wrong_length_count_as_absent)
{
	struct wire wire = {};
	struct result result;

	begin(&wire);
	wire_put(&wire, NFULA_PREFIX, "no end", 6);
	wire_u16(&wire, NFULA_UID, 5);
	wire_u64(&wire, NFULA_SEQ, 5);
	wire_u8(&wire, NFULA_IFINDEX_INDEV, 5);
	wire_u64(&wire, NFULA_TIMESTAMP, 5);
	wire_u32(&wire, NFULA_HWADDR, 6);
	ck_assert_int_eq(finish(&wire, &result), 0);
	ck_assert_str_eq(result.record.prefix, "");
	ck_assert_uint_eq(result.record.interface, 0);
	ck_assert_uint_eq(result.record.time, NOW);
	ck_assert(!result.record.has_mac && !result.record.has_uid && !result.has_sequence);
	wire_done(&wire);
}
END_TEST

START_TEST(a_hardware_address_that_is_no_mac_counts_as_none)
{
	static const uint16_t lengths[] = {0, 5, 7, 8, 20, UINT16_MAX};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct wire wire = {};
		struct result result;

		begin(&wire);
		put_mac(&wire, lengths[i]);
		ck_assert_int_eq(finish(&wire, &result), 0);
		ck_assert(!result.record.has_mac);
		wire_done(&wire);
	}
}
END_TEST

START_TEST(a_time_that_does_not_fit_is_the_readers)
{
	static const uint64_t times[][2] = {
	        {UINT64_MAX, 0}, {1, 1000000}, {UINT64_MAX / 1000000, 999999}, {1, UINT64_MAX}};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct wire wire = {};
		struct result result;

		begin(&wire);
		put_time(&wire, times[i][0], times[i][1]);
		ck_assert_int_eq(finish(&wire, &result), 0);
		ck_assert_uint_eq(result.record.time, NOW);
		wire_done(&wire);
	}
}
END_TEST

START_TEST(any_other_message_is_no_record)
{
	struct wire wire = {};
	struct result result;

	wire_begin(&wire, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, 0, AF_INET, 100, 0);
	ck_assert_int_eq(finish(&wire, &result), -EBADMSG);
	wire_done(&wire);
	wire_begin(&wire, NFNL_SUBSYS_NFTABLES, NFULNL_MSG_PACKET, 0, AF_INET, 100, 0);
	ck_assert_int_eq(finish(&wire, &result), -EBADMSG);
	wire_done(&wire);
}
END_TEST

/* The sanitizers see it when a byte behind the end is looked at. */
START_TEST(a_record_cut_off_anywhere_is_read_without_harm)
{
	struct wire wire = {};
	struct result result;

	begin(&wire);
	wire_string(&wire, NFULA_PREFIX, "egressd role desk");
	put_mac(&wire, 6);
	put_time(&wire, 1, 2);
	wire_put(&wire, NFULA_PAYLOAD, payload, sizeof(payload));
	ck_assert_int_eq(finish(&wire, &result), 0);
	for (uint32_t length = sizeof(struct nlmsghdr); length < wire.length; length++) {
		uint8_t *copy = malloc(length);
		int r;

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, wire.bytes, length);
		memcpy(copy, &length, sizeof(length));
		r = nflog_record_read((const struct nlmsghdr *)(void *)copy, NOW, &result.record,
		                      &result.has_sequence, &result.sequence);
		ck_assert_int_eq(r, length < 20 ? -EBADMSG : 0);
		free(copy);
	}
	wire_done(&wire);
}
END_TEST

static void count_records(const struct record *records, size_t count, void *userdata)
{
	*(size_t *)userdata += count;
}

START_TEST(a_datagram_is_read_up_to_a_message_that_claims_more_than_is_there)
{
	static const uint32_t claims[] = {0, 15, 21, INT32_MAX, UINT32_C(1) << 31, UINT32_MAX};

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct nflog_numbers numbers = {};
		struct wire wire = {};
		size_t count = 0;

		begin(&wire);
		wire_end(&wire);
		size_t second = wire.length;
		begin(&wire);
		wire_end(&wire);
		ck_assert_int_eq(wire.error, 0);
		memcpy(wire.bytes + second, &claims[i], sizeof(claims[i]));
		nflog_datagram_read(&numbers, wire.bytes, wire.length, NOW, count_records, &count);
		ck_assert_uint_eq(count, 1);
		ck_assert_uint_eq(numbers.counts.received, 1);
		wire_done(&wire);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel-record");
	TCase *tests = tcase_create("record");

	tcase_add_test(tests, a_whole_record_is_read);
	tcase_add_test(tests, a_record_with_nothing_in_it_has_an_empty_prefix_and_the_readers_time);
	tcase_add_test(tests, attributes_of_a_wrong_length_count_as_absent);
	tcase_add_test(tests, a_hardware_address_that_is_no_mac_counts_as_none);
	tcase_add_test(tests, a_time_that_does_not_fit_is_the_readers);
	tcase_add_test(tests, any_other_message_is_no_record);
	tcase_add_test(tests, a_record_cut_off_anywhere_is_read_without_harm);
	tcase_add_test(tests, a_datagram_is_read_up_to_a_message_that_claims_more_than_is_there);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
