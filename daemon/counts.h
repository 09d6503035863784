/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_COUNTS_H
#define EGRESSD_COUNTS_H

#include "base/cleanup.h"
#include "base/reason.h"
#include "kernel/counters.h"

#include <stdint.h>

/* The kernel's counters of one moment, by role and reason. */
struct counts {
	struct counter_values *values; /* sorted by name; owned */
};

struct count {
	uint64_t packets;
	uint64_t bytes;
};

/* 0 or a negative errno. */
int counts_read(struct kernel *kernel, struct counts *ret_counts);
void counts_done(struct counts *counts);

/* What the hosts of a role initiated, and what was blocked that counts for the role. */
struct count counts_permitted(const struct counts *counts, const char *role);
struct count counts_blocked(const struct counts *counts, const char *role);

/* Packets of flows of the role's hosts that a change of policy cut; they are not in blocked. */
struct count counts_revoked(const struct counts *counts, const char *role);

/* The same over all roles, and for hosts that the policy has no more. */
struct count counts_all_revoked(const struct counts *counts);

/* What was blocked for a reason, over all roles. */
struct count counts_of_reason(const struct counts *counts, enum reason reason);

/* Adds to sums (one for each reason) what `before` counted in counters that `after` has not. */
void counts_add_vanished(const struct counts *before, const struct counts *after,
                         struct count sums[static REASON_COUNT]);

#endif
