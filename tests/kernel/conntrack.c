/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "conntrack-fixture.h"

#include <check.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void check_address(const struct address *found, const char *text)
{
	struct address expected = traffic_address(text);
	char buffer[ADDRESS_TEXT_MAX];

	ck_assert_msg(address_compare(found, &expected) == 0, "%s, not %s",
	              address_print(found, buffer), text);
}

START_TEST(a_namespace_without_connections_has_no_flows)
{
	struct traffic_flows flows = traffic_flows(conntrack);
	uint32_t count = 1;

	ck_assert_uint_eq(flows.list.count, 0);
	ck_assert_int_eq(conntrack_count(conntrack, &count), 0);
	ck_assert_uint_eq(count, 0);
}
END_TEST

static const char *const families[][2] = {{"127.0.0.1", "127.0.0.5"}, {"::1", "::1"}};

START_TEST(a_udp_flow_is_told_with_its_tuple)
{
	struct traffic_flows flows;
	const struct flow *flow;

	traffic_udp(families[_i][0], 5000, families[_i][1], 6000);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 1);
	flow = traffic_find(&flows, IPPROTO_UDP, 6000);
	ck_assert_ptr_nonnull(flow);
	check_address(&flow->source, families[_i][0]);
	check_address(&flow->destination, families[_i][1]);
	check_address(&flow->reached, families[_i][1]);
	ck_assert(flow->has_ports);
	ck_assert_uint_eq(flow->source_port, 5000);
	ck_assert_uint_eq(flow->reached_port, 6000);
	ck_assert(flow->confirmed && !flow->seen_reply && !flow->assured && !flow->expected);
	ck_assert(!flow->has_master);
	ck_assert_uint_eq(flow->zone, 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

/* A listener, and both ends of a connection to it. */
struct connection {
	int listener;
	int client;
	int server;
};

static struct connection connect_tcp(const char *source, const char *destination, uint16_t port)
{
	struct connection connection = {
	        .listener = traffic_socket(SOCK_STREAM, destination, port),
	        .client = traffic_socket(SOCK_STREAM, source, 0),
	};

	ck_assert_int_eq(listen(connection.listener, 1), 0);
	ck_assert(traffic_connect(connection.client, destination, port));
	connection.server = accept4(connection.listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(connection.server, 0);
	return connection;
}

static void disconnect(const struct connection *connection)
{
	close(connection->listener);
	close(connection->client);
	close(connection->server);
}

START_TEST(a_tcp_flow_is_told_as_assured_from_who_opened_it)
{
	struct connection connection = connect_tcp(families[_i][0], families[_i][1], 7000);
	struct traffic_flows flows;
	const struct flow *flow;

	/* The answer's bytes change nothing about who initiated. */
	ck_assert_int_eq(write(connection.server, "x", 1), 1);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 1);
	flow = traffic_find(&flows, IPPROTO_TCP, 7000);
	ck_assert_ptr_nonnull(flow);
	check_address(&flow->source, families[_i][0]);
	check_address(&flow->destination, families[_i][1]);
	ck_assert(flow->confirmed && flow->seen_reply && flow->assured);
	ARRAY_DONE(&flows.list);
	disconnect(&connection);
}
END_TEST

static void send_raw(int family, int protocol, const void *data, size_t length)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct sockaddr_in ipv4 = {.sin_family = AF_INET,
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *to =
	        family == AF_INET ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
	        sendto(fd, data, length, 0, to, family == AF_INET ? sizeof(ipv4) : sizeof(ipv6)),
	        (ssize_t)length);
	close(fd);
}

static void send_echoes(void)
{
	struct icmphdr ipv4 = {.type = ICMP_ECHO, .un.echo.id = htons(111)};
	struct icmp6_hdr ipv6 = {.icmp6_type = ICMP6_ECHO_REQUEST, .icmp6_id = htons(222)};

	/* The sum of an ICMP header that is zero elsewhere. */
	ipv4.checksum = (uint16_t) ~(htons(ICMP_ECHO << 8) + htons(111));
	send_raw(AF_INET, IPPROTO_ICMP, &ipv4, sizeof(ipv4));
	send_raw(AF_INET6, IPPROTO_ICMPV6, &ipv6, sizeof(ipv6));
}

