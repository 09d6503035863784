/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_BUILD_H
#define EGRESSD_RULESET_BUILD_H

#include "ruleset/ruleset.h"

/*
 * The hand that writes a ruleset. A failure (of memory, the only one there is) sticks: all further
 * calls do nothing, and the caller asks once at the end. Names and files are copied. Chains and
 * sets are named, not pointed to, because adding one may move the others.
 */
struct builder {
	struct ruleset *ruleset;
	struct life life; /* what elements of timed sets get when they are added */
	int error;        /* 0 or -ENOMEM */
	size_t filled;    /* the set that got the last element: most go to the same one in a row */
	size_t file;      /* in which the last thing is written; likewise */
	const char *file_name; /* as the policy has it, or NULL */
};

/* A name out of a format, in the ruleset's arena; "" after a failure. */
const char *build_name(struct builder *b, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Each makes the object when it is not there yet. Comments may be NULL and are not copied. */
void build_counter(struct builder *b, const char *name, struct location at);
void build_helper(struct builder *b, const struct helper *like);
void build_chain(struct builder *b, const char *name, const char *comment, struct location at);
void build_base_chain(struct builder *b, const char *name, const char *comment, enum hook hook,
                      int32_t priority, bool policy_drop);

/* Makes the set when it is not there yet; true when it was made just now. */
bool build_set(struct builder *b, const struct set *like);

/* Adds one element; chain (NULL: none) is what a verdict map's element goes to. */
void build_element(struct builder *b, const char *set, const void *key, size_t key_length,
                   const char *chain, struct location at);
void build_range(struct builder *b, const char *set, const void *from, const void *to,
                 size_t key_length, const char *chain, struct location at);

/* Appends a rule of the given statements to a chain, for some phases or for all. */
void build_rule(struct builder *b, enum rule_when when, const char *chain, const char *comment,
                struct location at, const struct statement *statements, size_t count);

/* RULE(&b, "chain", "why" or NULL, at, {.kind = ...}, {...}); */
#define RULE(b, chain, comment, at, ...) RULE_WHEN(b, RULE_ALWAYS, chain, comment, at, __VA_ARGS__)

#define RULE_WHEN(b, when, chain, comment, at, ...)                                                \
	build_rule((b), (when), (chain), (comment), (at), (const struct statement[]){__VA_ARGS__}, \
	           sizeof((const struct statement[]){__VA_ARGS__}) / sizeof(struct statement))

/* Sorts every set, gives hashes their size, lowers every rule. Returns b->error. */
int build_finish(struct builder *b);

#endif
