/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_SOCKET_FILE_H
#define EGRESSD_BASE_SOCKET_FILE_H

struct sockaddr_un;

/*
 * Makes the path of a Unix socket of that type (SOCK_STREAM, ...) free: takes a socket file away
 * that nobody serves any more. 0, also when there is none; -EADDRINUSE when somebody does;
 * -ENOTSOCK when something else is there; or a negative errno.
 */
int socket_file_clear(const struct sockaddr_un *address, int type);

#endif
