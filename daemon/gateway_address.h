/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_GATEWAY_ADDRESS_H
#define EGRESSD_GATEWAY_ADDRESS_H

#include "base/address.h"
#include "base/array.h"

/* The gateway's own addresses, those of loopback among them. */
struct gateway_addresses {
	ARRAY(struct address) list;
};

/* 0 or a negative errno; release with ARRAY_DONE(&addresses->list), after a failure too. */
int gateway_addresses(struct gateway_addresses *addresses);

/* 1 when it is one of them now, 0 when it is not, or a negative errno. */
int gateway_has_address(const struct address *address);

#endif
