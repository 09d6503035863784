/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "committing.h"

#include "clock.h"
#include "kernel/retract.h"
#include "kernel/view.h"

#include <stdio.h>
#include <string.h>

bool commit_table(struct enforcement *enforcement, struct ruleset *wanted, enum phase phase,
                  const struct plan *plan, struct outcome *outcome)
{
	struct applied applied = {};
	wanted->phase = phase;
	int r = table_apply_plan(enforcement->kernel, wanted, plan, &applied);
	outcome->touched |= applied.touched;
	outcome->taken |= applied.taken;
	if (r < 0) {
		outcome_fail(outcome, r);
		return false;
	}
	outcome->changed = outcome->changed || applied.changed;
	if (r == 0 && !outcome->done)
		outcome->done = clock_monotonic();
	outcome->applied = applied;
	if (r > 0)
		outcome_refuse(outcome);
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

void say_stuck(struct outcome *outcome, const char *what, int result, const struct refusal *refusal)
{
	snprintf(outcome->stuck, sizeof(outcome->stuck), "%.40s: %.320s", what,
	         result < 0 ? strerror(-result) : refusal->text);
}

void leave_unverified(struct enforcement *enforcement, struct outcome *outcome)
{
	struct refusal *refusal = &outcome->applied.refusal;
	if (outcome->result == LOAD_FAILED || !refusal->text[0]) {
		*refusal = (struct refusal){.error = outcome->error};
		snprintf(refusal->text, sizeof(refusal->text),
		         "the kernel took the change, but its table could not be read back: %s",
		         strerror(-outcome->error));
	}
	outcome->result = LOAD_UNVERIFIED;
	outcome->error = 0;
	enforcement->unverified = true;
	enforcement->judge_flows = enforcement->changing = true;
}

/*
 * The kernel took the table with the fast path, but what was read back is another one: what was
 * verified before, without the fast path, comes back. Where it does not, the outcome is as if the
 * change had never been verified.
 */
static void keep_judging(struct enforcement *enforcement, struct ruleset *wanted,
                         const struct outcome *closing, struct outcome *outcome)
{
	_cleanup_(ruleset_freep) struct ruleset *taken =
	        closing->taken ? ruleset_in_phase(wanted, PHASE_FAST) : NULL;
	struct applied applied = {};
	wanted->phase = PHASE_JUDGING;
	int r = table_retract(enforcement->kernel, taken, NULL, wanted, &applied);
	if (r == 0)
		return;
	say_stuck(outcome, "the fast path", r, &applied.refusal);
	outcome->applied.refusal = closing->applied.refusal;
	outcome->applied.refusal.at = (struct location){};
	outcome->error = closing->error;
	if (closing->result == LOAD_FAILED)
		outcome->applied.refusal.text[0] = '\0';
	outcome->result = LOAD_UNVERIFIED;
}

void commit_fast_path(struct enforcement *enforcement, struct ruleset *wanted,
                      struct outcome *outcome)
{
	struct outcome closing = {};
	if (commit_table(enforcement, wanted, PHASE_FAST, NULL, &closing)) {
		outcome->applied = with_verified(closing.applied, &outcome->applied);
	} else {
		outcome->flows_error = closing.result == LOAD_REFUSED
		                               ? closing.applied.refusal.error
		                               : closing.error;
		kernel_doubt_view(enforcement->kernel);
		if (closing.touched)
			keep_judging(enforcement, wanted, &closing, outcome);
	}
	outcome_done(&closing);
}
