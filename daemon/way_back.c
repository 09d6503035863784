/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "way_back.h"

#include "clock.h"
#include "committing.h"
#include "inherited.h"
#include "kernel/retract.h"
#include "kernel/view.h"
#include "phases.h"
#include "ruleset/compile.h"

#include <errno.h>
#include <string.h>

/*
 * Whose flows have to be judged by the table that comes back: those that the one before it may have
 * let begin. Nothing else is cut by a change that does not come into force.
 */
static int find_scope_back(const struct enforcement *enforcement, struct ruleset *taken,
                           struct ruleset *old, struct scope *ret_scope)
{
	_cleanup_(delta_freep) struct delta *delta = NULL;
	*ret_scope = (struct scope){.all = true};
	if (!taken || enforcement->judge_flows)
		return 0;
	enum phase phase = taken->phase;
	taken->phase = old->phase = PHASE_FAST;
	int r = ruleset_diff(taken, old, &delta);
	taken->phase = phase;
	return r < 0 ? r : delta_scope(delta, ret_scope);
}

/* What it takes to take a change back. */
struct way_back {
	const struct policy *policy; /* by which flows are judged; NULL: there is none */
	struct ruleset *table;       /* owned; NULL: there is nothing to go back to */
};

/* Once the table from before is there and verified. */
static void finish_way_back(struct enforcement *enforcement, const struct way_back *way,
                            const struct scope *scope, struct outcome *outcome)
{
	struct outcome back = {.result = LOAD_DONE};
	int r = 0;

	enforcement->unverified = false;
	if (way->policy)
		r = phases_judge_flows(enforcement, way->policy, scope, &outcome->revocation);
	if (way->policy && r == 0)
		commit_fast_path(enforcement, way->table, &back);
	/* Without a policy nobody can judge them now: its table does, packet by packet. */
	if (r < 0 || !way->policy)
		enforcement->judge_flows = true;
	outcome->flows_error = r < 0 ? r : back.flows_error;
	enforcement->flows_error = outcome->flows_error;
	enforcement->changing = outcome->flows_error != 0;
	if (back.result == LOAD_UNVERIFIED) {
		memcpy(outcome->stuck, back.stuck, sizeof(outcome->stuck));
		enforcement->unverified = enforcement->judge_flows = enforcement->changing = true;
	}
	outcome_done(&back);
}

/* Of a change of which the kernel took no more than the preparation, the table is the one before.
 */
static int retract(struct enforcement *enforcement, struct ruleset *old,
                   const struct ruleset *taken, const struct outcome *outcome,
                   struct applied *ret_applied)
{
	if (outcome->taken || !taken)
		return table_retract(enforcement->kernel, taken, NULL, old, ret_applied);
	_cleanup_(ruleset_freep) struct ruleset *before = ruleset_in_phase(old, PHASE_FAST);
	return before ? table_retract(enforcement->kernel, before, taken, old, ret_applied)
	              : -ENOMEM;
}

/*
 * Before anything is cut: the table from before comes back, without its fast path, in one batch.
 * Then the flows are judged that began under the table that goes, and the fast path is back. Where
 * that fails, the outcome is what the kernel enforces, as far as its answers tell.
 */
static void take_back(struct enforcement *enforcement, const struct way_back *way,
                      struct ruleset *taken, struct outcome *outcome)
{
	_cleanup_(scope_done) struct scope scope = {};
	struct applied applied = {};

	kernel_doubt_view(enforcement->kernel);
	if (!way->table) {
		if (outcome->taken)
			leave_unverified(enforcement, outcome);
		else
			enforcement->unverified = true;
		return;
	}
	int r = find_scope_back(enforcement, taken, way->table, &scope);
	if (r < 0)
		scope = (struct scope){.all = true};
	way->table->phase = PHASE_JUDGING;
	r = retract(enforcement, way->table, taken, outcome, &applied);
	outcome->changed = false;
	outcome->done = 0;
	if (r == 0) {
		outcome->taken_back = outcome->taken;
		finish_way_back(enforcement, way, &scope, outcome);
		return;
	}
	kernel_doubt_view(enforcement->kernel);
	if (applied.taken || !outcome->taken) {
		outcome->taken_back = outcome->taken;
		say_stuck(outcome, "the table from before", r, &applied.refusal);
		enforcement->unverified = true;
		enforcement->judge_flows = enforcement->changing = true;
	} else {
		say_stuck(outcome, "it could not be taken back", r, &applied.refusal);
		leave_unverified(enforcement, outcome);
	}
}

/* The table of what decides before a change: a policy, nobody (closed), or an earlier run. */
static void find_way_back(struct enforcement *enforcement, const struct policy *before,
                          const struct ruleset *wanted, struct ruleset *inherited,
                          struct way_back *ret_way)
{
	struct ruleset *table = NULL;
	int r = 0;

	*ret_way = (struct way_back){.policy = before};
	if (before)
		r = ruleset_compile(before, lasting_clock_now(&enforcement->clock), &table);
	else if (enforcement->closed)
		r = ruleset_closed(&table);
	else if (inherited && inherited_prepare(inherited, wanted) == 0)
		table = ruleset_hold(inherited);
	if (r == 0)
		ret_way->table = table;
}

void way_back_go(struct enforcement *enforcement, const struct policy *before,
                 struct ruleset *wanted, struct ruleset *inherited, struct outcome *outcome)
{
	struct way_back way;
	find_way_back(enforcement, before, wanted, inherited, &way);
	take_back(enforcement, &way, wanted, outcome);
	ruleset_free(way.table);
}

void way_back_none(struct enforcement *enforcement, struct outcome *outcome)
{
	const struct way_back none = {};
	take_back(enforcement, &none, NULL, outcome);
}
