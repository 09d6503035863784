/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_VERIFY_H
#define EGRESSD_KERNEL_VERIFY_H

#include "kernel/socket.h"
#include "ruleset/diff.h"

#define VERIFY_DIFFERS 1 /* something that the delta touched is not as wanted */

/* What was read back. */
struct verified {
	size_t sets_read, sets_sampled;         /* of those that the change touched */
	size_t elements_read, elements_sampled; /* in them */
};

/*
 * For a delta from `have` to `wanted` that was committed in the generation for which `have` was
 * true, and made the next one of it: reads back what it touched, and only that. Rules and small
 * sets are read whole. Of a large set the number of its elements is asked for, the elements that
 * came are looked up, and it is made sure that those that went are gone (up to a bound each, evenly
 * spread). All else stands: nobody but us committed, which the caller finds out by the generation.
 *
 * 0: all is as wanted, and the rules of `wanted` have the kernel's handles. VERIFY_DIFFERS, or a
 * negative errno (-ENOBUFS, -EINTR: the answers got lost), after which the handles are worth
 * nothing.
 */
int table_verify(struct kernel *kernel, const struct delta *delta, const struct ruleset *have,
                 struct ruleset *wanted, struct verified *ret_verified);

#endif
