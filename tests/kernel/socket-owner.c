/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "kernel/socket_owner.h"

#include "namespace.h"
#include "traffic.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT 4025

/* In both families: nothing answers from the first port, and a reset comes from the second. */
static const char rules[] = "table inet blocked {\n"
                            "chain output {\n"
                            "type filter hook output priority 0\n"
                            "tcp dport 25 drop\n"
                            "tcp dport 26 reject with tcp reset\n"
                            "}\n"
                            "}\n";

struct pair {
	const char *local, *remote;
};
static const struct pair pairs[] = {{"127.0.0.1", "127.0.0.2"}, {"::1", "::1"}};
#define IPV4 0
#define IPV6 1

static void setup(void)
{
	namespace_enter();
	namespace_loopback_up();
	ck_assert_int_eq(namespace_run("nft -f -", rules), 0);
}

static struct socket_tuple tuple_of(uint8_t protocol, const struct pair *pair, uint16_t remote_port)
{
	return (struct socket_tuple){.protocol = protocol,
	                             .local = traffic_address(pair->local),
	                             .remote = traffic_address(pair->remote),
	                             .local_port = PORT,
	                             .remote_port = remote_port};
}

/* A bound socket, which connects (and is answered or not) without waiting. */
static int start(int type, const struct pair *pair, uint16_t port)
{
	int fd = traffic_socket(type | SOCK_NONBLOCK, pair->local, PORT);
	if (type == SOCK_STREAM)
		(void)traffic_connect(fd, pair->remote, port);
	return fd;
}

static void check_owner(const struct socket_tuple *tuple, int fd)
{
	struct socket_owner owner = {};
	struct stat status;
	ck_assert_int_eq(fstat(fd, &status), 0);
	ck_assert_int_eq(socket_owner_find(tuple, &owner), 0);
	ck_assert_uint_eq(owner.inode, status.st_ino);
	ck_assert_uint_eq(owner.uid, getuid());
}

static void check_gone(const struct socket_tuple *tuple)
{
	struct socket_owner owner = {};
	ck_assert_int_eq(socket_owner_find(tuple, &owner), SOCKET_GONE);
}

START_TEST(a_tcp_socket_that_waits_for_an_answer_is_found_until_it_is_closed)
{
	const struct pair *pair = &pairs[_i];
	struct socket_tuple tuple = tuple_of(IPPROTO_TCP, pair, 25);
	int fd = start(SOCK_STREAM, pair, 25);
	check_owner(&tuple, fd);
	tuple.interface = if_nametoindex("lo");
	check_owner(&tuple, fd);
	tuple.remote_port = 27;
	check_gone(&tuple);
	tuple.remote_port = 25;
	close(fd);
	check_gone(&tuple);
}
END_TEST

START_TEST(a_tcp_socket_that_was_reset_is_gone_though_it_is_open)
{
	const struct pair *pair = &pairs[_i];
	struct socket_tuple tuple = tuple_of(IPPROTO_TCP, pair, 26);
	int fd = start(SOCK_STREAM, pair, 26);
	check_gone(&tuple);
	close(fd);
}
END_TEST

START_TEST(who_listens_on_the_port_is_not_who_connects_from_it)
{
	const struct pair *pair = &pairs[_i];
	struct socket_tuple tuple = tuple_of(IPPROTO_TCP, pair, 25);
	int fd = traffic_socket(SOCK_STREAM, pair->local, PORT);
	ck_assert_int_eq(listen(fd, 1), 0);
	check_gone(&tuple);
	close(fd);
}
END_TEST

START_TEST(an_unconnected_udp_socket_is_found_after_its_packet_was_refused)
{
	const struct pair *pair = &pairs[_i];
	struct socket_tuple tuple = tuple_of(IPPROTO_UDP, pair, 27);
	int fd = start(SOCK_DGRAM, pair, 27);
	traffic_send(fd, pair->remote, 27);
	check_owner(&tuple, fd);
	close(fd);
	check_gone(&tuple);
}
END_TEST

START_TEST(a_connected_udp_socket_is_found_by_where_it_is_connected_to)
{
	const struct pair *pair = &pairs[_i];
	struct socket_tuple tuple = tuple_of(IPPROTO_UDP, pair, 25);
	int fd = start(SOCK_DGRAM, pair, 25);
	ck_assert(traffic_connect(fd, pair->remote, 25));
	check_owner(&tuple, fd);
	tuple.remote_port = 27;
	check_gone(&tuple);
	close(fd);
}
END_TEST

/* As most programs have it: a socket of IPv6 that talks IPv4. */
static int start_mapped(int type, bool connects)
{
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:127.0.0.2", &address.sin6_addr), 1);
	address.sin6_port = htons(25);
	if (connects)
		(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
	else
		(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address));
	return fd;
}

START_TEST(a_socket_of_ipv6_that_talks_ipv4_is_found_by_its_ipv4_ends)
{
	static const struct {
		int type;
		bool connects;
	} ways[] = {{SOCK_STREAM, true}, {SOCK_DGRAM, true}, {SOCK_DGRAM, false}};
	bool tcp = ways[_i].type == SOCK_STREAM;
	struct socket_tuple tuple = tuple_of(tcp ? IPPROTO_TCP : IPPROTO_UDP, &pairs[IPV4], 25);
	int fd = start_mapped(ways[_i].type, ways[_i].connects);
	check_owner(&tuple, fd);
	close(fd);
	check_gone(&tuple);
}
END_TEST

START_TEST(other_protocols_and_two_families_make_no_sense)
{
	struct socket_tuple tuple = tuple_of(IPPROTO_ICMP, &pairs[IPV4], 25);
	struct socket_owner owner;
	ck_assert_int_eq(socket_owner_find(&tuple, &owner), -EINVAL);
	tuple = tuple_of(IPPROTO_TCP, &pairs[IPV4], 25);
	tuple.remote = traffic_address("::1");
	ck_assert_int_eq(socket_owner_find(&tuple, &owner), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel socket owner");
	TCase *tests = tcase_create("socket owner");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_loop_test(tests,
	                    a_tcp_socket_that_waits_for_an_answer_is_found_until_it_is_closed, 0,
	                    IPV6 + 1);
	tcase_add_loop_test(tests, a_tcp_socket_that_was_reset_is_gone_though_it_is_open, 0,
	                    IPV6 + 1);
	tcase_add_loop_test(tests, who_listens_on_the_port_is_not_who_connects_from_it, 0,
	                    IPV6 + 1);
	tcase_add_loop_test(tests, an_unconnected_udp_socket_is_found_after_its_packet_was_refused,
	                    0, IPV6 + 1);
	tcase_add_loop_test(tests, a_connected_udp_socket_is_found_by_where_it_is_connected_to, 0,
	                    IPV6 + 1);
	tcase_add_loop_test(tests, a_socket_of_ipv6_that_talks_ipv4_is_found_by_its_ipv4_ends, 0,
	                    3);
	tcase_add_test(tests, other_protocols_and_two_families_make_no_sense);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
