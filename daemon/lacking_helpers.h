/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_LACKING_HELPERS_H
#define EGRESSD_LACKING_HELPERS_H

#include "kernel/socket.h"
#include "policy/policy.h"

/*
 * Finds out which conntrack helpers of the policy's permissions, those of run time included, the
 * running kernel lacks, and notes them in policy->lacking_helpers. A missing module thus costs the
 * connections that the helper would permit, and not the whole policy. *found has the helpers that
 * the kernel is known to have, which are not asked for again; start from {}, and empty it after a
 * commit that failed. 0 or a negative errno, after which nothing counts as lacking.
 */
int lacking_helpers_find(struct kernel *kernel, struct helper_set *found, struct policy *policy);

/* The sentence about the helpers that the kernel lacks, from malloc; NULL: none, or no memory. */
char *lacking_helpers_text(const struct policy *policy);

#endif
