/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"
#include "traffic.h"

#include "kernel/read.h"
#include "kernel/revoked.h"
#include "kernel/socket.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

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

/* The table with nothing but the two sets, and what else its text may say. */
static void make_sets(unsigned size4, unsigned size6, const char *chains)
{
	char text[2048];

	ck_assert_int_lt(
	        snprintf(text, sizeof(text),
	                 "table inet egressd {\n"
	                 "set revoked4 {\n"
	                 "type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service\n"
	                 "flags dynamic,timeout\n"
	                 "timeout 60s\n"
	                 "size %u\n"
	                 "}\n"
	                 "set revoked6 {\n"
	                 "type ipv6_addr . inet_proto . inet_service . ipv6_addr . inet_service\n"
	                 "flags dynamic,timeout\n"
	                 "timeout 60s\n"
	                 "size %u\n"
	                 "}\n"
	                 "%s"
	                 "}\n",
	                 size4, size6, chains),
	        (int)sizeof(text));
	ck_assert_int_eq(namespace_run("nft -f -", text), 0);
}

static char *list_set(const char *set)
{
	char command[64];

	snprintf(command, sizeof(command), "nft list set inet egressd %s", set);
	return namespace_output(command);
}

/* Elements of the set, each of which is listed with the time when it expires. */
static size_t count_elements(const char *set)
{
	char *text = list_set(set);
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, "expires")); at++)
		count++;
	free(text);
	return count;
}

static struct flow sample(const char *source, const char *reached, uint8_t protocol)
{
	return (struct flow){
	        .source = traffic_address(source),
	        .destination = traffic_address(source),
	        .reached = traffic_address(reached),
	        .protocol = protocol,
	        .has_ports = true,
	        .source_port = 40000,
	        .destination_port = 1,
	        .reached_port = 443,
	};
}

START_TEST(a_flow_is_listed_as_it_leaves_the_gateway_with_a_minute_to_live)
{
	struct flow flows[] = {sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP),
	                       sample("2001:db8::1", "2001:db8:1::7", IPPROTO_UDP)};
	char *text;

	make_sets(65535, 65535, "");
	ck_assert_int_eq(revoked_add(kernel, flows, ELEMENTS_OF(flows)), 0);
	text = list_set("revoked4");
	ck_assert_ptr_nonnull(strstr(text, "192.0.2.1 . tcp . 40000 . 198.51.100.7 . 443 "));
	ck_assert(strstr(text, "expires 59s") || strstr(text, "expires 1m"));
	free(text);
	text = list_set("revoked6");
	ck_assert_ptr_nonnull(strstr(text, "2001:db8::1 . udp . 40000 . 2001:db8:1::7 . 443 "));
	ck_assert(strstr(text, "expires 59s") || strstr(text, "expires 1m"));
	free(text);
}
END_TEST

/* The time is the element's own, whatever the set's is. */
START_TEST(a_flow_stays_a_minute_in_a_set_with_another_time)
{
	struct flow flow = sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP);
	char *text;

	ck_assert_int_eq(namespace_run("nft -f -",
	                               "table inet egressd {\n"
	                               "set revoked4 {\n"
	                               "type ipv4_addr . inet_proto . inet_service . ipv4_addr "
	                               ". inet_service\n"
	                               "flags dynamic,timeout\n"
	                               "timeout 5s\n"
	                               "}\n"
	                               "}\n"),
	                 0);
	ck_assert_int_eq(revoked_add(kernel, &flow, 1), 0);
	text = list_set("revoked4");
	ck_assert_ptr_nonnull(strstr(text, "443 timeout 1m expires "));
	free(text);
}
END_TEST

START_TEST(the_same_flows_again_are_no_error)
{
	struct flow flows[] = {sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP),
	                       sample("2001:db8::1", "2001:db8:1::7", IPPROTO_UDP),
	                       sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP)};

	make_sets(65535, 65535, "");
	ck_assert_int_eq(revoked_add(kernel, flows, ELEMENTS_OF(flows)), 0);
	ck_assert_int_eq(revoked_add(kernel, flows, ELEMENTS_OF(flows)), 0);
	ck_assert_uint_eq(count_elements("revoked4"), 1);
	ck_assert_uint_eq(count_elements("revoked6"), 1);
}
END_TEST

