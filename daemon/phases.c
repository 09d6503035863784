/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "phases.h"

#include "clock.h"
#include "committing.h"
#include "inherited.h"
#include "kernel/ownership.h"
#include "kernel/view.h"
#include "policy/runtime.h"
#include "ruleset/compile.h"
#include "way_back.h"

#include <errno.h>

/*
 * Counters go with their roles; what they counted stays in the sums. Packets between the reading
 * and the commit are missed, and so are all if memory is short: nothing is decided by these sums.
 */
static void note_vanished(struct enforcement *enforcement, const struct counts *before)
{
	_cleanup_(counts_done) struct counts after = {};
	if (before->values && counts_read(enforcement->kernel, &after) == 0)
		counts_add_vanished(before, &after, enforcement->vanished);
}

int phases_judge_flows(struct enforcement *enforcement, const struct policy *policy,
                       const struct scope *scope, struct revocation *ret_revocation)
{
	const struct runtime *runtime = policy->runtime;
	uint64_t window = runtime ? runtime->pickup.id : 0;
	int r = 0;
	if (!enforcement->conntrack)
		r = conntrack_open(0, &enforcement->conntrack);
	if (r == 0)
		r = revoke_flows(enforcement->kernel, enforcement->conntrack, policy, scope,
		                 window && window != enforcement->window, ret_revocation);
	if (r == 0 && scope->all)
		enforcement->window = window;
	/* Whatever was wrong with the socket, the next one is another. */
	if (r < 0)
		enforcement->conntrack = conntrack_free(enforcement->conntrack);
	return r;
}

/* True when a table that nobody in this run has seen whole, but for its owner, is changed. */
static bool changes_unseen(const struct plan *plan)
{
	ARRAY_FOREACH (step, &plan->delta->steps)
		if (step->kind != STEP_ADD_TABLE)
			return true;
	return false;
}

/*
 * The first commit of a change. What an earlier run left is read whole once more after it
 * (`whole`): what a first look missed is in none of the steps, and so would not be read back.
 */
static bool commit_first(struct enforcement *enforcement, struct ruleset *wanted, enum phase phase,
                         const struct plan *plan, bool whole, struct outcome *outcome)
{
	if (!commit_table(enforcement, wanted, phase, plan, outcome))
		return false;
	if (!whole)
		return true;
	kernel_doubt_view(enforcement->kernel);
	return commit_table(enforcement, wanted, phase, NULL, outcome);
}

/*
 * Two phases: with the first commit every packet of an established flow is judged by the new
 * policy; then the flows that it denies are cut; then the fast path comes back. Should the daemon
 * die in between, the gateway is slower, never open, and the next start finishes.
 */
static bool commit_in_two_phases(struct enforcement *enforcement, const struct policy *policy,
                                 struct ruleset *wanted, const struct plan *plan, bool whole,
                                 const struct scope *scope, struct outcome *outcome)
{
	usec_t time = clock_monotonic();

	if (!commit_first(enforcement, wanted, PHASE_JUDGING, plan, whole, outcome))
		return false;
	outcome->judging_milliseconds = clock_milliseconds(&time);

	int r = phases_judge_flows(enforcement, policy, scope, &outcome->revocation);
	outcome->cutting_milliseconds = clock_milliseconds(&time);
	if (r < 0) {
		/* Without the fast path denied flows stay blocked: better slow than open. */
		outcome->flows_error = r;
		return true;
	}

	/* The new policy is in force by now, with the fast path or without it. */
	commit_fast_path(enforcement, wanted, outcome);
	outcome->closing_milliseconds = clock_milliseconds(&time);
	return true;
}

/* Whose flows have to be judged, if any; to be found before the plan is carried out. */
static int find_scope(const struct enforcement *enforcement, const struct plan *plan,
                      struct scope *ret_scope)
{
	if (!enforcement->judge_flows)
		return delta_scope(plan->delta, ret_scope);
	/* What ended by itself differs in nothing, and yet left flows that it permitted. */
	*ret_scope = (struct scope){.all = true};
	return 0;
}

/* Perhaps a run died between the two phases of a change, and nothing else differs. */
static bool is_half_changed(const struct enforcement *enforcement, struct ruleset *wanted)
{
	_cleanup_(plan_done) struct plan plan = {};
	struct standing standing;
	wanted->phase = PHASE_JUDGING;
	int r = table_compare(enforcement->kernel, wanted, &standing, &plan);
	wanted->phase = PHASE_FAST;
	return r == 0 && delta_is_of_requests(plan.delta);
}

/*
 * Compares at a start, as table_compare(). Inherited: there is a table of an earlier run, and what
 * differs is neither a change of ours that was not finished, nor requests that could not be kept.
 */
