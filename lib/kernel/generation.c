/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/generation.h"

#include "base/array.h"
#include "kernel/attribute.h"
#include "kernel/datagram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#define NEWGEN       (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)
#define BUFFER_BYTES 65536
#define DATAGRAMS    4096 /* of one read: somebody who commits without end must not hold us here */

struct generation_monitor {
	int fd;
	uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(8)));
};

struct generation_monitor *generation_monitor_free(struct generation_monitor *monitor)
{
	if (!monitor)
		return NULL;
	if (monitor->fd >= 0)
		close(monitor->fd);
	free(monitor);
	return NULL;
}

int generation_monitor_fd(const struct generation_monitor *monitor)
{
	return monitor->fd;
}

/*
 * The group also carries every rule and element that changes, which for a big batch is more than a
 * receive buffer holds. A filter lets only the message pass that ends a commit.
 */
static int filter_events(int fd)
{
	struct sock_filter code[] = {
	        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
	        /* The type is in the host's byte order, which the filter takes for the network's.
	         */
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(NEWGEN), 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	        BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = ELEMENTS_OF(code), .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

int generation_monitor_open(struct generation_monitor **ret_monitor)
{
	_cleanup_(generation_monitor_freep) struct generation_monitor *monitor = NULL;
	struct sockaddr_nl address = {
	        .nl_family = AF_NETLINK,
	        .nl_groups = 1u << (NFNLGRP_NFTABLES - 1),
	};
	int r;

	monitor = calloc(1, sizeof(*monitor));
	if (!monitor)
		return -ENOMEM;
	monitor->fd =
	        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (monitor->fd < 0)
		return -errno;
	r = filter_events(monitor->fd);
	if (r < 0)
		return r;
	if (bind(monitor->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;

	*ret_monitor = TAKE_POINTER(monitor);
	return 0;
}

bool generation_event_read(const struct nlmsghdr *message, struct generation_event *ret_event)
{
	struct generation_event event = {};
	struct attributes attributes;
	const char *name;

	if (message->nlmsg_type != NEWGEN)
		return false;
	attributes_of_message(&attributes, message);
	if (!attribute_u32(attributes.at[NFTA_GEN_ID], &event.generation))
		return false;
	(void)attribute_u32(attributes.at[NFTA_GEN_PROC_PID], &event.pid);
	name = attribute_string(attributes.at[NFTA_GEN_PROC_NAME]);
	if (name)
		memcpy(event.process, name, strnlen(name, sizeof(event.process) - 1));

	*ret_event = event;
	return true;
}

int generation_monitor_read(struct generation_monitor *monitor, generation_callback_t callback,
                            void *userdata)
{
	int result = 0;

	for (unsigned i = 0; i < DATAGRAMS; i++) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(void *)monitor->buffer;
		ssize_t n = datagram_receive(monitor->fd, monitor->buffer, sizeof(monitor->buffer));
		int left = (int)n;

		if (n == 0)
			break;
		if (n == -ENOBUFS) {
			result = GENERATION_UNKNOWN;
			continue;
		}
		if (n < 0)
			return (int)n;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			struct generation_event event;

			if (generation_event_read(message, &event))
				callback(&event, userdata);
		}
	}
	return result;
}
