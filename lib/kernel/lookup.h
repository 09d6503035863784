/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_LOOKUP_H
#define EGRESSD_KERNEL_LOOKUP_H

#include "kernel/socket.h"
#include "ruleset/ruleset.h"

/*
 * Asking the kernel for single elements by their keys (NFT_MSG_GETSETELEM), which costs the same
 * however large the set is. Only for sets that are no interval sets: there the kernel answers with
 * the range around a key.
 */
#define LOOKUP_OTHER 1 /* one of the elements is not as it was said to be */

/* Whether all of these are in the set, and lead to their chains. 0, LOOKUP_OTHER or an errno. */
int elements_present(struct kernel *kernel, const struct set *set,
                     const struct element *const *elements, size_t count);

/* Whether none of these is in the set. 0, LOOKUP_OTHER or a negative errno. */
int elements_absent(struct kernel *kernel, const struct set *set,
                    const struct element *const *elements, size_t count);

#endif
