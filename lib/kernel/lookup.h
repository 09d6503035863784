/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_LOOKUP_H
#define EGRESSD_KERNEL_LOOKUP_H

#include "kernel/socket.h"
#include "ruleset/ruleset.h"

/*
 * Asking the kernel for single elements by their keys (NFT_MSG_GETSETELEM), which costs the same
 * however large the set is.
 */
#define LOOKUP_OTHER 1 /* one of the elements is not as it was said to be */

/* Whether all of these are in the set, and lead to their chains. 0, LOOKUP_OTHER or an errno. */
int elements_present(struct kernel *kernel, const struct set *set,
                     const struct element *const *elements, size_t count);

/*
 * The same of at most that many of the elements, evenly spread, the first and the last among them;
 * *ret_asked: how many these are.
 */
int elements_sample(struct kernel *kernel, const struct set *set, const struct element *elements,
                    size_t count, size_t most, size_t *ret_asked);

/*
 * Whether none of these is in the set; for an interval set, whether no range begins where one of
 * these did. 0, LOOKUP_OTHER or a negative errno.
 */
int elements_absent(struct kernel *kernel, const struct set *set,
                    const struct element *const *elements, size_t count);

#endif