START_TEST(echoes_and_protocols_without_ports_are_told_and_deleted)
{
	struct traffic_flows flows;
	const struct flow *echo, *echo6, *other;

	send_echoes();
	send_raw(AF_INET, 253, "x", 1);
	flows = traffic_flows(conntrack);
	echo = traffic_find(&flows, IPPROTO_ICMP, ICMP_ECHO);
	echo6 = traffic_find(&flows, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST);
	other = traffic_find(&flows, 253, 0);
	ck_assert_ptr_nonnull(echo);
	ck_assert_ptr_nonnull(echo6);
	ck_assert_ptr_nonnull(other);
	ck_assert(!echo->has_ports && !echo6->has_ports && !other->has_ports);
	ck_assert_uint_eq(echo->source_port, 111);
	ck_assert_uint_eq(echo6->source_port, 222);
	ck_assert_uint_eq(echo->reached_port, ICMP_ECHO);
	ck_assert_uint_eq(echo6->reached_port, ICMP6_ECHO_REQUEST);
	ARRAY_FOREACH (flow, &flows.list)
		ck_assert_int_eq(conntrack_delete(conntrack, flow), 0);
	ck_assert_uint_eq(count_flows(), 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

START_TEST(dccp_is_told_and_deleted_whether_the_kernel_knows_its_ports_or_not)
{
	/* A request (RFC 4340, section 5) from port 5 to 6; no sum is looked at on the way out. */
	static const uint8_t request[20] = {0, 5, 0, 6, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1};
	struct traffic_flows flows;
	struct flow *flow;

	send_raw(AF_INET, IPPROTO_DCCP, request, sizeof(request));
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 1);
	flow = &flows.list.items[0];
	ck_assert_uint_eq(flow->protocol, IPPROTO_DCCP);
	check_address(&flow->source, "127.0.0.1");
	ck_assert_uint_eq(flow->source_port, flow->has_ports ? 5 : 0);
	ck_assert_uint_eq(flow->destination_port, flow->has_ports ? 6 : 0);
	ck_assert_uint_eq(flow->reached_port, flow->has_ports ? 6 : 0);
	ck_assert_int_eq(conntrack_delete(conntrack, flow), 0);
	ck_assert_uint_eq(count_flows(), 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

START_TEST(a_flow_behind_dnat_tells_both_where_to_and_where_it_went)
{
	struct traffic_flows flows;
	const struct flow *flow;

	ck_assert_int_eq(namespace_run("nft -f -", "table inet nat {\n"
	                                           "chain output {\n"
	                                           "type nat hook output priority -100\n"
	                                           "udp dport 5353 dnat ip to 127.0.0.3:53\n"
	                                           "udp dport 5354 dnat ip6 to [::1]:54\n"
	                                           "}\n"
	                                           "}\n"),
	                 0);
	traffic_udp("127.0.0.1", 5000, "127.0.0.2", 5353);
	traffic_udp("::1", 5000, "::1", 5354);
	flows = traffic_flows(conntrack);
	flow = traffic_find(&flows, IPPROTO_UDP, 5353);
	ck_assert_ptr_nonnull(flow);
	check_address(&flow->source, "127.0.0.1");
	check_address(&flow->destination, "127.0.0.2");
	check_address(&flow->reached, "127.0.0.3");
	ck_assert_uint_eq(flow->reached_port, 53);
	ck_assert_int_eq(conntrack_delete(conntrack, flow), 0);
	flow = traffic_find(&flows, IPPROTO_UDP, 5354);
	ck_assert_ptr_nonnull(flow);
	check_address(&flow->reached, "::1");
	ck_assert_uint_eq(flow->reached_port, 54);
	ck_assert_int_eq(conntrack_delete(conntrack, flow), 0);
	ck_assert_uint_eq(count_flows(), 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

static int note_port(const struct flow *flow, void *userdata)
{
	bool *told = userdata;

	ck_assert_uint_ge(flow->destination_port, 6000);
	ck_assert_uint_lt(flow->destination_port, 6008);
	told[flow->destination_port - 6000] = true;
	return 0;
}

START_TEST(a_narrow_dump_tells_what_the_address_initiated_and_what_reached_it)
{
	static const bool expected[8] = {[1] = true, [2] = true, [4] = true};
	struct address address = traffic_address("127.0.0.2");
	struct address loopback = traffic_address("::1");
	bool told[8] = {};
	uint32_t count;

	ck_assert_int_eq(namespace_run("nft -f -", "table inet nat {\n"
	                                           "chain output {\n"
	                                           "type nat hook output priority -100\n"
	                                           "udp dport 6004 dnat ip to 127.0.0.2\n"
	                                           "udp dport 6005 dnat ip to 127.0.0.4\n"
	                                           "}\n"
	                                           "}\n"),
	                 0);
	traffic_udp("127.0.0.1", 5000, "127.0.0.3", 6000);
	traffic_udp("127.0.0.2", 5000, "127.0.0.3", 6001);
	traffic_udp("127.0.0.3", 5000, "127.0.0.2", 6002);
	traffic_udp("127.0.0.20", 5000, "127.0.0.200", 6003);
	traffic_udp("127.0.0.1", 5000, "127.0.0.3", 6004); /* reaches it */
	traffic_udp("127.0.0.1", 5000, "127.0.0.2", 6005); /* does not */
	traffic_udp("::1", 5000, "::1", 6007);

	ck_assert_int_eq(conntrack_count(conntrack, &count), 0);
	ck_assert_uint_eq(count, 7);
	ck_assert_int_eq(conntrack_dump_address(conntrack, &address, note_port, told), 0);
	ck_assert_mem_eq(told, expected, sizeof(told));
	memset(told, 0, sizeof(told));
	ck_assert_int_eq(conntrack_dump_address(conntrack, &loopback, note_port, told), 0);
	ck_assert(told[7] && !told[0]);
}
END_TEST

static void make_zone(const char *direction)
{
	char text[256];

	snprintf(text, sizeof(text),
	         "table inet zones {\n"
	         "chain output {\n"
	         "type filter hook output priority -300\n"
	         "udp dport 6001 ct %s zone set 7\n"
	         "}\n"
	         "}\n",
	         direction);
	ck_assert_int_eq(namespace_run("nft -f -", text), 0);
}

START_TEST(the_same_tuple_in_another_zone_is_another_flow)
{
	struct traffic_flows flows;
	struct flow *zoned;

	traffic_udp("127.0.0.1", 5000, "127.0.0.1", 6001);
	make_zone("");
	traffic_udp("127.0.0.1", 5000, "127.0.0.1", 6001);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 2);
	zoned = &flows.list.items[flows.list.items[0].zone == 0 ? 1 : 0];
	ck_assert_uint_eq(zoned->zone, 7);
	ck_assert_int_eq(conntrack_delete(conntrack, zoned), 0);
	ck_assert_int_eq(conntrack_delete(conntrack, zoned), CONNTRACK_GONE);
	ARRAY_DONE(&flows.list);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 1);
	ck_assert_uint_eq(flows.list.items[0].zone, 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

static const struct {
	const char *direction;
	uint16_t zone;
} half_zones[] = {{"original", 7}, {"reply", 0}};

START_TEST(a_zone_of_one_direction_is_told_when_it_is_the_original_one)
{
	struct traffic_flows flows;

	make_zone(half_zones[_i].direction);
	traffic_udp("127.0.0.1", 5000, "127.0.0.1", 6001);
	flows = traffic_flows(conntrack);
	ck_assert_uint_eq(flows.list.count, 1);
	ck_assert_uint_eq(flows.list.items[0].zone, half_zones[_i].zone);
	ck_assert_int_eq(conntrack_delete(conntrack, flows.list.items), 0);
	ck_assert_uint_eq(count_flows(), 0);
	ARRAY_DONE(&flows.list);
}
END_TEST

/* A line of the server's (RFC 959). */
static void say(int server, const char *line)
{
	ck_assert_int_eq(write(server, line, strlen(line)), (ssize_t)strlen(line));
}

START_TEST(a_connection_that_a_helper_expected_tells_its_master)
{
	struct connection control, data;
	struct traffic_flows flows;
	const struct flow *child, *master;

	ck_assert_int_eq(namespace_run("nft -f -", "table inet helpers {\n"
	                                           "ct helper ftp {\n"
	                                           "type \"ftp\" protocol tcp\n"
	                                           "}\n"
	                                           "chain output {\n"
	                                           "type filter hook output priority 0\n"
	                                           "tcp dport 21 ct helper set \"ftp\"\n"
	                                           "}\n"
	                                           "}\n"),
	                 0);
	control = connect_tcp("127.0.0.1", "127.0.0.1", 21);
	/* The helper looks only at what follows the end of a line. */
	say(control.server, "220 Ready\r\n");
	say(control.server, "227 Entering Passive Mode (127,0,0,1,117,69)\r\n");
	data = connect_tcp("127.0.0.1", "127.0.0.1", 30021);
	flows = traffic_flows(conntrack);
	master = traffic_find(&flows, IPPROTO_TCP, 21);
	child = traffic_find(&flows, IPPROTO_TCP, 30021);
	ck_assert_ptr_nonnull(master);
	ck_assert_ptr_nonnull(child);
	ck_assert(!master->expected && !master->has_master);
	ck_assert(child->expected && child->has_master);
	check_address(&child->master.source, "127.0.0.1");
	check_address(&child->master.destination, "127.0.0.1");
	ck_assert_uint_eq(child->master.protocol, IPPROTO_TCP);
	ck_assert(child->master.has_ports);
	ck_assert_uint_eq(child->master.source_port, master->source_port);
	ck_assert_uint_eq(child->master.destination_port, 21);

	ck_assert_int_eq(conntrack_delete(conntrack, master), 0);
	ARRAY_DONE(&flows.list);
	flows = traffic_flows(conntrack);
	ck_assert_ptr_null(traffic_find(&flows, IPPROTO_TCP, 21));
	child = traffic_find(&flows, IPPROTO_TCP, 30021);
	ck_assert_ptr_nonnull(child);
	ck_assert(child->expected && child->has_master);
	ck_assert_uint_eq(child->master.destination_port, 21);
	ck_assert_int_eq(conntrack_delete(conntrack, child), 0);
	ARRAY_DONE(&flows.list);
	disconnect(&control);
	disconnect(&data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel conntrack");
	TCase *tests = tcase_create("conntrack");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_namespace_without_connections_has_no_flows);
	tcase_add_loop_test(tests, a_udp_flow_is_told_with_its_tuple, 0, ELEMENTS_OF(families));
	tcase_add_loop_test(tests, a_tcp_flow_is_told_as_assured_from_who_opened_it, 0,
	                    ELEMENTS_OF(families));
	tcase_add_test(tests, echoes_and_protocols_without_ports_are_told_and_deleted);
	tcase_add_test(tests, dccp_is_told_and_deleted_whether_the_kernel_knows_its_ports_or_not);
	tcase_add_test(tests, a_flow_behind_dnat_tells_both_where_to_and_where_it_went);
	tcase_add_test(tests, a_narrow_dump_tells_what_the_address_initiated_and_what_reached_it);
	tcase_add_test(tests, the_same_tuple_in_another_zone_is_another_flow);
	tcase_add_loop_test(tests, a_zone_of_one_direction_is_told_when_it_is_the_original_one, 0,
	                    ELEMENTS_OF(half_zones));
	tcase_add_test(tests, a_connection_that_a_helper_expected_tells_its_master);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
