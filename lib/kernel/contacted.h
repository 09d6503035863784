/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_CONTACTED_H
#define EGRESSD_KERNEL_CONTACTED_H

#include "kernel/socket.h"

/*
 * Empties the dynamic sets of first contacts that were told (set_contacted()): every contact from
 * then on is told again. That takes some 0.1 s for full ones. The socket must be the table's owner
 * where it has one. 0; -ENOENT: the
 * table has no such sets; or another negative errno, then they are as they were, or emptied.
 */
int contacted_forget(struct kernel *kernel);

#endif
