/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_FUZZ_TURNS_KERNEL_H
#define EGRESSD_FUZZ_TURNS_KERNEL_H

#include "base/reason.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What stands in for lib/kernel where it would ask the kernel: a table that is what was committed
 * last, a packet log that has what the input says, and a world of two interfaces. What the daemon
 * and lib/kernel make of it is the real thing: plans, deltas, views, and what a commit borrows.
 */

/* No table, empty logs, nothing refused; for the beginning of an input. */
void turns_kernel_reset(void);

/* A blocked packet, or with `contact` a permitted one, to be logged. */
struct turns_packet {
	bool contact;
	enum reason reason;
	const char *role;  /* which the rule's prefix names; copied */
	uint8_t source[4]; /* IPv4 */
	uint8_t destination[4];
	uint16_t port;
	uint8_t mac; /* the last byte of the sender's; 0: none */
	bool own;    /* the gateway's own, of a socket of user 33 */
};
void turns_log(const struct turns_packet *packet, uint64_t time);

/* The next commit is refused, because of a step of it; 0: it is not. */
void turns_refuse(uint8_t step);

/* Another process changes rules of a table of its own. */
void turns_others_commit(void);

#endif
