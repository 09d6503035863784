/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guarding.h"

#include "clock.h"
#include "guard.h"
#include "kernel/socket.h"
#include "kernel/view.h"
#include "report.h"
#include "surroundings.h"

#include <errno.h>
#include <stdlib.h>

struct guarding {
	struct guarding_for parts;
	struct guard *guard;
	struct surroundings *surroundings;
	bool overpowered; /* the table could not be put right, and that was told */
};

/* So many repairs in a row are told one by one; then it is a fight, which is in the status. */
#define TOLD_IN_A_ROW 3

static void tell_tampering(struct guarding *guarding, const struct suspicion *suspicion,
                           const struct outcome *outcome)
{
	const struct guarding_for *parts = &guarding->parts;
	char sentence[TAMPERING_SENTENCE_MAX];
	report_tampering(suspicion, outcome, sentence);
	alarms_take_tampering(parts->alarms, sentence);
	if (suspicion->before < TOLD_IN_A_ROW)
		report_repair(parts->server, sentence);
	if (outcome->result == LOAD_DONE && suspicion->before + 1 >= TOLD_IN_A_ROW)
		report_fight_health(parts->health, suspicion);
}

/* So long may others, who change rules of their own, keep us from reading the table. */
#define UNSEEN_MAX (3 * USEC_PER_SEC)

/* Not to have seen the table for a moment is in the status, and nothing that somebody did. */
static bool is_passing(const struct suspicion *suspicion, const struct outcome *outcome)
{
	return outcome_is_unseen(outcome) && clock_monotonic() - suspicion->noticed < UNSEEN_MAX;
}

/*
 * Somebody else changed rules, or a minute is over. When they were ours, they are put right, and it
 * is said who it was.
 */
static enum guard_result on_suspicion(const struct suspicion *suspicion, void *userdata)
{
	struct guarding *guarding = userdata;
	const struct guarding_for *parts = &guarding->parts;
	struct outcome outcome;

	if (!suspicion->routine)
		surroundings_suspect(guarding->surroundings);
	enforcement_repair(parts->enforcement, suspicion->whole, &outcome);
	bool changed = outcome.woken ||
	               (outcome.changed && outcome.difference.differs && !outcome.own_doing);
	bool failed = outcome.result != LOAD_DONE;
	enum guard_result result = failed || outcome.flows_error ? GUARD_FAILED
	                           : changed                     ? GUARD_REPAIRED
	                                                         : GUARD_CALM_TABLE;
	if (changed)
		contacts_doubt(parts->contacts);
	/* A failure is in the status; to repeat it at each try would fill the journal. */
	bool tells =
	        changed || (failed && !guarding->overpowered && !is_passing(suspicion, &outcome));
	if (tells)
		tell_tampering(guarding, suspicion, &outcome);
	guarding->overpowered = failed && (tells || guarding->overpowered);
	report_commit_health(parts->health, &outcome);
	parts->changed(parts->userdata);
	outcome_done(&outcome);
	/* What kept the configuration out may have gone with it. */
	if (result != GUARD_FAILED && loading_is_unfinished(parts->loading))
		loading_reload(parts->loading);
	return result;
}

static void on_calm(void *userdata)
{
	const struct guarding_for *parts = &((struct guarding *)userdata)->parts;
	health_clear(parts->health, FAULT_TAMPER);
	parts->changed(parts->userdata);
}

int guarding_new(sd_event *event, const struct guarding_for *parts, struct guarding **ret_guarding)
{
	_cleanup_(guarding_freep) struct guarding *guarding = calloc(1, sizeof(*guarding));
	if (!guarding)
		return -ENOMEM;
	guarding->parts = *parts;

	int r = surroundings_new(event, parts->enforcement, parts->directory, parts->health,
	                         parts->changed, parts->userdata, &guarding->surroundings);
	if (r >= 0)
		r = guard_new(event, parts->enforcement->kernel, on_suspicion, on_calm, guarding,
		              &guarding->guard);
	if (r < 0)
		return r;
	*ret_guarding = TAKE_POINTER(guarding);
	return 0;
}

int guarding_look_back(struct guarding *guarding)
{
	const struct guarding_for *parts = &guarding->parts;
	struct kernel *kernel = parts->enforcement->kernel;
	uint32_t known, now;
	int r = kernel_generation(kernel, &now);
	if (r < 0)
		return r;
	if (!loading_is_unfinished(parts->loading) &&
	    (!kernel_view(kernel, &known) || known == now))
		return 0;
	return guard_suspect(guarding->guard);
}

void guarding_use_policy(struct guarding *guarding)
{
	surroundings_use_policy(guarding->surroundings);
}

struct guarding *guarding_free(struct guarding *guarding)
{
	if (guarding) {
		surroundings_free(guarding->surroundings);
		guard_free(guarding->guard);
		free(guarding);
	}
	return NULL;
}
