/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_CONNTRACK_H
#define EGRESSD_KERNEL_CONNTRACK_H

#include "base/cleanup.h"
#include "kernel/flow.h"

#include <stddef.h>

/* The kernel's connection tracking table, over a netlink socket of its own. */
struct conntrack;

enum conntrack_result {
	CONNTRACK_GONE = 1,   /* the entry was not there any more */
	CONNTRACK_INCOMPLETE, /* there may be entries that were not told */
};

/*
 * Opens the socket in the network namespace of the calling thread, with a receive buffer of that
 * many bytes where the system allows it (0: CONNTRACK_RECEIVE_BYTES). 0 or a negative errno.
 */
#define CONNTRACK_RECEIVE_BYTES (4 * 1024 * 1024)
int conntrack_open(size_t receive_bytes, struct conntrack **ret_conntrack);

/* Closes the socket; takes NULL, returns NULL. */
struct conntrack *conntrack_free(struct conntrack *conntrack);
DEFINE_CLEANUP(struct conntrack *, conntrack_free)

/*
 * Called with each flow, which lasts until it returns; a negative errno from it ends the dump. It
 * must not use the same struct conntrack.
 */
typedef int (*conntrack_callback_t)(const struct flow *flow, void *userdata);

/*
 * Tells every IPv4 and IPv6 entry of the namespace, one after the other, without holding them. 0:
 * every entry that was there from the start to the end of the dump was told;
 * CONNTRACK_INCOMPLETE: the kernel lost or interrupted answers each of CONNTRACK_TRIES times, or
 * told something that is no flow; else the callback's or another negative errno. A flow may be told
 * more than once, because an interrupted dump is begun again, and because the kernel goes back
 * within a bucket whose last entry went away. The kernel does not say when somebody resizes the
 * table (net.netfilter.nf_conntrack_buckets) meanwhile, which may hide entries.
 */
#define CONNTRACK_TRIES 4
int conntrack_dump(struct conntrack *conntrack, conntrack_callback_t callback, void *userdata);

/*
 * The same, but at least of the entries that the address initiated, or that reached it. Of IPv4 the
 * kernel finds just these (since Linux 5.8), which is far cheaper, and tells one that reached its
 * own source twice. Of IPv6 all entries are told: there the kernel's filter (CTA_FILTER, seen on
 * 6.18) leaves out what it should find.
 */
int conntrack_dump_address(struct conntrack *conntrack, const struct address *address,
                           conntrack_callback_t callback, void *userdata);

/* How many entries the namespace has in all; 0 or a negative errno. */
int conntrack_count(struct conntrack *conntrack, uint32_t *ret_count);

/*
 * Deletes this entry and no other: the one that is found by original tuple and zone must have the
 * flow's id. 0, CONNTRACK_GONE, or a negative errno, such as -EPERM without CAP_NET_ADMIN.
 */
int conntrack_delete(struct conntrack *conntrack, const struct flow *flow);

/*
 * Deletes many, some hundred in a message to the kernel. 0: none of them is there any more; or a
 * negative errno, then some may be left. *ret_deleted is written either way: how many this call
 * deleted, without those that were gone already. Where the kernel's answers were lost, the flows in
 * question are asked for again and count as gone, so it is then a lower bound.
 */
int conntrack_delete_many(struct conntrack *conntrack, const struct flow *flows, size_t count,
                          size_t *ret_deleted);

#endif
