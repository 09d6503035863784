/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_KNOWN_H
#define EGRESSD_KERNEL_KNOWN_H

#include "base/address.h"
#include "kernel/socket.h"

/*
 * Whether the source has contacted that destination within THROTTLE_KNOWN_SECONDS, so that its
 * throttle lets it through: asks the kernel for one element of set_known(). 1, 0 (also where the
 * table has no throttle), or a negative errno.
 */
int destination_is_known(struct kernel *kernel, const struct address *source,
                         const struct address *destination);

#endif
