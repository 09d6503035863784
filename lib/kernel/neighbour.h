/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_NEIGHBOUR_H
#define EGRESSD_KERNEL_NEIGHBOUR_H

#include "base/address.h"
#include "base/cleanup.h"

#include <stdint.h>

/* Neighbours that are read at most; those beyond are not known. */
#define NEIGHBOURS_MAX (1u << 20)

/* The kernel's table of neighbours, IPv4 and IPv6, as it was when it was read. */
struct neighbours;

/*
 * Reads the table (RTM_GETNEIGH, linux/neighbour.h): the entries whose MAC was learnt or set by
 * hand, though it may not have been confirmed lately. Proxied addresses, and links without MACs,
 * are left out. 0 or a negative errno: -EINTR when the table did not hold still.
 */
int neighbours_read(struct neighbours **ret_neighbours);

/* Releases the table; takes NULL, returns NULL. */
struct neighbours *neighbours_free(struct neighbours *neighbours);
DEFINE_CLEANUP(struct neighbours *, neighbours_free)

/*
 * The MAC that an address has on the interface of that index, which stays the table's; NULL when
 * it is not known. One address can be that of different machines on different interfaces.
 */
const struct mac *neighbours_find(const struct neighbours *neighbours,
                                  const struct address *address, uint32_t interface);

#endif
