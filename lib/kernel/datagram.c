/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/datagram.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#define WAIT_MSEC 10000

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
