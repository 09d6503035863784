/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcement.h"

#include "clock.h"
#include "inherited.h"
#include "kernel/ownership.h"
#include "kernel/read.h"
#include "kernel/view.h"
#include "lacking_helpers.h"
#include "phases.h"
#include "policy/runtime.h"
#include "quarantining.h"
#include "reassignment.h"
#include "ruleset/compile.h"
#include "way_back.h"

#include <errno.h>
#include <stdlib.h>

int enforcement_init(struct enforcement *enforcement, const char *file)
{
	struct enforcement fresh = {.file = file, .requests = {.next_id = 1}};
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
	conntrack_free(enforcement->conntrack);
	requests_done(&enforcement->requests);
	*enforcement = (struct enforcement){};
}

int enforcement_blocked(const struct enforcement *enforcement, uint64_t *ret_packets)
{
	_cleanup_(counts_done) struct counts counts = {};
	int r = counts_read(enforcement->kernel, &counts);
	if (r < 0)
		return r;
	uint64_t packets = 0;
	for (unsigned i = 0; i < REASON_COUNT; i++)
		packets += counts_of_reason(&counts, (enum reason)i).packets +
		           enforcement->vanished[i].packets;
	*ret_packets = packets;
	return 0;
}

static void note_change(struct enforcement *enforcement, const struct outcome *outcome)
{
	enforcement->change = (struct change){
	        .time = clock_realtime(),
	        .elements_added = outcome->difference.elements_added,
	        .elements_deleted = outcome->difference.elements_deleted,
	        .rules_added = outcome->difference.rules_added,
	        .rules_deleted = outcome->difference.rules_deleted,
	        .flows_cut = outcome->revocation.cut,
	        .flows_kept = outcome->revocation.kept,
	        .milliseconds = outcome->milliseconds,
	};
}

/* The requests of run time that fit the policy, as a part for it. */
static int bind_requests(struct enforcement *enforcement, const struct policy *policy,
                         const struct requests *requests, struct outcome *outcome,
                         struct runtime **ret_runtime)
{
	usec_t now = lasting_clock_now(&enforcement->clock);

	ARRAY_FOREACH (request, &requests->list)
		if (request->kind != REQUEST_QUARANTINE && request->kind != REQUEST_PICKUP &&
		    request->until && request->until <= now)
			enforcement->judge_flows = true;
	return runtime_bind(policy, requests, now, &outcome->over, ret_runtime);
}

/* The table uses only helpers that the kernel has. */
static int compile(struct enforcement *enforcement, struct policy *policy,
                   struct ruleset **ret_ruleset)
{
	int r = lacking_helpers_find(enforcement->kernel, &enforcement->found_helpers, policy);
	if (r == -ENOMEM)
		return r;
	/* After any other failure the commit itself finds out what is wrong with the kernel. */
	return ruleset_compile(policy, lasting_clock_now(&enforcement->clock), ret_ruleset);
}

void enforcement_load(struct enforcement *enforcement, const struct policy_origin *origin,
                      enforcement_prepare_t prepare, void *userdata, struct policy **ret_replaced,
                      struct outcome *ret_outcome)
{
	struct outcome outcome = {};
	usec_t started = clock_monotonic();
	_cleanup_(policy_freep) struct policy *candidate = NULL;
	_cleanup_(ruleset_freep) struct ruleset *ruleset = NULL;

	struct policy_origin after = *origin;
	after.before = enforcement->policy;

	*ret_replaced = NULL;
	int r = policy_load_from(&after, &outcome.problems, &candidate);
	if (r == POLICY_REJECTED) {
		outcome.result = LOAD_REJECTED;
	} else if (r < 0) {
		outcome_fail(&outcome, r);
	} else {
		struct runtime *runtime;
		prepare(candidate, userdata);
		r = bind_requests(enforcement, candidate, &enforcement->requests, &outcome,
		                  &runtime);
		if (r == 0) {
			(void)policy_use_runtime(candidate, runtime); /* it had none */
			r = compile(enforcement, candidate, &ruleset);
		}
		enforcement->changing |= r == 0;
		if (r < 0)
			outcome_fail(&outcome, r);
		else
			phases_commit(enforcement, candidate, enforcement->policy, ruleset,
			              &outcome);
	}

	if (!outcome_in_force(&outcome))
		enforcement->found_helpers = (struct helper_set){};
	/* The old policy goes only now that the kernel has the new one. */
	if (outcome_in_force(&outcome)) {
		*ret_replaced = enforcement->policy;
		enforcement->policy = TAKE_POINTER(candidate);
		enforcement->closed = false;
		enforcement->loaded = clock_realtime();
	}
	outcome.milliseconds = clock_milliseconds(&started);
	if (outcome.result == LOAD_DONE && outcome.changed)
		note_change(enforcement, &outcome);
	outcome.unverified = enforcement->unverified;
	*ret_outcome = outcome;
}

