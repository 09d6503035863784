/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_HELPERS_H
#define EGRESSD_KERNEL_HELPERS_H

#include "kernel/socket.h"
#include "ruleset/ruleset.h"

#include <stdbool.h>

struct wire;

/* Writes what a helper object is (NFTA_OBJ_DATA: NFTA_CT_HELPER_*), into a message about it. */
void helper_write(struct wire *wire, const struct helper *helper);

/* The FAMILY_BIT()s that NFTA_CT_HELPER_L3PROTO stands for; 0 for one that no helper can have. */
uint8_t helper_families(uint16_t l3proto);

/*
 * Asks the kernel for conntrack helpers, in a batch that never takes effect: ret_lacking[i] is true
 * when the kernel has no helper of the kind, protocol and families of helpers[i], and found no
 * module that has it. The kernel loads a module that has it. An answer other than "no such helper"
 * leaves false: the commit tells what is wrong. 0 or a negative errno.
 */
int helpers_ask(struct kernel *kernel, const struct helper *helpers, size_t count,
                bool *ret_lacking);

#endif
