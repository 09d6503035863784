/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_RETRACT_H
#define EGRESSD_KERNEL_RETRACT_H

#include "kernel/apply.h"

/*
 * Takes back a change that the kernel took, or may have taken, and that could not be verified:
 * makes the table `wanted`, in place and in one batch. What was read of the table disagreed with
 * `taken`, so neither is believed where they differ (ruleset_doubt()). `taken` may be NULL: nothing
 * is known but what is read. `prepared` (or NULL) is what more may be there (ruleset_doubt()).
 * Results as of table_apply(): 0 means that the table was read back as wanted; with `taken` in
 * *ret_applied alone, the kernel enforces it, and nobody has verified it.
 */
int table_retract(struct kernel *kernel, const struct ruleset *taken,
                  const struct ruleset *prepared, struct ruleset *wanted,
                  struct applied *ret_applied);

#endif
