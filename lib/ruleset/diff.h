/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_DIFF_H
#define EGRESSD_RULESET_DIFF_H

#include "ruleset/ruleset.h"

#include <stdio.h>

/*
 * What turns one table into another, as steps in an order in which the kernel takes them in one
 * batch: nothing is referred to before it exists or removed while it is referred to.
 */
enum step_kind {
	STEP_ADD_TABLE, /* ruleset->flags and comment */
	STEP_ADD_COUNTER,
	STEP_ADD_HELPER,
	STEP_ADD_CHAIN,       /* without rules */
	STEP_SET_POLICY,      /* of a base chain that is there: accept or drop as chain says */
	STEP_ADD_SET,         /* without elements */
	STEP_DELETE_RULE,     /* `handle` in chain; or with `all` every rule of it */
	STEP_DELETE_ELEMENTS, /* of set */
	STEP_ADD_ELEMENTS,    /* to set */
	STEP_ADD_RULE,        /* to chain: before the rule `handle`, or at the end when it is 0 */
	STEP_DELETE_SET,
	STEP_DELETE_CHAIN,
	STEP_DELETE_COUNTER,
	STEP_DELETE_HELPER,
	STEP_DELETE_OBJECT,
	STEP_DELETE_TABLE, /* with everything in it */
};

struct step {
	enum step_kind kind;
	const struct ruleset *ruleset; /* STEP_ADD_TABLE; STEP_ADD_ELEMENTS: whose they are */
	const struct counter *counter;
	const struct helper *helper;
	const struct object *object;
	const struct chain *chain;
	const struct set *set;
	const struct element *elements; /* sorted, of `set`; element_count of them */
	size_t element_count;
	const struct rule *rule;
	uint64_t handle;
	bool all;           /* STEP_DELETE_RULE: whichever rules the chain has */
	bool absent;        /* STEP_ADD_TABLE: it was not there, and must not be when it is made */
	bool fresh;         /* STEP_ADD_ELEMENTS, STEP_ADD_RULE: the set, the chain is new as well;
	                     * STEP_ADD_TABLE: it judged nothing before: it was not there, or was dormant */
	struct location at; /* the configuration line behind it, where there is one */
};

struct delta {
	struct arena *arena;
	ARRAY(struct step) steps; /* none: the tables are equal */
	size_t elements_added, elements_deleted;
	size_t rules_added, rules_deleted;
	size_t sets_added, sets_deleted;
	size_t chains_added, chains_deleted;
};

/*
 * The steps from `have` (read back; NULL or !exists: no table) to `wanted` (compiled). They point
 * into both, which must outlive the delta. Dynamic elements and counters' values are left alone;
 * what is equal is not touched; whatever `have` has and `wanted` has not is removed. 0 or -ENOMEM.
 */
int ruleset_diff(const struct ruleset *have, const struct ruleset *wanted,
                 struct delta **ret_delta);

/*
 * The same, where the delta between the two is known already and only the phase of `wanted` is
 * another by now: it takes over which elements come and go. `known` has to outlive the delta, too.
 */
int ruleset_diff_again(const struct ruleset *have, const struct ruleset *wanted,
                       const struct delta *known, struct delta **ret_delta);

/*
 * What is to be committed before the delta, in a batch of its own; NULL when nothing is. A packet
 * that is on its way during a commit has the rules of the generation in which it came, but the
 * elements of the one in which they are looked up: a map would lead it to a chain that for it has
 * no rules yet, and it would be let through at its end. So chains to which elements of standing
 * maps are to lead are made before, when nothing leads to them. The preparation borrows from the
 * delta and is released like one. 0 or -ENOMEM.
 */
int delta_preparation(const struct delta *delta, struct delta **ret_preparation);

/*
 * True when the steps may deny something that was permitted before: then flows that are established
 * have to be judged again. Only what surely permits more, and no less, is false.
 */
bool delta_can_deny(const struct delta *delta);

/* The same of one of its steps, given the others. */
bool step_can_deny(const struct delta *delta, const struct step *step);

/* Releases a delta; takes NULL, returns NULL. */
struct delta *delta_free(struct delta *delta);
DEFINE_CLEANUP(struct delta *, delta_free)

/* Writes a line for each step, for people and for golden tests. */
void delta_print(const struct delta *delta, FILE *out);

#endif
