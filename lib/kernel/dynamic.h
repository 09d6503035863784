/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_DYNAMIC_H
#define EGRESSD_KERNEL_DYNAMIC_H

#include "kernel/batch.h"
#include "kernel/socket.h"

/*
 * Inside the room: commits a whole batch that only adds elements to dynamic sets or takes them
 * away, and that does no harm when it is committed twice: an answer that was lost is asked for
 * again. What is known of the table stays known. 0, or the kernel's or another negative errno.
 */
int dynamic_commit(struct kernel *kernel, const struct batch *batch);

#endif
