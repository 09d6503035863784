/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "kernel/neighbour.h"

#include "namespace.h"

#include <check.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define MANY 5000

static struct neighbours *neighbours;

static void setup(void)
{
	namespace_enter();
	ck_assert_int_eq(namespace_run("ip -batch -", "link add one type veth peer name two\n"
	                                              "link set one up\n"
	                                              "link set two up\n"),
	                 0);
}

static void teardown(void)
{
	neighbours = neighbours_free(neighbours);
}

static void read_after(const char *commands)
{
	ck_assert_int_eq(namespace_run("ip -batch -", commands), 0);
	ck_assert_int_eq(neighbours_read(&neighbours), 0);
}

static const struct mac *find(const char *text, const char *interface)
{
	struct address address;

	ck_assert_int_eq(address_parse(text, &address), 0);
	return neighbours_find(neighbours, &address, if_nametoindex(interface));
}

static void check_mac(const struct mac *found, const char *text)
{
	char buffer[MAC_TEXT_MAX];

	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(mac_print(found, buffer), text);
}

START_TEST(a_namespace_without_neighbours_has_none)
{
	read_after("");
	ck_assert_ptr_null(find("192.0.2.1", "one"));
	ck_assert_ptr_null(find("2001:db8::1", "one"));
}
END_TEST

START_TEST(an_address_is_found_with_its_mac_in_both_families)
{
	read_after("neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev one nud permanent\n"
	           "neighbour add 192.0.2.3 lladdr 02:00:00:00:00:03 dev one nud stale\n"
	           "neighbour add 2001:db8::1 lladdr 02:00:00:00:00:06 dev one nud reachable\n");
	check_mac(find("192.0.2.1", "one"), "02:00:00:00:00:01");
	check_mac(find("192.0.2.3", "one"), "02:00:00:00:00:03");
	check_mac(find("2001:db8::1", "one"), "02:00:00:00:00:06");
	ck_assert_ptr_null(find("192.0.2.2", "one"));
	ck_assert_ptr_null(find("2001:db8::2", "one"));
}
END_TEST

START_TEST(one_address_on_two_interfaces_is_two_neighbours)
{
	read_after("neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev one nud permanent\n"
	           "neighbour add 192.0.2.1 lladdr 02:00:00:00:00:02 dev two nud permanent\n"
	           "neighbour add 192.0.2.2 lladdr 02:00:00:00:00:03 dev two nud permanent\n");
	check_mac(find("192.0.2.1", "one"), "02:00:00:00:00:01");
	check_mac(find("192.0.2.1", "two"), "02:00:00:00:00:02");
	ck_assert_ptr_null(find("192.0.2.2", "one"));
	ck_assert_ptr_null(find("192.0.2.1", "lo"));
}
END_TEST

START_TEST(what_has_no_usable_mac_is_left_out)
{
	read_after("neighbour add 192.0.2.1 dev one nud failed\n"
	           "neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev one nud noarp\n"
	           "neighbour add proxy 192.0.2.3 dev one\n"
	           "neighbour add 192.0.2.4 lladdr 02:00:00:00:00:04 dev one nud permanent\n");
	ck_assert_ptr_null(find("192.0.2.1", "one"));
	ck_assert_ptr_null(find("192.0.2.2", "one"));
	ck_assert_ptr_null(find("192.0.2.3", "one"));
	check_mac(find("192.0.2.4", "one"), "02:00:00:00:00:04");
}
END_TEST

START_TEST(thousands_of_neighbours_are_read_over_many_messages)
{
	static char commands[MANY * 96];
	size_t length = 0;

	for (unsigned i = MANY; i-- > 0;)
		length += (size_t)snprintf(
		        commands + length, sizeof(commands) - length,
		        "neighbour add 10.0.%u.%u lladdr 02:00:00:00:%02x:%02x dev one nud "
		        "permanent\n",
		        i / 256, i % 256, i / 256, i % 256);
	read_after(commands);
	for (unsigned i = 0; i < MANY; i++) {
		char address[32], mac[MAC_TEXT_MAX];

		snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
		snprintf(mac, sizeof(mac), "02:00:00:00:%02x:%02x", (i / 256) & 255, i & 255);
		check_mac(find(address, "one"), mac);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel neighbour");
	TCase *tests = tcase_create("neighbour");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_namespace_without_neighbours_has_none);
	tcase_add_test(tests, an_address_is_found_with_its_mac_in_both_families);
	tcase_add_test(tests, one_address_on_two_interfaces_is_two_neighbours);
	tcase_add_test(tests, what_has_no_usable_mac_is_left_out);
	tcase_add_test(tests, thousands_of_neighbours_are_read_over_many_messages);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
