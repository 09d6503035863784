/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_DATAGRAM_H
#define EGRESSD_KERNEL_DATAGRAM_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Inside the room: how many of the bytes are whole messages. mnl_nlmsg_ok() takes a length of 2 GiB
 * and more for a negative one, which fits everywhere.
 */
size_t datagram_whole(const void *bytes, size_t length);

/*
 * Reads one datagram of the kernel's from a netlink socket, without waiting; what
 * any other process sends is passed over. Its length; 0 when nothing is there; -ENOBUFS when
 * something before it was lost or it did not fit, and reading may go on; else a negative errno.
 * What is no whole message at its end is cut off.
 */
ssize_t datagram_receive(int fd, void *buffer, size_t size);

/*
 * Waits until there is one to be read. 0; -ETIMEDOUT: none came in ten seconds, which is long for a
 * kernel that answers while it is asked; or a negative errno.
 */
int datagram_wait(int fd);

/* Both: waits for one and reads it. Never 0. */
ssize_t datagram_await(int fd, void *buffer, size_t size);

#endif