START_TEST(what_is_known_of_the_table_stays_known_unless_others_commit_too)
{
	struct flow flow = sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP);
	const struct ruleset *view, *again;
	uint32_t generation, later;

	make_sets(65535, 65535, "");
	ck_assert_int_eq(table_view(kernel, &view, &generation), 0);
	ck_assert_int_eq(revoked_add(kernel, &flow, 1), 0);
	ck_assert_int_eq(table_view(kernel, &again, &later), 0);
	ck_assert_ptr_eq(again, view);
	ck_assert_uint_eq(later, generation + 1);

	ck_assert_int_eq(namespace_run("nft -f -", "add chain inet egressd theirs"), 0);
	ck_assert_int_eq(revoked_add(kernel, &flow, 1), 0);
	ck_assert_int_eq(table_view(kernel, &again, &later), 0);
	ck_assert_ptr_nonnull(ruleset_chain(again, "theirs"));
}
END_TEST

START_TEST(a_flow_that_is_cut_again_stays_another_minute)
{
	struct flow flow = sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP);
	char *text;

	make_sets(65535, 65535, "");
	ck_assert_int_eq(namespace_run("nft add element inet egressd revoked4 '{ 192.0.2.1 . tcp . "
	                               "40000 . 198.51.100.7 . 443 timeout 60s expires 10s }'",
	                               NULL),
	                 0);
	ck_assert_int_eq(revoked_add(kernel, &flow, 1), 0);
	text = list_set("revoked4");
	ck_assert(strstr(text, "expires 59s") || strstr(text, "expires 1m"));
	free(text);
}
END_TEST

START_TEST(flows_without_ports_are_passed_over)
{
	struct flow flows[] = {sample("192.0.2.1", "198.51.100.7", IPPROTO_ICMP),
	                       sample("192.0.2.1", "198.51.100.7", IPPROTO_GRE),
	                       sample("192.0.2.1", "198.51.100.7", IPPROTO_UDP),
	                       sample("192.0.2.1", "198.51.100.7", 253)};

	flows[0].has_ports = flows[3].has_ports = false;
	make_sets(65535, 65535, "");
	ck_assert_int_eq(revoked_add(kernel, flows, ELEMENTS_OF(flows)), 0);
	ck_assert_uint_eq(count_elements("revoked4"), 1);
	ck_assert_int_eq(revoked_add(kernel, flows, 2), 0);
	ck_assert_int_eq(revoked_add(kernel, NULL, 0), 0);
	ck_assert_uint_eq(count_elements("revoked4"), 1);
}
END_TEST

/* Flows of both families by turns, each of its own ports. */
static struct flow *make_flows(size_t count)
{
	struct flow *flows = calloc(count, sizeof(*flows));

	ck_assert_ptr_nonnull(flows);
	for (size_t i = 0; i < count; i++) {
		flows[i] = i % 2 ? sample("2001:db8::1", "2001:db8:1::7", IPPROTO_TCP)
		                 : sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP);
		flows[i].source_port = (uint16_t)i;
		flows[i].reached_port = (uint16_t)(1 + i / 65536);
	}
	return flows;
}

START_TEST(thousands_of_flows_of_both_families_are_added)
{
	struct flow *flows = make_flows(9000);

	make_sets(65535, 65535, "");
	ck_assert_int_eq(revoked_add(kernel, flows, 9000), 0);
	ck_assert_uint_eq(count_elements("revoked4"), 4500);
	ck_assert_uint_eq(count_elements("revoked6"), 4500);
	free(flows);
}
END_TEST

START_TEST(a_set_that_is_full_is_told_and_the_other_one_is_filled)
{
	struct flow *flows = make_flows(10000);

	make_sets(4500, 65535, "");
	ck_assert_int_eq(revoked_add(kernel, flows, 10000), REVOKED_FULL);
	/* What was added before the batch that did not fit stays. */
	ck_assert_uint_gt(count_elements("revoked4"), 4000);
	ck_assert_uint_eq(count_elements("revoked6"), 5000);
	ck_assert_int_eq(revoked_add(kernel, flows, 10000), REVOKED_FULL);
	free(flows);
}
END_TEST

START_TEST(a_table_or_set_that_is_not_there_is_an_error)
{
	struct flow flow = sample("192.0.2.1", "198.51.100.7", IPPROTO_TCP);

	ck_assert_int_eq(revoked_add(kernel, &flow, 1), -ENOENT);
	ck_assert_int_eq(namespace_run("nft add table inet egressd", NULL), 0);
	ck_assert_int_eq(revoked_add(kernel, &flow, 1), -ENOENT);
}
END_TEST

START_TEST(flows_are_added_when_the_receive_buffer_holds_one_answer)
{
	struct flow *flows = make_flows(10000);

	make_sets(65535, 65535, "");
	ck_assert_int_eq(kernel_receive_buffer(kernel, 1), 0);
	ck_assert_int_eq(revoked_add(kernel, flows, 10000), 0);
	ck_assert_uint_eq(count_elements("revoked4"), 5000);
	free(flows);
}
END_TEST

