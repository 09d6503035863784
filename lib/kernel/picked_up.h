/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_PICKED_UP_H
#define EGRESSD_KERNEL_PICKED_UP_H

#include "base/array.h"
#include "base/cleanup.h"
#include "kernel/flow.h"
#include "kernel/socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Connections that are older than the kernel's table of connections and whose server sent first:
 * the dynamic sets `picked_up4` and `picked_up6` of the table. The server stands first, because
 * conntrack takes it for the initiator. Rules add the elements.
 */
struct picked_up {
	struct address server;
	struct address client;
	uint16_t server_port;
	uint16_t client_port;
	uint8_t protocol;
	uint32_t left; /* seconds until it is forgotten, if it is not used until then */
};

/* Sorted for picked_up_find(). */
struct picked_up_list {
	ARRAY(struct picked_up) list;
};
void picked_up_done(struct picked_up_list *list);

/*
 * Reads what is in the sets; nothing where the table has none. 0, -EBUSY when the kernel interrupts
 * the answer again and again, or another negative errno; then there is nothing to release.
 */
int picked_up_read(struct kernel *kernel, struct picked_up_list *ret_list);

/* The one that conntrack has as that flow, or NULL; logarithmic. */
const struct picked_up *picked_up_find(const struct picked_up_list *list, const struct flow *flow);

/* Adds flows, whose source is the server; as flow_set_add(), with PICKED_UP_FULL. */
#define PICKED_UP_FULL 1
int picked_up_add(struct kernel *kernel, const struct flow *flows, size_t count);

/* Lets the time of flows that are there begin anew. 0 or a negative errno: -ENOENT when one of them
 * is not there. */
int picked_up_renew(struct kernel *kernel, const struct flow *flows, size_t count);

/* Forgets flows; as flow_set_remove(). */
int picked_up_remove(struct kernel *kernel, const struct flow *flows, size_t count);

#endif
