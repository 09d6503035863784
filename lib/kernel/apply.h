/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_APPLY_H
#define EGRESSD_KERNEL_APPLY_H

#include "kernel/commit.h"
#include "kernel/plan.h"
#include "kernel/socket.h"
#include "ruleset/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

#define APPLY_ATTEMPTS                                                                             \
	16 /* batches sent before somebody who changes the rules all the time wins                 \
	    */

/* Which table is there after one of these, `applied.touched` and `applied.taken` tell. */
enum apply_result {
	APPLY_REFUSED = 1, /* the kernel did not take the last batch: refusal says why */
	APPLY_UNVERIFIED,  /* taken, yet what is read back is something else: refusal says what */
	APPLY_BUSY,        /* others changed the rules each time; refusal says so */
};

/* What a refusal says, and -EPERM of table_compare() means, when the table cannot be changed. */
#define APPLY_OWNED_TEXT                                                                           \
	"not permitted: table inet egressd is owned by another process, or CAP_NET_ADMIN is "      \
	"missing"

/* What table_apply() and table_remove() did. */
struct applied {
	bool changed; /* a batch was committed; else the table was as wanted already */
	bool touched; /* some batch was taken, or may have been: the table may be another */
	bool taken;   /* one that leads to the whole of what is wanted was, or may have been */
	uint32_t generation; /* for which the table was read back and found as wanted */
	unsigned attempts;   /* batches sent */
	size_t elements_added, elements_deleted;
	size_t rules_added, rules_deleted;
	size_t sets_added, sets_deleted;
	size_t chains_added, chains_deleted;
	/* Sets read back whole, or by a sample with their number of elements; what that was. */
	size_t sets_read, sets_sampled;
	size_t elements_read, elements_sampled;
	bool whole;     /* the whole table was read back, touched or not */
	size_t foreign; /* flowtables of others in our table, which are left alone */
	struct refusal
	        refusal; /* after APPLY_*: its location is borrowed from the wanted ruleset */
};

/*
 * Makes the table what is wanted, with one batch that holds only the difference: the one function
 * for first start, reload, restart and repair. It commits the difference in the generation for
 * which the table is known, reading it first where it is not, and reads back what the change
 * touched (verify.h), or everything where that does not settle it; 0 means that nothing differed in
 * the end. Else one of enum apply_result, or a negative errno: unless `touched` the table is as it
 * was, and with `taken` the kernel enforces what was wanted, but nobody has verified it. Such a
 * change is the caller's to take back (retract.h). *ret_applied is written whatever comes of it.
 *
 * The kernel keeps `wanted` as what it knows of the table: of the ruleset only the phase may be
 * changed any more. Its flags are not the caller's to say but those of owner_flags().
 */
int table_apply(struct kernel *kernel, struct ruleset *wanted, struct applied *ret_applied);

/* table_apply() that need not find the difference again, unless others have changed the rules. */
int table_apply_plan(struct kernel *kernel, struct ruleset *wanted, const struct plan *plan,
                     struct applied *ret_applied);

/* Takes the table away, and nothing else; results as above. */
int table_remove(struct kernel *kernel, struct applied *ret_applied);

#endif