/*
 * Compiles and applies the policy in force: as it is, or as it is to be with other requests bound
 * to it.
 */
static void apply_bound(struct enforcement *enforcement, struct policy *policy,
                        struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *wanted = NULL;
	int r = compile(enforcement, policy, &wanted);
	if (r == 0) {
		phases_commit(enforcement, policy, enforcement->policy, wanted, outcome);
	} else {
		outcome_fail(outcome, r);
		if (outcome->touched)
			way_back_go(enforcement, enforcement->policy, NULL, NULL, outcome);
	}
	if (!outcome_in_force(outcome))
		enforcement->found_helpers = (struct helper_set){};
}

static void close_gateway(struct enforcement *enforcement, struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *closed = NULL;
	int r = ruleset_closed(&closed);
	if (r < 0)
		outcome_fail(outcome, r);
	else
		phases_commit(enforcement, NULL, enforcement->policy, closed, outcome);
	enforcement->closed |= outcome_in_force(outcome);
}

/* Without a policy: the closed table stays closed, and in the place of one that is gone is one. */
static void close_again(struct enforcement *enforcement, struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *table = NULL;
	uint32_t generation;
	int r = table_header(enforcement->kernel, &table, &generation);
	if (r >= 0 && owner_of(enforcement->kernel, table) == OWNERSHIP_OTHERS) {
		outcome_refuse_others(outcome, -EPERM, APPLY_OWNED_TEXT);
		return;
	}
	if (r >= 0 && !enforcement->closed && table->exists) {
		outcome->woken = owner_wake(enforcement->kernel, table, generation) > 0;
		table = ruleset_free(table);
		r = table_read(enforcement->kernel, &table, &generation);
		outcome->done = clock_monotonic();
	}
	if (r < 0)
		outcome_fail(outcome, r);
	else if (enforcement->closed || !inherited_decides(table))
		close_gateway(enforcement, outcome);
}

/* Nobody has changed what was read back as wanted. */
static bool is_untouched(const struct enforcement *enforcement)
{
	return !enforcement->changing && !enforcement->judge_flows && !enforcement->unverified &&
	       table_holds(enforcement->kernel) == 0;
}

/* What was done did not bring the fast path back that an earlier change left away. */
static void note_unfinished(const struct enforcement *enforcement, struct outcome *outcome)
{
	if (outcome->result == LOAD_DONE && !outcome->flows_error)
		outcome->flows_error = enforcement->flows_error;
}

/*
 * A dormant table lets everything pass, and it takes one message to wake it: that comes before all
 * else is read and compared, which may take long. True when it was.
 */
static bool wake(struct enforcement *enforcement, struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *table = NULL;
	uint32_t generation;
	if (table_header(enforcement->kernel, &table, &generation) < 0 ||
	    owner_wake(enforcement->kernel, table, generation) <= 0)
		return false;
	outcome->done = clock_monotonic();
	/* Flows that began meanwhile were judged by nobody. */
	enforcement->judge_flows = true;
	return true;
}

/*
 * A request that has ended, and was not let go of yet, is in the table still, or the kernel took
 * its elements away: true when nothing but that differs.
 */
static bool only_ends_differ(struct enforcement *enforcement)
{
	_cleanup_(ruleset_freep) struct ruleset *before = NULL;
	_cleanup_(plan_done) struct plan plan = {};
	struct standing standing;
	usec_t end = requests_next_end(&enforcement->requests);
	usec_t now = lasting_clock_now(&enforcement->clock);
	if (!end || end > now || ruleset_compile(enforcement->policy, end - 1, &before) < 0)
		return false;
	before->phase = PHASE_FAST;
	return table_compare(enforcement->kernel, before, &standing, &plan) == 0 &&
	       delta_is_of_ends(plan.delta, (now - end) / USEC_PER_SEC + 1);
}

void enforcement_repair(struct enforcement *enforcement, bool whole, struct outcome *ret_outcome)
{
	struct outcome outcome = {.result = LOAD_DONE};
	usec_t started = clock_monotonic();

	if (whole)
		kernel_doubt_view(enforcement->kernel);
	if (!enforcement->policy) {
		close_again(enforcement, &outcome);
	} else if (!is_untouched(enforcement)) {
		outcome.woken = wake(enforcement, &outcome);
		bool ended = only_ends_differ(enforcement);
		apply_bound(enforcement, enforcement->policy, &outcome);
		outcome.own_doing |= ended;
	}
	/* What somebody else made of the table is still there, or nobody knows whether it is. */
	enforcement->unverified = outcome.result != LOAD_DONE;
	outcome.unverified = enforcement->unverified;
	note_unfinished(enforcement, &outcome);
	outcome.milliseconds = clock_milliseconds(&started);
	*ret_outcome = outcome;
}

