/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_DECODE_H
#define EGRESSD_KERNEL_DECODE_H

#include "kernel/attribute.h"
#include "ruleset/ruleset.h"

/*
 * What the kernel dumps of a table, as ruleset objects. Each function takes the attributes of one
 * message and copies what it keeps into the arena. What a ruleset cannot say becomes foreign: it is
 * read all the same, so that the diff sees it. All return 0, -ENOMEM, or -EBADMSG for a message
 * that even a foreign object could not come from.
 */

/* The flags and the comment of the table. */
int decode_table(const struct attributes *message, struct ruleset *ruleset);

/* Adds the chain to the ruleset. Chains that live within one rule are passed over with it. */
int decode_chain(const struct attributes *message, struct ruleset *ruleset);

/* A rule, without its chain: code, comment and handle. */
int decode_rule(struct arena *arena, const struct attributes *message, struct rule *ret_rule);

/* The code alone, out of the list of its expressions (NFTA_RULE_EXPRESSIONS, or NULL). */
int decode_expressions(struct arena *arena, const struct nlattr *list, struct bytecode *ret_code);

/* Adds the set, without elements. Sets that live within one rule are passed over with it. */
int decode_set(const struct attributes *message, struct ruleset *ruleset);

/* Adds the counter, the helper, or for any other object its name to ruleset->foreign. */
int decode_object(const struct attributes *message, struct ruleset *ruleset);

/* Adds the flowtable's name to ruleset->foreign. */
int decode_flowtable(const struct attributes *message, struct ruleset *ruleset);

/* An element as the kernel has it; of a range, only the one or the other end. */
struct raw_element {
	uint8_t key[SET_KEY_MAX];
	bool end;
	const char *chain;       /* where `goto` leads, of maps; borrowed from the message */
	struct life life;        /* of timed sets, in begun seconds; the comment is borrowed, too */
	const struct life *kept; /* the life in the arena, for pair_elements() */
};

/* Reads one element of that set; false when it is nothing that an element of ours could be. */
bool decode_element(const struct set *set, const struct nlattr *element,
                    struct raw_element *ret_element);

/*
 * Makes ranges out of the ends of an interval set, in any order, and adds them to the set; sorts
 * the ends. Strings are kept as they are. 0, -ENOMEM, or -EBADMSG when they do not pair; after
 * a failure the set has no elements.
 */
int pair_elements(struct set *set, struct raw_element *elements, size_t count);

/* The comment in user data, within it; NULL when there is none. */
const char *comment_within(const struct nlattr *userdata, uint8_t type);

/* The same, copied; *ret_comment is NULL when there is none. 0 or -ENOMEM. */
int decode_comment(struct arena *arena, const struct nlattr *userdata, uint8_t type,
                   const char **ret_comment);

#endif
