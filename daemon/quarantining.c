/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quarantining.h"

#include "kernel/view.h"
#include "phases.h"
#include "policy/runtime.h"
#include "reassignment.h"
#include "ruleset/compile.h"

#include <errno.h>

int quarantine_elements(struct enforcement *enforcement, const struct policy *next,
                        struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *wanted = NULL;
	uint32_t generation;

	const struct ruleset *view = kernel_view(enforcement->kernel, &generation);
	if (!view || enforcement->judge_flows)
		return REASSIGN_UNDECIDED;
	int r = ruleset_quarantine_sets(next, lasting_clock_now(&enforcement->clock), view,
	                                &wanted);
	if (r < 0)
		return r == -ENOENT ? REASSIGN_UNDECIDED : r;
	return apply_timed_sets(enforcement, wanted, outcome);
}

static const struct quarantine *find_bound(const struct policy *policy, uint64_t id)
{
	const struct runtime *runtime = policy->runtime;
	for (size_t i = 0; runtime && i < runtime->quarantines.count; i++)
		if (runtime->quarantines.items[i].id == id)
			return &runtime->quarantines.items[i];
	return NULL;
}

/* Its addresses; a host that only its MAC tells may have any. 0 or -ENOMEM. */
static int find_scope(const struct quarantine *quarantine, struct scope *scope)
{
	const struct host_range one = {{quarantine->address, quarantine->address}, 0};
	const struct host *host = quarantine->host;
	const struct host_range *ranges = host ? host->ranges : &one;
	size_t count = host ? host->range_count : 1;

	scope->all = count == 0;
	for (size_t i = 0; i < count; i++) {
		struct address_range *range = ARRAY_ADD(&scope->ranges);
		if (!range)
			return -ENOMEM;
		*range = ranges[i].range;
	}
	scope->ranges.count = ranges_merge(scope->ranges.items, scope->ranges.count);
	return 0;
}

void quarantine_cut(struct enforcement *enforcement, const struct request_entry *request,
                    struct outcome *outcome)
{
	const struct policy *policy = enforcement->policy;
	const struct quarantine *quarantine = find_bound(policy, request->id);
	_cleanup_(scope_done) struct scope scope = {};
	struct revocation revocation = {};
	usec_t started = clock_monotonic();
	if (!quarantine)
		return;

	int r = find_scope(quarantine, &scope);
	if (r == 0)
		r = phases_judge_flows(enforcement, policy, &scope, &revocation);
	if (r < 0)
		enforcement->judge_flows = true;
	outcome->revocation.cut += revocation.cut;
	outcome->revocation.kept = revocation.kept;
	outcome->revocation.forgotten |= revocation.forgotten;
	outcome->cutting_milliseconds += clock_milliseconds(&started);
}
