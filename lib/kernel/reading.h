/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_READING_H
#define EGRESSD_KERNEL_READING_H

#include "kernel/decode.h"
#include "kernel/socket.h"
#include "ruleset/ruleset.h"

/*
 * One pass over the table or over parts of it, piece by piece; what is read is added to the
 * ruleset. Chains come before rules and elements, which are in them or lead to them. All return 0,
 * what kernel_request() does, -ENOMEM, or -EBADMSG.
 */
struct reading {
	struct kernel *kernel;
	struct ruleset *ruleset;
	struct chain **index;           /* the chains by name, made once all are read */
	struct chain *chain;            /* found last: rules come chain by chain */
	const char *target;             /* a chain that is not among them, named last */
	struct set *set;                /* whose elements are being read */
	ARRAY(struct raw_element) ends; /* of an interval set */
	size_t most;                    /* elements up to which a set is read; 0: all of it */
};

/* Whether the table is there, its flags and comment. */
int reading_header(struct reading *reading);

/* All of a kind. Sets come without their elements. */
int reading_chains(struct reading *reading);
int reading_rules(struct reading *reading);
int reading_objects(struct reading *reading);
int reading_sets(struct reading *reading);
int reading_flowtables(struct reading *reading);

/* Those of that name that are there. */
int reading_chains_called(struct reading *reading, const char *const *names, size_t count);
int reading_sets_called(struct reading *reading, const char *const *names, size_t count);
int reading_rules_of(struct reading *reading, const char *chain);

/* The elements of one of the sets that were read; -EFBIG when there are more than `most`. */
int reading_elements(struct reading *reading, struct set *set);

/*
 * The same, but for a set too large to be read (kernel_whole_max()): if it is still as large as
 * `known` (or NULL), which was true before, and has a sample of its elements, it gets them all.
 * Else it is unread.
 */
int reading_elements_or_sample(struct reading *reading, struct set *set, const struct set *known);

/* The name of a chain that an element leads to, for as long as the ruleset; NULL without memory. */
const char *reading_target(struct reading *reading, const char *name);

/* Releases what it holds, the ruleset included. */
void reading_done(struct reading *reading);

#endif
