/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "traffic.h"

#include "namespace.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void traffic_start(void)
{
	namespace_loopback_up();
	ck_assert_int_eq(namespace_run("nft -f -", "table inet traffic {\n"
	                                           "chain output {\n"
	                                           "type filter hook output priority 0\n"
	                                           "ct state new counter\n"
	                                           "}\n"
	                                           "}\n"),
	                 0);
}

struct address traffic_address(const char *text)
{
	struct address address;

	ck_assert_int_eq(address_parse(text, &address), 0);
	return address;
}

static socklen_t socket_address(const char *text, uint16_t port, struct sockaddr_storage *storage)
{
	struct address address = traffic_address(text);
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (address.family == FAMILY_IPV4) {
		memcpy(&ipv4.sin_addr, address.bytes, sizeof(ipv4.sin_addr));
		memcpy(storage, &ipv4, sizeof(ipv4));
		return sizeof(ipv4);
	}
	memcpy(&ipv6.sin6_addr, address.bytes, sizeof(ipv6.sin6_addr));
	memcpy(storage, &ipv6, sizeof(ipv6));
	return sizeof(ipv6);
}

int traffic_socket(int type, const char *source, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = socket_address(source, port, &address);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0), on = 1;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	return fd;
}

void traffic_send(int fd, const char *destination, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = socket_address(destination, port, &address);

	/* An earlier packet's refusal is reported by the next send, which then sends nothing. */
	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&address, length) != 1)
		ck_assert_int_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, length), 1);
}

void traffic_udp(const char *source, uint16_t source_port, const char *destination, uint16_t port)
{
	int fd = traffic_socket(SOCK_DGRAM, source, source_port);

	traffic_send(fd, destination, port);
	close(fd);
}

bool traffic_connect(int fd, const char *destination, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = socket_address(destination, port, &address);

	return connect(fd, (struct sockaddr *)&address, length) == 0;
}

static int keep_flow(const struct flow *flow, void *userdata)
{
	struct traffic_flows *flows = userdata;
	struct flow *kept = ARRAY_ADD(&flows->list);

	if (!kept)
		return -ENOMEM;
	*kept = *flow;
	return 0;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Of some thousand entries now and then two have one id, which is a hash of 32 bits. */
static int compare_flows(const void *a, const void *b)
{
	const struct flow *one = a, *two = b;
	int r = compare_numbers(one->id, two->id);

	if (r == 0)
		r = compare_numbers(one->protocol, two->protocol);
	if (r == 0)
		r = compare_numbers(one->source_port, two->source_port);
	if (r == 0)
		r = compare_numbers(one->destination_port, two->destination_port);
	if (r == 0)
		r = address_compare(&one->source, &two->source);
	return r ? r : address_compare(&one->destination, &two->destination);
}

struct traffic_flows traffic_flows(struct conntrack *conntrack)
{
	struct traffic_flows flows = {};
	size_t count = 0;

	ck_assert_int_eq(conntrack_dump(conntrack, keep_flow, &flows), 0);
	if (flows.list.count > 0)
		qsort(flows.list.items, flows.list.count, sizeof(struct flow), compare_flows);
	ARRAY_FOREACH (flow, &flows.list)
		if (count == 0 || compare_flows(&flows.list.items[count - 1], flow) != 0)
			flows.list.items[count++] = *flow;
	flows.list.count = count;
	return flows;
}

const struct flow *traffic_find(const struct traffic_flows *flows, uint8_t protocol, uint16_t port)
{
	const struct flow *found = NULL;

	ARRAY_FOREACH (flow, &flows->list) {
		if (flow->protocol != protocol || flow->destination_port != port)
			continue;
		ck_assert_ptr_null(found);
		found = flow;
	}
	return found;
}
