/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"

#include "kernel/picked_up.h"
#include "kernel/socket.h"
#include "ruleset/names.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static struct kernel *kernel;

static void setup(void)
{
	namespace_enter();
	ck_assert_int_eq(kernel_open(&kernel), 0);
}

static void teardown(void)
{
	kernel = kernel_free(kernel);
}

/* The table with nothing but the two sets, of that many elements each. */
static void make_sets(unsigned size)
{
	char text[1024];

	snprintf(text, sizeof(text),
	         "table inet egressd {\n"
	         "set picked_up4 {\n"
	         "type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service\n"
	         "flags dynamic,timeout\ntimeout 5d\nsize %u\n}\n"
	         "set picked_up6 {\n"
	         "type ipv6_addr . inet_proto . inet_service . ipv6_addr . inet_service\n"
	         "flags dynamic,timeout\ntimeout 5d\nsize %u\n}\n"
	         "}\n",
	         size, size);
	ck_assert_int_eq(namespace_run("nft -f -", text), 0);
}

static struct flow flow_of(const char *server, uint16_t server_port, const char *client,
                           uint16_t client_port)
{
	struct flow flow = {
	        .protocol = IPPROTO_TCP,
	        .has_ports = true,
	        .source_port = server_port,
	        .reached_port = client_port,
	};
	ck_assert_int_eq(address_parse(server, &flow.source), 0);
	ck_assert_int_eq(address_parse(client, &flow.reached), 0);
	return flow;
}

static struct picked_up_list list;

static void read_list(size_t expected)
{
	picked_up_done(&list);
	ck_assert_int_eq(picked_up_read(kernel, &list), 0);
	ck_assert_uint_eq(list.list.count, expected);
}

START_TEST(a_table_without_the_sets_has_picked_up_nothing)
{
	read_list(0);
	ck_assert_int_eq(namespace_run("nft add table inet egressd", NULL), 0);
	read_list(0);
}
END_TEST

START_TEST(connections_of_both_families_are_read_as_they_were_added)
{
	const struct flow flows[] = {
	        flow_of("203.0.113.7", 80, "192.168.0.11", 40000),
	        flow_of("203.0.113.7", 80, "192.168.0.11", 40001),
	        flow_of("2001:db8::80", 443, "2001:db8:1::11", 65535),
	};
	make_sets(64);
	ck_assert_int_eq(picked_up_add(kernel, flows, ELEMENTS_OF(flows)), 0);
	read_list(ELEMENTS_OF(flows));
	for (size_t i = 0; i < ELEMENTS_OF(flows); i++) {
		const struct picked_up *one = picked_up_find(&list, &flows[i]);
		ck_assert_ptr_nonnull(one);
		ck_assert_uint_eq(one->server_port, flows[i].source_port);
		ck_assert_uint_eq(one->client_port, flows[i].reached_port);
		ck_assert_uint_eq(one->protocol, IPPROTO_TCP);
		ck_assert_uint_ge(one->left, PICKED_UP_SECONDS - 10);
	}
	picked_up_done(&list);
}
END_TEST

START_TEST(another_port_or_end_is_another_connection)
{
	const struct flow flow = flow_of("203.0.113.7", 80, "192.168.0.11", 40000);
	const struct flow others[] = {
	        flow_of("203.0.113.7", 81, "192.168.0.11", 40000),
	        flow_of("203.0.113.7", 80, "192.168.0.11", 40001),
	        flow_of("203.0.113.8", 80, "192.168.0.11", 40000),
	        flow_of("192.168.0.11", 40000, "203.0.113.7", 80),
	};
	make_sets(64);
	ck_assert_int_eq(picked_up_add(kernel, &flow, 1), 0);
	read_list(1);
	for (size_t i = 0; i < ELEMENTS_OF(others); i++)
		ck_assert_ptr_null(picked_up_find(&list, &others[i]));
	picked_up_done(&list);
}
END_TEST

START_TEST(one_that_is_renewed_begins_its_time_anew)
{
	const struct flow flow = flow_of("203.0.113.7", 80, "192.168.0.11", 40000);
	make_sets(64);
	ck_assert_int_eq(
	        namespace_run("nft add element inet egressd picked_up4 "
	                      "'{ 203.0.113.7 . tcp . 80 . 192.168.0.11 . 40000 timeout 1h }'",
	                      NULL),
	        0);
	read_list(1);
	ck_assert_uint_le(list.list.items[0].left, 3600);
	ck_assert_int_eq(picked_up_renew(kernel, &flow, 1), 0);
	read_list(1);
	ck_assert_uint_ge(list.list.items[0].left, PICKED_UP_SECONDS - 10);
	picked_up_done(&list);
}
END_TEST

START_TEST(a_full_set_is_told)
{
	const struct flow flows[] = {
	        flow_of("203.0.113.7", 80, "192.168.0.11", 40000),
	        flow_of("203.0.113.7", 80, "192.168.0.11", 40001),
	        flow_of("203.0.113.7", 80, "192.168.0.11", 40002),
	};
	make_sets(2);
	ck_assert_int_eq(picked_up_add(kernel, flows, ELEMENTS_OF(flows)), PICKED_UP_FULL);
	read_list(0);
	picked_up_done(&list);
}
END_TEST

START_TEST(what_is_removed_is_forgotten)
{
	const struct flow flows[] = {
	        flow_of("203.0.113.7", 80, "192.168.0.11", 40000),
	        flow_of("2001:db8::80", 443, "2001:db8:1::11", 65535),
	};
	make_sets(64);
	ck_assert_int_eq(picked_up_add(kernel, flows, 2), 0);
	ck_assert_int_eq(picked_up_remove(kernel, flows, 2), 0);
	read_list(0);
	ck_assert_int_eq(picked_up_remove(kernel, flows, 1), -ENOENT);
	picked_up_done(&list);
}
END_TEST

START_TEST(more_than_one_answer_is_read_to_its_end)
{
	enum { MANY = 20000 };
	struct flow *flows = calloc(MANY, sizeof(*flows));
	ck_assert_ptr_nonnull(flows);
	make_sets(65536);
	for (unsigned i = 0; i < MANY; i++)
		flows[i] = flow_of("203.0.113.7", (uint16_t)(i >> 8), "192.168.0.11",
		                   (uint16_t)(1000 + (i & 255)));
	ck_assert_int_eq(picked_up_add(kernel, flows, MANY), 0);
	read_list(MANY);
	ck_assert_ptr_nonnull(picked_up_find(&list, &flows[MANY - 1]));
	picked_up_done(&list);
	free(flows);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel picked-up");
	TCase *tests = tcase_create("picked-up");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_table_without_the_sets_has_picked_up_nothing);
	tcase_add_test(tests, connections_of_both_families_are_read_as_they_were_added);
	tcase_add_test(tests, another_port_or_end_is_another_connection);
	tcase_add_test(tests, one_that_is_renewed_begins_its_time_anew);
	tcase_add_test(tests, a_full_set_is_told);
	tcase_add_test(tests, what_is_removed_is_forgotten);
	tcase_add_test(tests, more_than_one_answer_is_read_to_its_end);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
