/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/conntrack.h"
#include "kernel/counters.h"
#include "kernel/neighbour.h"
#include "kernel/read.h"
#include "kernel/route.h"
#include "kernel/socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * What the kernel answers when it is asked for neighbours, a route, counters, flows, the generation
 * or the table: the first byte says which, and then come the datagrams, each with its length in two
 * bytes in front (little-endian). The linker has our receiving go through here, so that no kernel
 * takes part; a message with the number 0 answers the last request, whatever that was.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *next;
static size_t left;
static uint32_t sequence;

static void require(bool condition)
{
	if (!condition)
		abort();
}

ssize_t __wrap_send(int fd, const void *buffer, size_t size, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_poll(struct pollfd *places, nfds_t count, int timeout);

ssize_t __wrap_send(int fd, const void *buffer, size_t size, int flags)
{
	struct nlmsghdr header;
	require(size >= sizeof(header));
	memcpy(&header, buffer, sizeof(header));
	sequence = header.nlmsg_seq;
	return (ssize_t)size;
}

/* Gives the messages of a datagram the sender and the number that an answer has. */
static void address_to_us(uint8_t *bytes, size_t length)
{
	struct nlmsghdr header;
	while (length >= sizeof(header)) {
		memcpy(&header, bytes, sizeof(header));
		header.nlmsg_pid = 0;
		if (!header.nlmsg_seq)
			header.nlmsg_seq = sequence;
		memcpy(bytes, &header, sizeof(header));
		size_t step = ((size_t)header.nlmsg_len + 3) & ~(size_t)3;
		if (header.nlmsg_len < sizeof(header) || step >= length)
			return;
		bytes += step;
		length -= step;
	}
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	size_t length = left >= 2 ? next[0] | (size_t)next[1] << 8 : 0;
	size_t room = message->msg_iov[0].iov_len;
	if (left < 2) {
		errno = EAGAIN;
		return -1;
	}
	next += 2;
	left -= 2;
	if (length > left)
		length = left;
	size_t copied = length < room ? length : room;
	memcpy(message->msg_iov[0].iov_base, next, copied);
	next += length;
	left -= length;
	address_to_us(message->msg_iov[0].iov_base, copied);
	require(message->msg_namelen >= sizeof(kernel));
	memcpy(message->msg_name, &kernel, sizeof(kernel));
	message->msg_namelen = sizeof(kernel);
	message->msg_flags = copied < length ? MSG_TRUNC : 0;
	return (ssize_t)copied;
}

int __wrap_poll(struct pollfd *places, nfds_t count, int timeout)
{
	return left >= 2 ? 1 : 0;
}

static void ask_neighbours(void)
{
	struct neighbours *neighbours;
	sequence = 1;
	if (neighbours_read(&neighbours) < 0)
		return;
	struct address address = {.family = FAMILY_IPV4};
	(void)neighbours_find(neighbours, &address, 1);
	neighbours_free(neighbours);
}

static void ask_route(void)
{
	struct address address = {.family = FAMILY_IPV4};
	struct route route;
	sequence = 1;
	if (route_lookup(&address, &route) == 0)
		require(memchr(route.interface, '\0', sizeof(route.interface)) != NULL);
}

static int take_flow(const struct flow *flow, void *userdata)
{
	return 0;
}

static void ask_flows(void)
{
	struct conntrack *conntrack;
	uint32_t count;
	require(conntrack_open(0, &conntrack) == 0);
	(void)conntrack_count(conntrack, &count);
	(void)conntrack_dump(conntrack, take_flow, NULL);
	conntrack_free(conntrack);
}

static void ask_counters(struct kernel *kernel)
{
	struct counter_values *values;
	if (counters_read(kernel, &values) < 0)
		return;
	ARRAY_FOREACH (value, &values->list)
		require(strlen(value->name) > 0);
	counter_values_free(values);
}

static void ask_elements(void)
{
	struct counted_elements *elements;
	if (counted_elements_read("blocked_source4", 16, &elements) >= 0) {
		require(elements->list.count <= 16);
		counted_elements_free(elements);
	}
}

static void ask_table(struct kernel *kernel)
{
	struct ruleset *ruleset;
	uint32_t generation;
	bool exists;
	(void)table_exists(kernel, &exists, &generation);
	if (table_read(kernel, &ruleset, &generation) == 0)
		ruleset_free(ruleset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel *kernel;
	uint32_t generation;
	if (!size || kernel_open(&kernel) < 0)
		return 0;
	next = data + 1;
	left = size - 1;
	switch (data[0] % 7) {
	case 0:
		ask_neighbours();
		break;
	case 1:
		ask_route();
		break;
	case 2:
		ask_counters(kernel);
		break;
	case 3:
		ask_flows();
		break;
	case 4:
		(void)kernel_generation(kernel, &generation);
		break;
	case 5:
		ask_elements();
		break;
	case 6:
		ask_table(kernel);
		break;
	}
	kernel_free(kernel);
	return 0;
}
