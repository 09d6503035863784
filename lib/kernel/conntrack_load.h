/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_CONNTRACK_LOAD_H
#define EGRESSD_KERNEL_CONNTRACK_LOAD_H

#include "kernel/socket.h"

#include <stdint.h>

/* How full the table of connections is, and what did not get in since the namespace began. */
struct conntrack_load {
	uint32_t entries;
	uint32_t most;    /* 0: the kernel does not say */
	uint64_t dropped; /* packets of new connections, for lack of room */
	uint64_t failed;  /* entries that could not be inserted */
};

/* 0 or a negative errno. */
int conntrack_load_read(struct kernel *kernel, struct conntrack_load *ret_load);

#endif
