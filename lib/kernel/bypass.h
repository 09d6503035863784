/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_BYPASS_H
#define EGRESSD_KERNEL_BYPASS_H

#include "kernel/socket.h"

#define BYPASS_NAME_MAX 96

/*
 * What is in other tables that takes packets past ours, or past connection tracking. They are the
 * administrator's, and are reported, not touched.
 */
struct bypass {
	/* Flowtables: packets of the flows in them pass none of our hooks. In any table, ours too.
	 */
	unsigned flowtables;
	char flowtable[BYPASS_NAME_MAX]; /* the first one: "inet fw, flowtable f", made printable */
	/* Rules by which packets get no connection: notrack, and CT --notrack of iptables-nft. */
	unsigned notracks;
	char notrack[BYPASS_NAME_MAX]; /* the first one: "ip raw, chain prerouting" */
};

/*
 * Looks through all tables of the network namespace. 0; -EINTR: they changed meanwhile, and what
 * was found may not be all; or another negative errno.
 */
int bypass_read(struct kernel *kernel, struct bypass *ret_bypass);

/* One message of such a dump; what it tells is added. */
struct nlmsghdr;
void bypass_add(struct bypass *bypass, const struct nlmsghdr *message);

#endif
