/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_REVOKED_H
#define EGRESSD_KERNEL_REVOKED_H

#include "kernel/flow.h"
#include "kernel/socket.h"

#include <stddef.h>

/*
 * What a change of policy cut, remembered in the kernel: the dynamic sets `revoked4` and `revoked6`
 * of the table, with the key `ip saddr . meta l4proto . th sport . ip daddr . th dport` (or ip6),
 * 20 and 44 bytes. A flow is there with the values that its packets of the original direction have
 * at the forward hook: its source, and where it went behind DNAT.
 */
enum revoked_result {
	REVOKED_FULL = 1, /* a set is full: some flows are not in it */
};

/*
 * Adds the flows that have ports, whose protocol has them (protocol_has_ports()); others cannot be
 * in the sets and are passed over. One that is there already is no error; its time starts anew,
 * or on kernels before 6.12 goes on. The socket must be the table's owner where it has one. 0;
 * REVOKED_FULL, after as many batches as fitted; -ENOENT: the table or the set is not there; or
 * another negative errno, then some flows may have been added.
 */
int revoked_add(struct kernel *kernel, const struct flow *flows, size_t count);

#endif