static int compare_first(const struct enforcement *enforcement, struct ruleset *wanted,
                         struct standing *ret_standing, struct plan *ret_plan, bool *ret_inherited)
{
	uint32_t generation;
	int r = table_compare(enforcement->kernel, wanted, ret_standing, ret_plan);
	const struct ruleset *view = kernel_view(enforcement->kernel, &generation);
	*ret_inherited = r == 0 && ret_standing->differs && view && view->exists &&
	                 !ruleset_is_closed(view) && !delta_is_of_requests(ret_plan->delta);
	if (!*ret_inherited || !ret_standing->rules_deleted)
		return r;
	*ret_inherited = !is_half_changed(enforcement, wanted);
	/* That may have read the table anew, from which the plan borrows. */
	plan_done(ret_plan);
	return table_compare(enforcement->kernel, wanted, ret_standing, ret_plan);
}

/*
 * A change that the kernel did not take, or that was not verified. What was never sent need not be
 * taken back, and of the policy in force itself there is no other table.
 */
static void fail(struct enforcement *enforcement, const struct policy *policy,
                 const struct policy *before, struct ruleset *wanted, struct ruleset *inherited,
                 struct outcome *outcome)
{
	/* What the table is by now, is to be found out. */
	kernel_doubt_view(enforcement->kernel);
	if (!outcome->touched)
		return;
	if (policy == before)
		way_back_none(enforcement, outcome);
	else
		way_back_go(enforcement, before, wanted, inherited, outcome);
}

void phases_commit(struct enforcement *enforcement, const struct policy *policy,
                   const struct policy *before, struct ruleset *wanted, struct outcome *outcome)
{
	_cleanup_(counts_done) struct counts counts = {};
	_cleanup_(plan_done) struct plan plan = {};
	_cleanup_(scope_done) struct scope scope = {};
	_cleanup_(ruleset_freep) struct ruleset *inherited = NULL;
	struct standing standing;
	uint32_t generation;
	wanted->phase = PHASE_FAST;
	int r = owner_wish(enforcement->kernel, !policy || policy->gateway.own_table);
	if (r == 0)
		r = policy && !before
		            ? compare_first(enforcement, wanted, &standing, &plan,
		                            &outcome->inherited)
		            : table_compare(enforcement->kernel, wanted, &standing, &plan);
	if (r == -EBUSY || r == -EPERM) {
		outcome_refuse_others(outcome, r,
		                      r == -EPERM
		                              ? APPLY_OWNED_TEXT
		                              : "other processes changed the nf_tables rules each "
		                                "time the table was read");
		fail(enforcement, policy, before, wanted, NULL, outcome);
		return;
	}
	if (r == 0)
		r = find_scope(enforcement, &plan, &scope);
	if (r < 0) {
		outcome_fail(outcome, r);
		fail(enforcement, policy, before, wanted, NULL, outcome);
		return;
	}
	if (policy && !before && !enforcement->closed && standing.differs)
		inherited = inherited_hold(enforcement->kernel);
	/* Seen from what is wanted, what differs is what somebody did; and it is still known. */
	const struct ruleset *view = kernel_view(enforcement->kernel, &generation);
	/* With the table went what was picked up; while the window is open, it is found once more.
	 */
	if (view && !view->exists)
		enforcement->window = 0;
	outcome->own_doing =
	        enforcement->changing &&
	        (enforcement->unverified || owner_of(enforcement->kernel, view) == OWNERSHIP_OURS);
	if (!outcome->own_doing)
		tampering_text(plan.delta, view, outcome->tampering);
	if (standing.counters_deleted)
		(void)counts_read(enforcement->kernel, &counts);

	bool judge_flows = policy && (standing.can_deny || enforcement->judge_flows);
	bool whole = policy && !before && standing.differs && view && view->exists &&
	             changes_unseen(&plan);
	bool done = judge_flows
	                    ? commit_in_two_phases(enforcement, policy, wanted, &plan, whole,
	                                           &scope, outcome)
	                    : commit_first(enforcement, wanted, PHASE_FAST, &plan, whole, outcome);
	if (!done) {
		fail(enforcement, policy, before, wanted, inherited, outcome);
		return;
	}
	if (outcome->result == LOAD_UNVERIFIED) {
		leave_unverified(enforcement, outcome);
		return;
	}
	enforcement->unverified = false;
	if (judge_flows && !outcome->flows_error)
		enforcement->judge_flows = false;
	enforcement->changing = outcome->flows_error != 0;
	enforcement->flows_error = outcome->flows_error;
	/* Rules that come and go with the phases are nothing that the operator changed. */
	outcome->difference = standing;
	if (outcome->changed)
		note_vanished(enforcement, &counts);
	outcome->result = LOAD_DONE;
}
