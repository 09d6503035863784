/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_PLAN_H
#define EGRESSD_KERNEL_PLAN_H

#include "base/cleanup.h"
#include "kernel/socket.h"
#include "ruleset/diff.h"
#include "ruleset/ruleset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What table_compare() found, for table_apply_plan(). It borrows from `wanted` and from what the
 * kernel knows of the table, and so is not to be looked into any more once something was applied.
 */
struct plan {
	const struct ruleset *wanted;
	struct delta *delta; /* owned; the steps from the table to `wanted` in the phase it had */
	uint64_t view;       /* kernel_view_number() of what was known of the table */
};
void plan_done(struct plan *plan);

/* How the table stands to the wanted one. */
struct standing {
	bool differs;
	bool can_deny; /* what differs may deny what the table permits now: delta_can_deny() */
	size_t elements_added, elements_deleted; /* that make the difference */
	size_t rules_added, rules_deleted;
	size_t counters_deleted; /* what they counted goes with them */
};

/*
 * Only compares; 0, -EBUSY when others changed the rules each time, -EPERM when another process
 * owns the table, or another negative errno. The plan is released with plan_done().
 */
int table_compare(struct kernel *kernel, struct ruleset *wanted, struct standing *ret_standing,
                  struct plan *ret_plan);

/* Inside the room: one way to a table: what is there, and the steps from it to what is wanted. */
struct table_change {
	const struct ruleset *have; /* borrowed from the kernel's view; NULL when it was not read */
	struct delta *delta;
	uint32_t generation; /* for which it was there */
};
void table_change_done(struct table_change *change);

/*
 * Finds them for a wanted table, which gets the flags that owner_flags() says, or for NULL: none at
 * all. A plan (or NULL) for the same table saves finding them again while what is known of the
 * table is what it was made for. Errors as of table_compare(); release with table_change_done().
 */
int table_change_find(struct kernel *kernel, struct ruleset *wanted, const struct plan *plan,
                      struct table_change *change);

#endif
