/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcement.h"

#include "clock.h"
#include "kernel/read.h"
#include "ruleset/compile.h"

#include <stdlib.h>
#include <string.h>

int enforcement_init(struct enforcement *enforcement, const char *file)
{
	struct enforcement fresh = {.file = file};
	int r = kernel_open(&fresh.kernel);
	if (r < 0)
		return r;
	*enforcement = fresh;
	return 0;
}

void enforcement_done(struct enforcement *enforcement)
{
	policy_free(enforcement->policy);
	kernel_free(enforcement->kernel);
	*enforcement = (struct enforcement){};
}

void outcome_done(struct outcome *outcome)
{
	problems_done(&outcome->problems);
	free(outcome->refused_file);
	*outcome = (struct outcome){};
}

static void fail(struct outcome *outcome, int error)
{
	outcome->result = LOAD_FAILED;
	outcome->error = error;
}

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

static void refuse(struct outcome *outcome)
{
	struct location *at = &outcome->applied.refusal.at;
	outcome->result = LOAD_REFUSED;
	outcome->refused_file = at->file ? strdup(at->file) : NULL;
	at->file = outcome->refused_file;
}

/* Makes the table what is wanted in that phase; true when it is. */
static bool commit(struct enforcement *enforcement, struct ruleset *wanted, enum phase phase,
                   struct outcome *outcome)
{
	struct applied applied = {};
	wanted->phase = phase;
	int r = table_apply(enforcement->kernel, wanted, &applied);
	if (r < 0) {
		fail(outcome, r);
		return false;
	}
	outcome->changed = outcome->changed || applied.changed;
	outcome->applied = applied;
	if (r > 0)
		refuse(outcome);
	return r == 0;
}

static double milliseconds_since(usec_t *since)
{
	usec_t now = clock_monotonic();
	double milliseconds = (double)(now - *since) / (double)USEC_PER_MSEC;
	*since = now;
	return milliseconds;
}

/*
 * Two phases: with the first commit every packet of an established flow is judged by the new
 * policy; then the flows that it denies are cut; then the fast path comes back. Should the daemon
 * die in between, the gateway is slower, never open, and the next start finishes.
 */
static bool commit_in_two_phases(struct enforcement *enforcement, const struct policy *policy,
                                 struct ruleset *wanted, struct outcome *outcome)
{
	usec_t time = clock_monotonic();

	if (!commit(enforcement, wanted, PHASE_JUDGING, outcome))
		return false;
	outcome->judging_milliseconds = milliseconds_since(&time);

	int r = revoke_flows(enforcement->kernel, policy, &outcome->revocation);
	outcome->cutting_milliseconds = milliseconds_since(&time);
	if (r < 0) {
		/* Without the fast path denied flows stay blocked: better slow than open. */
		outcome->flows_error = r;
		return true;
	}

	/* The new policy is in force by now, with the fast path or without it. */
	struct outcome closing = {};
	if (commit(enforcement, wanted, PHASE_FAST, &closing))
		outcome->applied = closing.applied;
	else
		outcome->flows_error = closing.result == LOAD_REFUSED
		                               ? closing.applied.refusal.error
		                               : closing.error;
	outcome->closing_milliseconds = milliseconds_since(&time);
	outcome_done(&closing);
	return true;
}

/* Makes the table what is wanted and notes what came of it. */
static void apply(struct enforcement *enforcement, const struct policy *policy,
                  struct ruleset *wanted, struct outcome *outcome)
{
	_cleanup_(counts_done) struct counts before = {};
	(void)counts_read(enforcement->kernel, &before);

	struct standing standing;
	wanted->phase = PHASE_FAST;
	int r = table_compare(enforcement->kernel, wanted, &standing);
	if (r < 0) {
		fail(outcome, r);
		return;
	}
	bool done = standing.can_deny && policy
	                    ? commit_in_two_phases(enforcement, policy, wanted, outcome)
	                    : commit(enforcement, wanted, PHASE_FAST, outcome);
	if (!done)
		return;
	/* Rules that come and go with the phases are nothing that the operator changed. */
	outcome->difference = standing;
	if (outcome->changed)
		note_vanished(enforcement, &before);
	outcome->result = LOAD_DONE;
}

static void note_change(struct enforcement *enforcement, const struct outcome *outcome)
{
	enforcement->change = (struct change){
	        .time = enforcement->loaded,
	        .elements_added = outcome->difference.elements_added,
	        .elements_deleted = outcome->difference.elements_deleted,
	        .rules_added = outcome->difference.rules_added,
	        .rules_deleted = outcome->difference.rules_deleted,
	        .flows_cut = outcome->revocation.cut,
	        .flows_kept = outcome->revocation.kept,
	        .milliseconds = outcome->milliseconds,
	};
}

void enforcement_load(struct enforcement *enforcement, enforcement_prepare_t prepare,
                      void *userdata, struct source_paths *paths, struct policy **ret_replaced,
                      struct outcome *ret_outcome)
{
	struct outcome outcome = {};
	usec_t started = clock_monotonic();
	_cleanup_(policy_freep) struct policy *candidate = NULL;
	_cleanup_(ruleset_freep) struct ruleset *ruleset = NULL;

	*ret_replaced = NULL;
	int r = policy_load(enforcement->file, paths, &outcome.problems, &candidate);
	if (r == POLICY_REJECTED) {
		outcome.result = LOAD_REJECTED;
	} else if (r < 0) {
		fail(&outcome, r);
	} else {
		prepare(candidate, userdata);
		r = ruleset_compile(candidate, &ruleset);
		if (r < 0)
			fail(&outcome, r);
		else
			apply(enforcement, candidate, ruleset, &outcome);
	}

	/* The old policy goes only now that the kernel has the new one and it was read back. */
	if (outcome.result == LOAD_DONE) {
		*ret_replaced = enforcement->policy;
		enforcement->policy = TAKE_POINTER(candidate);
		enforcement->loaded = clock_realtime();
	}
	outcome.milliseconds = milliseconds_since(&started);
	if (outcome.result == LOAD_DONE && outcome.changed)
		note_change(enforcement, &outcome);
	*ret_outcome = outcome;
}

void enforcement_repair(struct enforcement *enforcement, struct outcome *ret_outcome)
{
	struct outcome outcome = {.result = LOAD_DONE};
	_cleanup_(ruleset_freep) struct ruleset *wanted = NULL;
	usec_t started = clock_monotonic();

	if (enforcement->policy) {
		int r = ruleset_compile(enforcement->policy, &wanted);
		if (r < 0)
			fail(&outcome, r);
		else
			apply(enforcement, enforcement->policy, wanted, &outcome);
	}
	outcome.milliseconds = milliseconds_since(&started);
	*ret_outcome = outcome;
}

void enforcement_close(struct enforcement *enforcement, bool *ret_standing,
                       struct outcome *ret_outcome)
{
	struct outcome outcome = {.result = LOAD_DONE};
	_cleanup_(ruleset_freep) struct ruleset *have = NULL;
	_cleanup_(ruleset_freep) struct ruleset *closed = NULL;
	uint32_t generation;

	*ret_standing = false;
	int r = table_read(enforcement->kernel, &have, &generation);
	if (r == 0 && have->exists && !ruleset_is_closed(have))
		*ret_standing = true;
	else if (r < 0 || (r = ruleset_closed(&closed)) < 0)
		fail(&outcome, r);
	else
		apply(enforcement, NULL, closed, &outcome);
	*ret_outcome = outcome;
}
