/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/datagram.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_MSEC 10000

size_t datagram_whole(const void *bytes, size_t length)
{
	const uint8_t *start = bytes;
	size_t at = 0;

	while (length - at >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;

		memcpy(&header, start + at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length - at)
			return at;
		at += NLMSG_ALIGN((size_t)header.nlmsg_len);
		if (at >= length)
			return length;
	}
	return at;
}

ssize_t datagram_receive(int fd, void *buffer, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = {};
		struct iovec part = {.iov_base = buffer, .iov_len = size};
		struct msghdr header = {.msg_name = &from,
		                        .msg_namelen = sizeof(from),
		                        .msg_iov = &part,
		                        .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &header, MSG_DONTWAIT);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return errno == EAGAIN ? 0 : -errno;
		}
		/* Any process that may use the socket family could send us something. */
		if (header.msg_namelen != sizeof(from) || from.nl_pid != 0 || n == 0)
			continue;
		if (header.msg_flags & MSG_TRUNC)
			return -ENOBUFS;
		n = (ssize_t)datagram_whole(buffer, (size_t)n);
		if (n > 0)
			return n;
	}
}

int datagram_wait(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int r;

	do
		r = poll(&wait, 1, WAIT_MSEC);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

ssize_t datagram_await(int fd, void *buffer, size_t size)
{
	for (;;) {
		ssize_t n = datagram_receive(fd, buffer, size);
		int r = n == 0 ? datagram_wait(fd) : 0;

		if (n != 0 || r < 0)
			return n != 0 ? n : r;
	}
}
