/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_DOUBT_H
#define EGRESSD_RULESET_DOUBT_H

#include "ruleset/ruleset.h"

/*
 * The table after a batch that the kernel took, although the table reads back as another one. The
 * result has every object of `taken`, which the batch was to make. Where both agree, the objects
 * have the kernel's handles. Where they disagree, a chain or set is `unread`: the way to `wanted`,
 * which ruleset_diff() finds, replaces it as a whole, whatever is in it. So that way does not
 * depend on which of the two is right.
 *
 * `prepared` is NULL, or what a batch of which only the preparation was taken was to make: its
 * objects are there as well (delta_preparation()), and nothing leads to them.
 *
 * `seen` is what was read; its contents move into the result, and only ruleset_free() is left to be
 * called for it. Files and locations are borrowed as before. 0, with the result in *ret_table, or
 * -ENOMEM.
 */
int ruleset_doubt(struct ruleset *seen, const struct ruleset *taken, const struct ruleset *prepared,
                  const struct ruleset *wanted, struct ruleset **ret_table);

#endif
