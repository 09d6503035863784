/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "conntrack-fixture.h"

#include <check.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MANY       20000 /* UDP flows, to the ports from FIRST_PORT on */
#define FIRST_PORT 20000

START_TEST(deleting_removes_just_the_one)
{
	struct traffic_flows flows, left;
	const struct flow *victim;

	for (uint16_t port = 6000; port < 6010; port++) {
		traffic_udp("127.0.0.1", 5000, "127.0.0.1", port);
		traffic_udp("::1", 5000, "::1", (uint16_t)(port + 100));
	}
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 20);
	victim = traffic_find(&flows, IPPROTO_UDP, 6105);
	ck_assert_ptr_nonnull(victim);
	ck_assert_int_eq(conntrack_delete(conntrack, victim), 0);
	left = traffic_flows(conntrack);
	ck_assert_uint_eq(left.list.count, 19);
	ck_assert_ptr_null(traffic_find(&left, IPPROTO_UDP, 6105));
	ck_assert_int_eq(conntrack_delete(conntrack, victim), CONNTRACK_GONE);
	ck_assert_uint_eq(count_flows(), 19);
	ARRAY_DONE(&flows.list);
	ARRAY_DONE(&left.list);
}
END_TEST

#define OTHERS_MAX 20

START_TEST(a_new_entry_with_the_tuple_of_an_old_one_is_not_deleted_in_its_place)
{
	struct traffic_flows flows, later;
	size_t deleted;

	traffic_udp("127.0.0.1", 5000, "127.0.0.1", 6000);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 1);
	ck_assert_int_eq(conntrack_delete(conntrack, flows.list.items), 0);
	/* Entries are taken from a pool, and one in the same place has the same id: others in
	 * between keep it from being the same, but not always. */
	for (unsigned i = 1; i <= OTHERS_MAX; i++) {
		traffic_udp("127.0.0.1", 5000, "127.0.0.1", (uint16_t)(6000 + i));
		traffic_udp("127.0.0.1", 5000, "127.0.0.1", 6000);
		later = traffic_flows(conntrack);
		const struct flow *again = traffic_find(&later, IPPROTO_UDP, 6000);
		if (again->id != flows.list.items[0].id)
			break;
		ck_assert_uint_lt(i, OTHERS_MAX);
		ck_assert_int_eq(conntrack_delete(conntrack, again), 0);
		ARRAY_DONE(&later.list);
	}
	size_t before = count_flows();
	ck_assert_int_eq(conntrack_delete(conntrack, flows.list.items), CONNTRACK_GONE);
	ck_assert_int_eq(conntrack_delete_many(conntrack, flows.list.items, 1, &deleted), 0);
	ck_assert_uint_eq(deleted, 0);
	ck_assert_uint_eq(count_flows(), before);
	ARRAY_DONE(&flows.list);
	ARRAY_DONE(&later.list);
}
END_TEST

static int refuse_third(const struct flow *flow, void *userdata)
{
	unsigned *told = userdata;

	return ++*told == 3 ? -ECANCELED : 0;
}

START_TEST(a_callback_ends_the_dump_and_the_next_one_is_whole)
{
	unsigned told = 0;

	for (uint16_t i = 0; i < 1000; i++)
		traffic_udp("127.0.0.1", 5000, "127.0.0.1", (uint16_t)(FIRST_PORT + i));
	ck_assert_int_eq(conntrack_dump(conntrack, refuse_third, &told), -ECANCELED);
	ck_assert_uint_eq(told, 3);
	ck_assert_uint_eq(count_flows(), 1000);
}
END_TEST

static void make_many(size_t count)
{
	int fd = traffic_socket(SOCK_DGRAM, "127.0.0.1", 5000);

	for (size_t i = 0; i < count; i++)
		traffic_send(fd, "127.0.0.1", (uint16_t)(FIRST_PORT + i));
	close(fd);
}

START_TEST(twenty_thousand_flows_are_told_and_deleted_and_the_rest_stays)
{
	struct traffic_flows flows, left;
	size_t deleted;

	make_many(MANY);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, MANY);
	traffic_udp("127.0.0.1", 5001, "127.0.0.1", 9);
	ck_assert_int_eq(conntrack_delete_many(conntrack, flows.list.items, MANY, &deleted), 0);
	ck_assert_uint_eq(deleted, MANY);
	left = traffic_flows(conntrack);
	ck_assert_uint_eq(left.list.count, 1);
	ck_assert_ptr_nonnull(traffic_find(&left, IPPROTO_UDP, 9));
	ck_assert_int_eq(conntrack_delete_many(conntrack, flows.list.items, MANY, &deleted), 0);
	ck_assert_uint_eq(deleted, 0);
	ck_assert_uint_eq(count_flows(), 1);
	ARRAY_DONE(&flows.list);
	ARRAY_DONE(&left.list);
}
END_TEST

