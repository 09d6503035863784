/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_ROUTE_H
#define EGRESSD_KERNEL_ROUTE_H

#include "base/address.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define ROUTE_NONE 1 /* the routing table has no way to that address */

/* The way to an address. */
struct route {
	char interface[IF_NAMESIZE]; /* that packets to it leave by */
	uint32_t index;              /* of that interface */
	bool local;                  /* it is an address of this machine */
	bool direct;                 /* it is a neighbour, not behind another router */
};

/*
 * Asks the routing table (RTM_GETROUTE, linux/rtnetlink.h) for the way to an address, which is
 * what the table's `fib` expression looks at for a source address. 0, ROUTE_NONE, or a negative
 * errno.
 */
int route_lookup(const struct address *address, struct route *ret_route);

/*
 * Whether none but the default route leads there, which says nothing of where that is: positive
 * when it is so, or there is no way at all; 0 when there is a route of its own; or a negative
 * errno.
 */
int route_is_default(const struct address *address);

#endif
