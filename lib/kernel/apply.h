/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_APPLY_H
#define EGRESSD_KERNEL_APPLY_H

#include "kernel/commit.h"
#include "kernel/socket.h"
#include "ruleset/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

#define APPLY_ATTEMPTS                                                                             \
	16 /* batches sent before somebody who changes the rules all the time wins                 \
	    */

enum apply_result {
	APPLY_REFUSED =
	        1,        /* the kernel did not take it: refusal says why; the old table is there */
	APPLY_UNVERIFIED, /* taken, yet what is read back is something else: refusal says what */
	APPLY_BUSY,       /* others changed the rules each time; refusal says so */
};

/* What table_apply() and table_remove() did. */
struct applied {
	bool changed;        /* a batch was committed; else the table was as wanted already */
	uint32_t generation; /* for which the table was read back and found as wanted */
	unsigned attempts;   /* batches sent */
	size_t elements_added, elements_deleted;
	size_t rules_added, rules_deleted;
	size_t sets_added, sets_deleted;
	size_t chains_added, chains_deleted;
	size_t foreign; /* objects of others in our table: without effect, and left alone */
	struct refusal
	        refusal; /* after APPLY_*: its location is borrowed from the wanted ruleset */
};

/*
 * Makes the table what is wanted, with one batch that holds only the difference: the one function
 * for first start, reload, restart and repair. It reads the table, commits the difference in the
 * generation that was read, and reads it back; 0 means that nothing differed in the end. Else one
 * of enum apply_result, or a negative errno, after which the table is the old one or the new one.
 * *ret_applied is written for all but a negative errno.
 */
int table_apply(struct kernel *kernel, const struct ruleset *wanted, struct applied *ret_applied);

/* How the table stands to the wanted one. */
struct standing {
	bool differs;
	bool can_deny; /* what differs may deny what the table permits now: delta_can_deny() */
	size_t elements_added, elements_deleted; /* that make the difference */
	size_t rules_added, rules_deleted;
};

/* Only compares; 0, -EBUSY when others changed the rules each time, or another negative errno. */
int table_compare(struct kernel *kernel, const struct ruleset *wanted,
                  struct standing *ret_standing);

/* Takes the table away, and nothing else; results as above. */
int table_remove(struct kernel *kernel, struct applied *ret_applied);

#endif
