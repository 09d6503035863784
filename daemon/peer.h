/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PEER_H
#define EGRESSD_PEER_H

#include "server.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PEER_GROUP_READ   "egress"
#define PEER_GROUP_CHANGE "egress-admin"

/* Who is at the other end of a socket, as the kernel vouched for it when the peer connected. */
struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* may have been given to another process since; nothing is decided by it */
	gid_t *groups;
	size_t group_count;
};

/* Asks the kernel (SO_PEERCRED and SO_PEERGROUPS, socket(7) and unix(7)). 0 or a negative errno;
 * a peer that cannot be asked about is to be turned away. */
int peer_read(int fd, struct peer *ret_peer);

/* Releases the list of groups. */
void peer_done(struct peer *peer);

/* A group of the system by which somebody is let in. */
struct peer_group {
	bool exists; /* and could be looked up */
	gid_t gid;
};

/* Whom the server lets in besides root. */
struct peer_rules {
	uid_t own; /* the daemon's own user */
	struct peer_group read;
	struct peer_group change;
};

/* The daemon's effective user and the two groups. One that is missing or cannot be looked up lets
 * nobody in. */
struct peer_rules peer_rules_read(void);

/* Whether the peer may do that. Whoever may change may read. */
bool peer_may(const struct peer *peer, const struct peer_rules *rules, enum access access);

#endif
