/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_KERNEL_SAMPLE_H
#define EGRESSD_TESTS_KERNEL_SAMPLE_H

#include "kernel/apply.h"
#include "ruleset/ruleset.h"

/* Rulesets to try on a kernel. Every function fails the running test rather than return nothing. */

/* Each statement kind, set type, kind of object and comment that there is, at least once. */
struct ruleset *sample_everything(void);

/* One set of IPv4 ranges, one verdict map of them, and a rule that uses each; both sets empty. */
struct ruleset *sample_ranges(bool map);
#define SAMPLE_SET4 "ranges4"
#define SAMPLE_SET6 "ranges6"

/* Adds "from-to", "address" or "prefix/length" to SAMPLE_SET4 or 6; chain only in a map. */
void sample_add(struct ruleset *ruleset, const char *text, const char *chain, unsigned line);

/* Sorts and lowers what was built. */
void sample_finish(struct ruleset *ruleset);

/* A chain with that many rules that accept TCP. */
struct ruleset *sample_rules(size_t count);

/* One hash set with that many IPv4 addresses from 10.0.0.0 on, in a map to one chain. */
struct ruleset *sample_addresses(size_t count);

/* Reads the table back: the difference from `wanted` must be empty. */
void sample_check(struct kernel *kernel, const struct ruleset *wanted);

/* True when it is not. */
bool sample_differs(struct kernel *kernel, const struct ruleset *wanted);

/* Applies it, which must go well; what was done. */
struct applied sample_apply(struct kernel *kernel, struct ruleset *wanted);

#endif
