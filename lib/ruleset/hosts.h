/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_HOSTS_H
#define EGRESSD_RULESET_HOSTS_H

#include "base/array.h"
#include "policy/policy.h"

/* A stretch of addresses and the host that they belong to after the most specific claim won. */
struct segment {
	struct address_range range;
	const struct host *host;
	struct location at; /* of the claim that won */
};

struct segments {
	ARRAY(struct segment) list; /* disjoint, ascending */
};

/*
 * Flattens the nested claims of a family to disjoint segments, as the kernel's interval maps need
 * them. Without singles, claims of one single address are passed over as if they were not there:
 * they live in a hash that is asked first. 0 or -ENOMEM; release by ARRAY_DONE(&segments->list).
 */
int segments_of(const struct claims *claims, bool with_singles, struct segments *ret_segments);

#endif
