/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_DESCRIPTORS_H
#define EGRESSD_DESCRIPTORS_H

#include "base/cleanup.h"

/*
 * File descriptors that outlive the daemon, because systemd holds them: the sockets of socket
 * units, and those that an earlier run stored (sd_listen_fds(3), FDSTORE in sd_notify(3)). Each has
 * a name.
 */
struct descriptors;

/*
 * Takes what systemd passed; to be called once, early, as it clears the environment that tells of
 * it. Without systemd there is nothing in it. 0 or a negative errno.
 */
int descriptors_receive(struct descriptors **ret_descriptors);

/* Closes what nobody took, too; takes NULL, returns NULL. */
struct descriptors *descriptors_free(struct descriptors *descriptors);
DEFINE_CLEANUP(struct descriptors *, descriptors_free)

/*
 * The first of that name which is what it has to be: a Unix stream socket that listens, or a
 * netlink socket of that protocol (NETLINK_*) in the network namespace of the calling thread. The
 * caller owns it, with O_CLOEXEC set. -ENOENT: there is none.
 */
int descriptors_take_listener(struct descriptors *descriptors, const char *name);
int descriptors_take_netlink(struct descriptors *descriptors, const char *name, int protocol);

/* Closes what nobody took, says so in the journal, and has systemd drop what it stores of it. */
void descriptors_close_unknown(struct descriptors *descriptors);

#define DESCRIPTORS_NOT_KEPT 1 /* there is no systemd to keep it */

/*
 * Has systemd keep a duplicate and pass it to the next run under that name, should this one end in
 * any way but `systemctl stop`. It is kept whatever becomes of it: by itself systemd would drop a
 * netlink socket that was overrun, and with it what the socket holds in the kernel. What was passed
 * is still stored and need not be stored again; one name may stand for several. 0,
 * DESCRIPTORS_NOT_KEPT, or a negative errno.
 */
int descriptors_store(const char *name, int fd);

/* Has systemd drop all that it stores under that name. Returns as above. */
int descriptors_drop(const char *name);

#endif
