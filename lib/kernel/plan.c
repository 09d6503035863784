/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/plan.h"

#include "kernel/ownership.h"
#include "kernel/read.h"
#include "kernel/view.h"

#include <errno.h>
#include <stdlib.h>

void table_change_done(struct table_change *change)
{
	delta_free(change->delta);
	*change = (struct table_change){};
}

void plan_done(struct plan *plan)
{
	delta_free(plan->delta);
	*plan = (struct plan){};
}

static int find_to(struct kernel *kernel, struct ruleset *wanted, const struct plan *plan,
                   struct table_change *change)
{
	const struct delta *known = NULL;
	int r = table_view(kernel, &change->have, &change->generation);

	if (r < 0)
		return r;
	if (owner_of(kernel, change->have) == OWNERSHIP_OTHERS)
		return -EPERM;
	wanted->flags = owner_flags(kernel, change->have);
	/* The plan points into the view that it was made for. */
	if (plan && plan->wanted == wanted && plan->view == kernel_view_number(kernel))
		known = plan->delta;
	return ruleset_diff_again(change->have, wanted, known, &change->delta);
}

static int find_to_none(struct kernel *kernel, struct table_change *change)
{
	struct step *step;
	bool exists;
	int r = table_exists(kernel, &exists, &change->generation);

	if (r < 0)
		return r;
	change->delta = calloc(1, sizeof(*change->delta));
	if (!change->delta)
		return -ENOMEM;
	if (!exists)
		return 0;
	step = ARRAY_ADD(&change->delta->steps);
	if (!step)
		return -ENOMEM;
	step->kind = STEP_DELETE_TABLE;
	return 0;
}

int table_change_find(struct kernel *kernel, struct ruleset *wanted, const struct plan *plan,
                      struct table_change *change)
{
	return wanted ? find_to(kernel, wanted, plan, change) : find_to_none(kernel, change);
}

int table_compare(struct kernel *kernel, struct ruleset *wanted, struct standing *ret_standing,
                  struct plan *ret_plan)
{
	_cleanup_(table_change_done) struct table_change change = {};
	size_t counters_deleted = 0;
	int r = table_change_find(kernel, wanted, NULL, &change);

	if (r < 0)
		return r;
	ARRAY_FOREACH (step, &change.delta->steps)
		counters_deleted += step->kind == STEP_DELETE_COUNTER;
	*ret_standing = (struct standing){
	        .differs = change.delta->steps.count != 0,
	        .can_deny = delta_can_deny(change.delta),
	        .elements_added = change.delta->elements_added,
	        .elements_deleted = change.delta->elements_deleted,
	        .rules_added = change.delta->rules_added,
	        .rules_deleted = change.delta->rules_deleted,
	        .counters_deleted = counters_deleted,
	};
	*ret_plan = (struct plan){
	        .wanted = wanted,
	        .delta = TAKE_POINTER(change.delta),
	        .view = kernel_view_number(kernel),
	};
	return 0;
}
