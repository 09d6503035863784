/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/retract.h"

#include "kernel/read.h"
#include "kernel/view.h"
#include "ruleset/doubt.h"

/* From now on the view is what may be there, by the last batch and by what is read; 0 or an errno.
 */
static int look_with_doubt(struct kernel *kernel, const struct ruleset *taken,
                           const struct ruleset *prepared, const struct ruleset *wanted)
{
	_cleanup_(ruleset_freep) struct ruleset *seen = NULL;
	struct ruleset *table;
	uint32_t generation;

	int r = table_read(kernel, &seen, &generation);
	if (r == 0)
		r = ruleset_doubt(seen, taken, prepared, wanted, &table);
	if (r == 0)
		kernel_keep_view(kernel, table, generation);
	return r;
}

int table_retract(struct kernel *kernel, const struct ruleset *taken,
                  const struct ruleset *prepared, struct ruleset *wanted,
                  struct applied *ret_applied)
{
	struct applied doubted = {}, applied = {};

	kernel_doubt_view(kernel);
	if (taken && look_with_doubt(kernel, taken, prepared, wanted) == 0)
		(void)table_apply(kernel, wanted, &doubted);
	/*
	 * Nothing of that view was ever read. The whole table is: there may be more in it than the
	 * batch could know of, and the kernel may have been right about what it does not have.
	 */
	kernel_doubt_view(kernel);
	int r = table_apply(kernel, wanted, &applied);
	applied.touched |= doubted.touched;
	applied.taken |= doubted.taken;
	applied.changed |= doubted.changed;
	*ret_applied = applied;
	return r;
}
