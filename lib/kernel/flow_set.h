/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_FLOW_SET_H
#define EGRESSD_KERNEL_FLOW_SET_H

#include "kernel/flow.h"
#include "kernel/socket.h"

#include <stddef.h>

/*
 * Inside the room: dynamic sets of flows, one for each family, with the key `ip saddr . meta
 * l4proto . th sport . ip daddr . th dport` (or ip6), 20 and 44 bytes. A flow is there with the
 * values that its packets of the original direction have at the forward hook: its source, and where
 * it went behind DNAT.
 */
struct flow_set {
	const char *(*name)(enum family family);
	uint32_t seconds; /* how long an element stays */
};

enum flow_set_result {
	FLOW_SET_FULL = 1, /* a set is full: some flows are not in it */
};

/*
 * Adds the flows that have ports, whose protocol has them (protocol_has_ports()); others cannot be
 * in the sets and are passed over. One that is there already is no error; its time starts anew,
 * or on kernels before 6.12 goes on. The socket must be the table's owner where it has one. 0;
 * FLOW_SET_FULL, after as many batches as fitted; -ENOENT: the table or the set is not there; or
 * another negative errno, then some flows may have been added.
 */
int flow_set_add(struct kernel *kernel, const struct flow_set *set, const struct flow *flows,
                 size_t count);

/* Takes the flows out. 0, or a negative errno: -ENOENT when one of them is not there; then some may
 * be left. */
int flow_set_remove(struct kernel *kernel, const struct flow_set *set, const struct flow *flows,
                    size_t count);

/* Takes the flows out and puts them in again, in one commit, so that their time begins anew on
 * every kernel; errors as of both. */
int flow_set_replace(struct kernel *kernel, const struct flow_set *set, const struct flow *flows,
                     size_t count);

#endif
