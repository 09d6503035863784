/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_TIMED_H
#define EGRESSD_KERNEL_TIMED_H

#include "kernel/apply.h"

#define TIMED_UNDECIDED 1 /* only table_apply() can tell */

/*
 * Makes some timed sets of the table what `wanted` says, which has nothing but these, in one batch;
 * what it costs does not depend on the rest of the table. They are read before and after. 0: they
 * are as wanted, and nobody else was at the table since it was last known; TIMED_UNDECIDED or
 * -ENOMEM, with the sets as before or, if kernel_batches() grew, perhaps as wanted. *ret_applied is
 * written on 0.
 */
int table_apply_timed(struct kernel *kernel, const struct ruleset *wanted,
                      struct applied *ret_applied);

#endif
