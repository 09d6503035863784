/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_OWNERSHIP_H
#define EGRESSD_KERNEL_OWNERSHIP_H

#include "kernel/socket.h"
#include "ruleset/ruleset.h"

/*
 * Ownership of the table. One with the flags owner and persist (Linux 6.9) is changed through the
 * socket that owns it alone, `nft flush ruleset` passes it over, and it stays when that socket is
 * closed: then it is an orphan, which anybody may change or own until we do again. The flag owner
 * without persist is never set: such a table goes with its socket, and leaves the gateway open.
 *
 * The kernel gives neither flag to a table that was made without, and takes persist from none. So
 * a table that is there keeps persist, or the lack of it, until it is made anew.
 */

/* Part of a struct kernel; start from {}. */
struct owner {
	bool wished;
	bool asked;    /* the kernel, whether it has the flags */
	bool possible; /* it has */
};

enum ownership {
	OWNERSHIP_NONE,   /* the table was made without, or is not there */
	OWNERSHIP_ORPHAN, /* nobody owns it just now */
	OWNERSHIP_OURS,
	OWNERSHIP_OTHERS, /* another process owns it: it cannot be changed */
};

/* As whose the table was read, or is known as. */
enum ownership owner_of(const struct kernel *kernel, const struct ruleset *table);

/*
 * Whether tables that are made, and orphans, are to be ours; at the beginning they are not. With
 * false, what is ours becomes an orphan. 0 or a negative errno.
 */
int owner_wish(struct kernel *kernel, bool own);

/*
 * The flags that the table is to have, given the one that is there. When the kernel cannot be asked
 * whether it has them, none: better a table that nobody owns than no table.
 */
uint32_t owner_flags(struct kernel *kernel, const struct ruleset *have);

/*
 * Wakes the table that was read for that generation when it is dormant, which opens the gateway,
 * and changes nothing else. 1: it was; 0: it was not; or a negative errno as of owner_adopt().
 */
int owner_wake(struct kernel *kernel, const struct ruleset *have, uint32_t generation);

/*
 * Makes the table that was read for that generation ours, and changes nothing else, when it is an
 * orphan. 0, or a negative errno: somebody else was at it, or the like.
 */
int owner_adopt(struct kernel *kernel, const struct ruleset *have, uint32_t generation);

/*
 * Asks the kernel whether it has the flags, with a batch that it takes apart and never commits: 1,
 * 0, or a negative errno. Nothing is left behind, and nobody is told of it.
 */
int owner_possible(struct kernel *kernel);

#endif
