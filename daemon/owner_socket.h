/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_OWNER_SOCKET_H
#define EGRESSD_OWNER_SOCKET_H

#include "descriptors.h"
#include "kernel/socket.h"

#include <stdbool.h>

/*
 * The socket that owns the table, kept by systemd while the daemon is down: nobody may change the
 * table meanwhile, and nobody can be quicker to own it than a daemon that comes back. Without
 * systemd the table is an orphan in between.
 */
struct owner_socket {
	bool kept;
};

/* Takes up the one that an earlier run left, if there is one, for all commits from now on. */
void owner_socket_take(struct owner_socket *socket, struct descriptors *descriptors,
                       struct kernel *kernel);

/*
 * Has it kept, or not any more: then what it owns goes with the daemon's own descriptor. To be said
 * before owner_wish().
 */
void owner_socket_keep(struct owner_socket *socket, const struct kernel *kernel, bool keep);

#endif
