/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcement.h"

#include "clock.h"
#include "kernel/ownership.h"
#include "kernel/read.h"
#include "policy/runtime.h"
#include "quarantining.h"
#include "reassignment.h"
#include "ruleset/compile.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void outcome_done(struct outcome *outcome)
{
	problems_done(&outcome->problems);
	problems_done(&outcome->over);
	free(outcome->refused_file);
	*outcome = (struct outcome){};
}

bool outcome_is_unseen(const struct outcome *outcome)
{
	return outcome->result == LOAD_REFUSED && outcome->applied.refusal.error == -EBUSY &&
	       !outcome->tampering[0];
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

/* Makes the table what is wanted in that phase, by a plan or by none; true when it is. */
static bool commit(struct enforcement *enforcement, struct ruleset *wanted, enum phase phase,
                   const struct plan *plan, struct outcome *outcome)
{
	struct applied applied = {};
	wanted->phase = phase;
	int r = table_apply_plan(enforcement->kernel, wanted, plan, &applied);
	if (r < 0) {
		fail(outcome, r);
		return false;
	}
	outcome->changed = outcome->changed || applied.changed;
	if (r == 0 && !outcome->done)
		outcome->done = clock_monotonic();
	outcome->applied = applied;
	if (r > 0)
		refuse(outcome);
	return r == 0;
}

/* The second commit of a change, with what was read back after the first one as well. */
static struct applied with_verified(struct applied second, const struct applied *first)
{
	second.whole = second.whole || first->whole;
	second.sets_read += first->sets_read;
	second.sets_sampled += first->sets_sampled;
	second.elements_read += first->elements_read;
	second.elements_sampled += first->elements_sampled;
	return second;
}

static double milliseconds_since(usec_t *since)
{
	usec_t now = clock_monotonic();
	double milliseconds = (double)(now - *since) / (double)USEC_PER_MSEC;
	*since = now;
	return milliseconds;
}

int enforcement_judge_flows(struct enforcement *enforcement, const struct policy *policy,
                            const struct scope *scope, struct revocation *ret_revocation)
{
	int r = 0;
	if (!enforcement->conntrack)
		r = conntrack_open(0, &enforcement->conntrack);
	if (r == 0)
		r = revoke_flows(enforcement->kernel, enforcement->conntrack, policy, scope,
		                 ret_revocation);
	/* Whatever was wrong with the socket, the next one is another. */
	if (r < 0)
		enforcement->conntrack = conntrack_free(enforcement->conntrack);
	return r;
}

/*
 * Two phases: with the first commit every packet of an established flow is judged by the new
 * policy; then the flows that it denies are cut; then the fast path comes back. Should the daemon
 * die in between, the gateway is slower, never open, and the next start finishes.
 */
static bool commit_in_two_phases(struct enforcement *enforcement, const struct policy *policy,
                                 struct ruleset *wanted, const struct plan *plan,
                                 const struct scope *scope, struct outcome *outcome)
{
	usec_t time = clock_monotonic();

	if (!commit(enforcement, wanted, PHASE_JUDGING, plan, outcome))
		return false;
	outcome->judging_milliseconds = milliseconds_since(&time);

	int r = enforcement_judge_flows(enforcement, policy, scope, &outcome->revocation);
	outcome->cutting_milliseconds = milliseconds_since(&time);
	if (r < 0) {
		/* Without the fast path denied flows stay blocked: better slow than open. */
		outcome->flows_error = r;
		return true;
	}

	/* The new policy is in force by now, with the fast path or without it. */
	struct outcome closing = {};
	if (commit(enforcement, wanted, PHASE_FAST, NULL, &closing))
		outcome->applied = with_verified(closing.applied, &outcome->applied);
	else
		outcome->flows_error = closing.result == LOAD_REFUSED
		                               ? closing.applied.refusal.error
		                               : closing.error;
	outcome->closing_milliseconds = milliseconds_since(&time);
	outcome_done(&closing);
	return true;
}

/* What others do is a refusal, with words of its own. */
static void refuse_others(struct outcome *outcome, int error, const char *text)
{
	struct refusal *refusal = &outcome->applied.refusal;
	*refusal = (struct refusal){.error = error};
	snprintf(refusal->text, sizeof(refusal->text), "%s", text);
	refuse(outcome);
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

/* Makes the table what is wanted and notes what came of it. */
static void apply(struct enforcement *enforcement, const struct policy *policy,
                  struct ruleset *wanted, struct outcome *outcome)
{
	_cleanup_(counts_done) struct counts before = {};
	_cleanup_(plan_done) struct plan plan = {};
	_cleanup_(scope_done) struct scope scope = {};
	struct standing standing;
	uint32_t generation;
	wanted->phase = PHASE_FAST;
	int r = owner_wish(enforcement->kernel, !policy || policy->gateway.own_table);
	if (r == 0)
		r = table_compare(enforcement->kernel, wanted, &standing, &plan);
	if (r == -EBUSY || r == -EPERM) {
		refuse_others(outcome, r,
		              r == -EPERM ? APPLY_OWNED_TEXT
		                          : "other processes changed the nf_tables rules each "
		                            "time the table was read");
		return;
	}
	if (r == 0)
		r = find_scope(enforcement, &plan, &scope);
	if (r < 0) {
		kernel_doubt_view(enforcement->kernel); /* it may be one that is not as wanted */
		fail(outcome, r);
		return;
	}
	/* Seen from what is wanted, what differs is what somebody did; and it is still known. */
	const struct ruleset *view = kernel_view(enforcement->kernel, &generation);
	outcome->own_doing =
	        enforcement->changing && owner_of(enforcement->kernel, view) == OWNERSHIP_OURS;
	if (!outcome->own_doing)
		tampering_text(plan.delta, view, outcome->tampering);
	if (standing.counters_deleted)
		(void)counts_read(enforcement->kernel, &before);

	bool judge_flows = policy && (standing.can_deny || enforcement->judge_flows);
	bool done = judge_flows ? commit_in_two_phases(enforcement, policy, wanted, &plan, &scope,
	                                               outcome)
	                        : commit(enforcement, wanted, PHASE_FAST, &plan, outcome);
	if (!done) {
		/* What the table is by now, is to be found out. */
		kernel_doubt_view(enforcement->kernel);
		return;
	}
	if (judge_flows && !outcome->flows_error)
		enforcement->judge_flows = false;
	enforcement->changing = outcome->flows_error != 0;
	enforcement->flows_error = outcome->flows_error;
	/* Rules that come and go with the phases are nothing that the operator changed. */
	outcome->difference = standing;
	if (outcome->changed)
		note_vanished(enforcement, &before);
	outcome->result = LOAD_DONE;
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

/* Makes the requests of run time that fit the policy part of it; what was there before is handed
 * out. */
static int bind_requests(struct enforcement *enforcement, struct policy *policy,
                         struct outcome *outcome, struct runtime **ret_before)
{
	usec_t now = lasting_clock_now(&enforcement->clock);
	struct runtime *runtime;

	ARRAY_FOREACH (request, &enforcement->requests.list)
		if (request->kind != REQUEST_QUARANTINE && request->until && request->until <= now)
			enforcement->judge_flows = true;
	int r = runtime_bind(policy, &enforcement->requests, now, &outcome->over, &runtime);
	if (r == 0)
		*ret_before = policy_use_runtime(policy, runtime);
	return r;
}

static int compile(struct enforcement *enforcement, const struct policy *policy,
                   struct ruleset **ret_ruleset)
{
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
		fail(&outcome, r);
	} else {
		struct runtime *none;
		prepare(candidate, userdata);
		r = bind_requests(enforcement, candidate, &outcome, &none);
		if (r == 0)
			r = compile(enforcement, candidate, &ruleset);
		enforcement->changing |= r == 0;
		if (r < 0)
			fail(&outcome, r);
		else
			apply(enforcement, candidate, ruleset, &outcome);
	}

	/* The old policy goes only now that the kernel has the new one and it was read back. */
	if (outcome.result == LOAD_DONE) {
		*ret_replaced = enforcement->policy;
		enforcement->policy = TAKE_POINTER(candidate);
		enforcement->closed = false;
		enforcement->loaded = clock_realtime();
	}
	outcome.milliseconds = milliseconds_since(&started);
	if (outcome.result == LOAD_DONE && outcome.changed)
		note_change(enforcement, &outcome);
	*ret_outcome = outcome;
}

/* Compiles and applies the policy in force with the requests bound to it. */
static void apply_bound(struct enforcement *enforcement, struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *wanted = NULL;
	int r = compile(enforcement, enforcement->policy, &wanted);
	if (r < 0)
		fail(outcome, r);
	else
		apply(enforcement, enforcement->policy, wanted, outcome);
}

static void close_gateway(struct enforcement *enforcement, struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *closed = NULL;
	int r = ruleset_closed(&closed);
	if (r < 0)
		fail(outcome, r);
	else
		apply(enforcement, NULL, closed, outcome);
	enforcement->closed = outcome->result == LOAD_DONE;
}

/* The table of an earlier run is as good as a policy: it is awake, and what no rule permits stops. */
static bool decides(const struct ruleset *table)
{
	const struct chain *forward = ruleset_chain(table, "forward");
	return table->exists && !ruleset_is_closed(table) &&
	       !(table->flags & NFT_TABLE_F_DORMANT) && forward && forward->hook == HOOK_FORWARD &&
	       forward->policy_drop && forward->rules.count > 0;
}

/* Without a policy: the closed table stays closed, and in the place of one that is gone is one. */
static void close_again(struct enforcement *enforcement, struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *table = NULL;
	uint32_t generation;
	int r = table_header(enforcement->kernel, &table, &generation);
	if (r >= 0 && owner_of(enforcement->kernel, table) == OWNERSHIP_OTHERS) {
		refuse_others(outcome, -EPERM, APPLY_OWNED_TEXT);
		return;
	}
	if (r >= 0 && !enforcement->closed && table->exists) {
		outcome->woken = owner_wake(enforcement->kernel, table, generation) > 0;
		table = ruleset_free(table);
		r = table_read(enforcement->kernel, &table, &generation);
		outcome->done = clock_monotonic();
	}
	if (r < 0)
		fail(outcome, r);
	else if (enforcement->closed || !decides(table))
		close_gateway(enforcement, outcome);
}

/* Nobody has changed what was read back as wanted. */
static bool is_untouched(const struct enforcement *enforcement)
{
	return !enforcement->changing && !enforcement->judge_flows &&
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
		apply_bound(enforcement, &outcome);
	}
	note_unfinished(enforcement, &outcome);
	outcome.milliseconds = milliseconds_since(&started);
	*ret_outcome = outcome;
}

/* The quick way, where one request differs; REASSIGN_UNDECIDED when there is none. */
static int change_one(struct enforcement *enforcement, const struct request_entry *only,
                      struct outcome *outcome)
{
	switch (only->kind) {
	case REQUEST_ASSIGN:
		return reassign(enforcement, &only->address, outcome);
	case REQUEST_PERMIT:
		return REASSIGN_UNDECIDED;
	case REQUEST_QUARANTINE:
		return quarantine_elements(enforcement, outcome);
	}
	abort(); /* no other value is ever made */
}

void enforcement_rebind(struct enforcement *enforcement, const struct request_entry *only,
                        struct outcome *ret_outcome)
{
	struct outcome outcome = {.result = LOAD_DONE};
	struct policy *policy = enforcement->policy;
	_cleanup_(runtime_freep) struct runtime *before = NULL;
	usec_t started = clock_monotonic();

	if (policy) {
		int r = bind_requests(enforcement, policy, &outcome, &before);
		if (r < 0) {
			fail(&outcome, r);
			*ret_outcome = outcome;
			return;
		}
		r = only ? change_one(enforcement, only, &outcome) : REASSIGN_UNDECIDED;
		enforcement->changing |= r != 0;
		if (r < 0)
			fail(&outcome, r);
		else if (r == REASSIGN_UNDECIDED)
			apply_bound(enforcement, &outcome);
		if (outcome.result == LOAD_DONE && only && only->kind == REQUEST_QUARANTINE)
			quarantine_cut(enforcement, only, &outcome);
		if (outcome.result != LOAD_DONE) {
			struct runtime *failed = policy_use_runtime(policy, TAKE_POINTER(before));
			runtime_free(failed);
		}
	}
	note_unfinished(enforcement, &outcome);
	outcome.milliseconds = milliseconds_since(&started);
	if (outcome.result == LOAD_DONE && outcome.changed)
		note_change(enforcement, &outcome);
	*ret_outcome = outcome;
}

void enforcement_close(struct enforcement *enforcement, bool *ret_standing,
                       struct outcome *ret_outcome)
{
	struct outcome outcome = {.result = LOAD_DONE};
	_cleanup_(ruleset_freep) struct ruleset *have = NULL;
	uint32_t generation;

	*ret_standing = false;
	int r = table_read(enforcement->kernel, &have, &generation);
	/* One that is only dormant is as it was when it decided. */
	if (r == 0 && owner_wake(enforcement->kernel, have, generation) > 0) {
		have = ruleset_free(have);
		r = table_read(enforcement->kernel, &have, &generation);
	}
	if (r == 0 && decides(have)) {
		*ret_standing = true;
		/* Whoever owns it, it enforces something. */
		(void)owner_adopt(enforcement->kernel, have, generation);
	} else if (r < 0) {
		fail(&outcome, r);
	} else {
		close_gateway(enforcement, &outcome);
	}
	*ret_outcome = outcome;
}
