/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_COMPARISON_H
#define EGRESSD_RULESET_COMPARISON_H

#include "ruleset/diff.h"

/*
 * What the parts of ruleset_diff() share: two tables being compared, with what stays of each found
 * once. A failure of memory sticks and is asked for once, at the end.
 */
struct comparison {
	const struct ruleset *have;
	const struct ruleset *wanted;
	const struct delta *known; /* of the same two but for the phase; or NULL */
	struct delta *delta;
	/* [position in have->sets, have->chains]: what it is in `wanted`; NULL: it goes away. */
	const struct set **sets;
	const struct chain **chains;
	bool sets_stay, chains_stay, helpers_stay; /* all that `have` has of them */
	int error;
};

/* Appends a step. */
void comparison_step(struct comparison *c, struct step step);

/* What stays as it is of `have`: the wanted counterpart, or NULL. */
const struct set *staying_set(const struct comparison *c, const struct set *have);
const struct chain *staying_chain(const struct comparison *c, const struct chain *have);

/* What is there already of `wanted` and stays: the counterpart in `have`, or NULL. */
const struct set *set_there(const struct comparison *c, const struct set *wanted);
const struct chain *chain_there(const struct comparison *c, const struct chain *wanted);

/* True for the name of a helper that is in both, and the same. */
bool helper_stays(const struct comparison *c, const char *name);

/* diff_elements.c: the elements that go and those that come, of all sets. */
struct element_changes {
	ARRAY(struct step) deleted, added;
};
void compare_elements(struct comparison *c, struct element_changes *changes);

/* diff_rules.c: the same of the rules of all chains. */
struct rule_changes {
	ARRAY(struct step) deleted, added;
};
void compare_rules(struct comparison *c, struct rule_changes *changes);

#endif