/* The quick way, where one request differs; REASSIGN_UNDECIDED when there is none. */
static int change_one(struct enforcement *enforcement, const struct policy *next,
                      const struct requests *requests, const struct request_entry *only,
                      struct outcome *outcome)
{
	if (enforcement->unverified)
		return REASSIGN_UNDECIDED;
	switch (only->kind) {
	case REQUEST_ASSIGN:
		return reassign(enforcement, next, requests, &only->address, outcome);
	case REQUEST_PERMIT:
	case REQUEST_PICKUP:
		return REASSIGN_UNDECIDED;
	case REQUEST_QUARANTINE:
		return quarantine_elements(enforcement, next, outcome);
	}
	abort(); /* no other value is ever made */
}

/* Makes the table that of the policy in force as it is to be. */
static void apply_next(struct enforcement *enforcement, struct policy *next,
                       const struct requests *requests, const struct request_entry *only,
                       struct outcome *outcome)
{
	int r = only ? change_one(enforcement, next, requests, only, outcome) : REASSIGN_UNDECIDED;
	enforcement->changing |= r != 0;
	if (r == REASSIGN_UNDECIDED) {
		apply_bound(enforcement, next, outcome);
	} else if (r < 0) {
		outcome_fail(outcome, r);
		if (outcome->touched)
			way_back_go(enforcement, enforcement->policy, NULL, NULL, outcome);
	}
}

void enforcement_rebind(struct enforcement *enforcement, const struct requests *requests,
                        const struct request_entry *only, struct outcome *ret_outcome)
{
	struct outcome outcome = {.result = LOAD_DONE};
	struct policy *policy = enforcement->policy;
	_cleanup_(runtime_freep) struct runtime *runtime = NULL;
	usec_t started = clock_monotonic();

	if (policy) {
		int r = bind_requests(enforcement, policy, requests, &outcome, &runtime);
		if (r < 0) {
			outcome_fail(&outcome, r);
			*ret_outcome = outcome;
			return;
		}
		/* The policy itself changes only when the kernel has the change. */
		struct policy next = *policy;
		next.runtime = runtime;
		apply_next(enforcement, &next, requests, only, &outcome);
		if (outcome_in_force(&outcome)) {
			runtime = policy_use_runtime(policy, runtime);
			policy->lacking_helpers = next.lacking_helpers;
		}
		/* What is not verified cuts nothing. */
		if (outcome.result == LOAD_DONE && only && only->kind == REQUEST_QUARANTINE)
			quarantine_cut(enforcement, only, &outcome);
	}
	note_unfinished(enforcement, &outcome);
	outcome.milliseconds = clock_milliseconds(&started);
	if (outcome.result == LOAD_DONE && outcome.changed)
		note_change(enforcement, &outcome);
	outcome.unverified = enforcement->unverified;
	*ret_outcome = outcome;
}

void enforcement_close(struct enforcement *enforcement, bool *ret_standing,
                       struct policy **ret_replaced, struct outcome *ret_outcome)
{
	struct outcome outcome = {.result = LOAD_DONE};
	_cleanup_(ruleset_freep) struct ruleset *have = NULL;
	uint32_t generation;

	*ret_standing = false;
	*ret_replaced = NULL;
	int r = table_read(enforcement->kernel, &have, &generation);
	/* One that is only dormant is as it was when it decided. */
	if (r == 0 && owner_wake(enforcement->kernel, have, generation) > 0) {
		have = ruleset_free(have);
		r = table_read(enforcement->kernel, &have, &generation);
	}
	/* A table of ours that nobody has verified is none of an earlier run. */
	if (r == 0 && !enforcement->policy && !enforcement->unverified && inherited_decides(have)) {
		*ret_standing = true;
		/* Whoever owns it, it enforces something. */
		(void)owner_adopt(enforcement->kernel, have, generation);
	} else if (r < 0) {
		outcome_fail(&outcome, r);
	} else {
		close_gateway(enforcement, &outcome);
	}
	if (enforcement->closed)
		*ret_replaced = TAKE_POINTER(enforcement->policy);
	outcome.unverified = enforcement->unverified;
	*ret_outcome = outcome;
}
