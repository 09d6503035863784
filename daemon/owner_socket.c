/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owner_socket.h"

#include "base/time.h"
#include "journal.h"

#include <linux/netlink.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* As systemd calls it. */
#define NAME "nft-owner"

#define DROP_WAIT (5 * USEC_PER_SEC)

void owner_socket_take(struct owner_socket *socket, struct descriptors *descriptors,
                       struct kernel *kernel)
{
	int fd = descriptors_take_netlink(descriptors, NAME, NETLINK_NETFILTER);
	if (fd < 0)
		return;
	int r = kernel_take_commit_fd(kernel, fd);
	if (r == 0) {
		socket->kept = true;
		return;
	}
	close(fd);
	(void)descriptors_drop(NAME);
	journal(LOG_WARNING, "The socket that an earlier run owned the table with is of no use: %s",
	        strerror(-r));
}

void owner_socket_keep(struct owner_socket *socket, const struct kernel *kernel, bool keep)
{
	int r;
	if (keep == socket->kept)
		return;
	if (keep) {
		r = descriptors_store(NAME, kernel_commit_fd(kernel));
		socket->kept = r >= 0;
		if (r < 0)
			journal(LOG_WARNING,
			        "systemd does not keep the socket that owns the table (%s): while "
			        "the daemon is down, others may change it",
			        strerror(-r));
		return;
	}
	/* Only once systemd has closed its duplicate does the table go with ours. */
	r = descriptors_drop(NAME);
	if (r == 0)
		r = sd_notify_barrier(false, DROP_WAIT);
	socket->kept = false;
	if (r < 0)
		journal(LOG_WARNING, "systemd may still keep the socket that owns the table: %s",
		        strerror(-r));
}