START_TEST(deleting_many_tells_how_many_were_still_there)
{
	struct traffic_flows flows;
	size_t deleted;

	make_many(1000);
	flows = traffic_flows(conntrack);
	for (size_t i = 0; i < 1000; i += 10)
		ck_assert_int_eq(conntrack_delete(conntrack, &flows.list.items[i]), 0);
	ck_assert_int_eq(conntrack_delete_many(conntrack, flows.list.items, 1000, &deleted), 0);
	ck_assert_uint_eq(deleted, 900);
	ck_assert_uint_eq(count_flows(), 0);
	ck_assert_int_eq(conntrack_delete_many(conntrack, flows.list.items, 0, &deleted), 0);
	ck_assert_uint_eq(deleted, 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

START_TEST(a_receive_buffer_that_holds_no_answers_leaves_nothing_behind)
{
	struct conntrack *poor;
	struct traffic_flows flows;
	size_t deleted;

	make_many(1000);
	ck_assert_int_eq(conntrack_open(1, &poor), 0);
	flows = traffic_flows(poor);
	ck_assert_uint_eq(flows.list.count, 1000);
	/* More refusals than it holds, in the same send as the rest. */
	for (size_t i = 0; i < 1000; i += 2)
		ck_assert_int_eq(conntrack_delete(conntrack, &flows.list.items[i]), 0);
	ck_assert_int_eq(conntrack_delete_many(poor, flows.list.items, 1000, &deleted), 0);
	ck_assert_uint_le(deleted, 500);
	ck_assert_uint_eq(count_flows(), 0);
	ARRAY_DONE(&flows.list);
	conntrack_free(poor);
}
END_TEST

struct churn {
	struct conntrack *other;
	bool told[MANY];
	size_t deleted;
};

/* Deletes what has an odd port while the dump goes on. */
static int delete_odd(const struct flow *flow, void *userdata)
{
	struct churn *churn = userdata;
	int r;

	churn->told[flow->destination_port - FIRST_PORT] = true;
	if (flow->destination_port % 2 == 0)
		return 0;
	r = conntrack_delete(churn->other, flow);
	if (r == 0)
		churn->deleted++;
	return r < 0 ? r : 0;
}

START_TEST(what_stays_is_told_while_other_flows_go)
{
	struct churn *churn = calloc(1, sizeof(*churn));

	ck_assert_ptr_nonnull(churn);
	make_many(MANY);
	ck_assert_int_eq(conntrack_open(0, &churn->other), 0);
	ck_assert_int_eq(conntrack_dump(conntrack, delete_odd, churn), 0);
	ck_assert_uint_eq(churn->deleted, MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		ck_assert(churn->told[i]);
	ck_assert_uint_eq(count_flows(), MANY / 2);
	conntrack_free(churn->other);
	free(churn);
}
END_TEST

/* Takes all capabilities away for good. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	ck_assert_int_eq(syscall(SYS_capset, &header, none), 0);
}

START_TEST(without_the_capability_nothing_is_deleted)
{
	struct traffic_flows flows;
	size_t deleted;

	make_many(300);
	flows = traffic_flows(conntrack);
	drop_capabilities();
	ck_assert_int_eq(conntrack_delete(conntrack, flows.list.items), -EPERM);
	ck_assert_int_eq(conntrack_delete_many(conntrack, flows.list.items, 300, &deleted), -EPERM);
	ck_assert_uint_eq(deleted, 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel conntrack-delete");
	TCase *tests = tcase_create("conntrack-delete");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, deleting_removes_just_the_one);
	tcase_add_test(tests, a_new_entry_with_the_tuple_of_an_old_one_is_not_deleted_in_its_place);
	tcase_add_test(tests, a_callback_ends_the_dump_and_the_next_one_is_whole);
	tcase_add_test(tests, twenty_thousand_flows_are_told_and_deleted_and_the_rest_stays);
	tcase_add_test(tests, deleting_many_tells_how_many_were_still_there);
	tcase_add_test(tests, a_receive_buffer_that_holds_no_answers_leaves_nothing_behind);
	tcase_add_test(tests, what_stays_is_told_while_other_flows_go);
	tcase_add_test(tests, without_the_capability_nothing_is_deleted);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
