/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_SOCKET_OWNER_H
#define EGRESSD_KERNEL_SOCKET_OWNER_H

#include "base/address.h"

#include <stdint.h>

/* There is no such socket: never was, or it is closed, or what has its port now is another one. */
#define SOCKET_GONE 1

/* A connection of this machine, from its own end. */
struct socket_tuple {
	uint8_t protocol;     /* IPPROTO_TCP or IPPROTO_UDP */
	struct address local; /* both of one family */
	struct address remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint32_t interface; /* ifindex that it leaves by, for sockets that are bound to one; or 0 */
};

struct socket_owner {
	uint32_t inode; /* as in "socket:[INODE]" below /proc/PID/fd; never 0 */
	uint32_t uid;   /* of the user who made it */
};

/*
 * Asks the kernel (sock_diag(7), linux/inet_diag.h) for the socket of the calling thread's network
 * namespace that such packets come from: for TCP the one with exactly these ends, for UDP one that
 * is connected to the remote end or to nothing. It needs no capability. 0, SOCKET_GONE, -EINVAL for
 * another protocol or two families, or a negative errno. A kernel without inet_diag for the
 * protocol says the same as of a socket that is gone.
 */
int socket_owner_find(const struct socket_tuple *tuple, struct socket_owner *ret_owner);

#endif