/* Where packets are behind DNAT, as they are at the forward hook. */
static const char *const revoking_rules =
        "counter cut4 { }\n"
        "counter cut6 { }\n"
        "chain nat {\n"
        "type nat hook output priority -100\n"
        "udp dport 5353 dnat ip to 127.0.0.3:53\n"
        "udp dport 5354 dnat ip6 to [::1]:54\n"
        "}\n"
        "chain filter {\n"
        "type filter hook output priority 0\n"
        "ip saddr . meta l4proto . th sport . ip daddr . th dport @revoked4 counter name cut4 "
        "drop\n"
        "ip6 saddr . meta l4proto . th sport . ip6 daddr . th dport @revoked6 counter name cut6 "
        "drop\n"
        "}\n";

static void check_counter(const char *name, unsigned packets)
{
	char command[64], expected[32];
	char *text;

	snprintf(command, sizeof(command), "nft list counter inet egressd %s", name);
	snprintf(expected, sizeof(expected), "packets %u bytes", packets);
	text = namespace_output(command);
	ck_assert_msg(strstr(text, expected), "%s instead of %s", text, expected);
	free(text);
}

START_TEST(packets_of_a_revoked_flow_match_behind_dnat_and_no_others_do)
{
	struct conntrack *conntrack;
	struct traffic_flows flows;
	size_t deleted;

	namespace_loopback_up();
	make_sets(65535, 65535, revoking_rules);
	ck_assert_int_eq(conntrack_open(0, &conntrack), 0);
	traffic_udp("127.0.0.1", 5000, "127.0.0.2", 5353);
	traffic_udp("::1", 5000, "::1", 5354);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 2);
	ck_assert_int_eq(revoked_add(kernel, flows.list.items, flows.list.count), 0);
	ck_assert_int_eq(
	        conntrack_delete_many(conntrack, flows.list.items, flows.list.count, &deleted), 0);
	ck_assert_uint_eq(deleted, 2);
	check_counter("cut4", 0);
	check_counter("cut6", 0);

	/* A dropped packet is a send that is not permitted, so the socket is asked directly. */
	ck_assert_int_eq(
	        namespace_run("exec 2>/dev/null; python3 - <<'END'\n"
	                      "import socket\n"
	                      "for family, source, to in ((socket.AF_INET, '127.0.0.1', "
	                      "('127.0.0.2', 5353)), (socket.AF_INET6, '::1', ('::1', 5354))):\n"
	                      "    s = socket.socket(family, socket.SOCK_DGRAM)\n"
	                      "    s.bind((source, 5000))\n"
	                      "    for _ in range(3):\n"
	                      "        try:\n"
	                      "            s.sendto(b'x', to)\n"
	                      "        except PermissionError:\n"
	                      "            pass\n"
	                      "END",
	                      NULL),
	        0);
	check_counter("cut4", 3);
	check_counter("cut6", 3);
	traffic_udp("127.0.0.1", 5001, "127.0.0.2", 5353);
	traffic_udp("127.0.0.1", 5000, "127.0.0.2", 53);
	traffic_udp("::1", 5001, "::1", 5354);
	check_counter("cut4", 3);
	check_counter("cut6", 3);
	ARRAY_DONE(&flows.list);
	conntrack_free(conntrack);
}
END_TEST

static bool kernel_renews_elements(void)
{
	struct utsname name;
	unsigned major, minor;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 12));
}

int main(void)
{
	Suite *suite = suite_create("kernel revoked");
	TCase *tests = tcase_create("revoked");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_flow_is_listed_as_it_leaves_the_gateway_with_a_minute_to_live);
	tcase_add_test(tests, a_flow_stays_a_minute_in_a_set_with_another_time);
	tcase_add_test(tests, the_same_flows_again_are_no_error);
	tcase_add_test(tests, what_is_known_of_the_table_stays_known_unless_others_commit_too);
	if (kernel_renews_elements())
		tcase_add_test(tests, a_flow_that_is_cut_again_stays_another_minute);
	else
		puts("skipped: kernels before 6.12 let an element's time go on");
	tcase_add_test(tests, flows_without_ports_are_passed_over);
	tcase_add_test(tests, thousands_of_flows_of_both_families_are_added);
	tcase_add_test(tests, a_set_that_is_full_is_told_and_the_other_one_is_filled);
	tcase_add_test(tests, a_table_or_set_that_is_not_there_is_an_error);
	tcase_add_test(tests, flows_are_added_when_the_receive_buffer_holds_one_answer);
	tcase_add_test(tests, packets_of_a_revoked_flow_match_behind_dnat_and_no_others_do);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
