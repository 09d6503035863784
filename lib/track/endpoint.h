/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_ENDPOINT_H
#define EGRESSD_TRACK_ENDPOINT_H

#include "base/address.h"

#include <stdint.h>

/* What a connection is made to. Compared as bytes: it has no padding. */
struct endpoint {
	struct address address;
	uint16_t port; /* ICMP: the type; 0 without one */
	uint8_t protocol;
	uint8_t has_port;
};
_Static_assert(sizeof(struct endpoint) == sizeof(struct address) + 4, "endpoint has padding");

/* Who tries to reach what; likewise compared as bytes. */
struct stream {
	struct address source;
	struct endpoint destination;
};
_Static_assert(sizeof(struct stream) == 2 * sizeof(struct address) + 4, "stream has padding");

#endif
