/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reassignment.h"

#include "base/array.h"
#include "kernel/timed.h"
#include "kernel/view.h"
#include "phases.h"
#include "ruleset/compile.h"

#include <errno.h>

/* A permit of the address by itself stands in the chain of the role that it has. */
static bool has_permit(const struct runtime *runtime, const struct address *address)
{
	for (size_t i = 0; i < runtime->permits.count; i++)
		if (!runtime->permits.items[i].host &&
		    address_compare(&runtime->permits.items[i].address, address) == 0)
			return true;
	return false;
}

/* Judges the flows with that address at an end. */
static int judge_flows(struct enforcement *enforcement, const struct policy *policy,
                       const struct address *address, struct revocation *revocation)
{
	_cleanup_(scope_done) struct scope scope = {};
	struct address_range *range = ARRAY_ADD(&scope.ranges);
	if (!range)
		return -ENOMEM;
	*range = (struct address_range){*address, *address};
	return phases_judge_flows(enforcement, policy, &scope, revocation);
}

/* As it is counted for the role that the address has. */
static bool is_in_quarantine(const struct requests *requests, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	return requests_quarantine(requests, address_print(address, text)) != NULL;
}

int apply_timed_sets(struct enforcement *enforcement, const struct ruleset *wanted,
                     struct outcome *outcome)
{
	struct applied applied;
	uint64_t batches = kernel_batches(enforcement->kernel);
	int r = table_apply_timed(enforcement->kernel, wanted, &applied);
	if (kernel_batches(enforcement->kernel) != batches)
		outcome->touched = outcome->taken = true;
	if (r != 0)
		return r > 0 ? REASSIGN_UNDECIDED : r;

	outcome->changed = applied.changed;
	outcome->applied = applied;
	outcome->difference = (struct standing){
	        .differs = applied.changed,
	        .elements_added = applied.elements_added,
	        .elements_deleted = applied.elements_deleted,
	};
	return 0;
}

int reassign(struct enforcement *enforcement, const struct policy *next,
             const struct requests *requests, const struct address *address,
             struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *wanted = NULL;
	uint32_t generation;

	/* Flows left from before want all to be judged; that is more than one address. */
	const struct ruleset *view = kernel_view(enforcement->kernel, &generation);
	if (!view || enforcement->judge_flows || has_permit(next->runtime, address) ||
	    is_in_quarantine(requests, address))
		return REASSIGN_UNDECIDED;
	int r = ruleset_assignments(next, lasting_clock_now(&enforcement->clock), view, &wanted);
	if (r == 0)
		r = apply_timed_sets(enforcement, wanted, outcome);
	if (r != 0)
		return r == -ENOENT ? REASSIGN_UNDECIDED : r;

	usec_t started = clock_monotonic();
	if (judge_flows(enforcement, next, address, &outcome->revocation) < 0) {
		/* Then every packet is judged until flows can be: better slow than open. */
		enforcement->judge_flows = true;
		return REASSIGN_UNDECIDED;
	}
	outcome->cutting_milliseconds = clock_milliseconds(&started);
	return 0;
}
