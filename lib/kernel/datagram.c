/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/datagram.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

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
