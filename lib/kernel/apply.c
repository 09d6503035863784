/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/apply.h"

#include "kernel/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Enough for the answers to a batch of which each message fails. */
#define RECEIVE_BYTES_UNKNOWN (8 * 1024 * 1024)

/* One way to a table: what is there, and the steps from it to what is to be there. */
struct change {
	struct ruleset *have;
	struct delta *delta;
	uint32_t generation;
};

static void change_done(struct change *change)
{
	delta_free(change->delta);
	ruleset_free(change->have);
	*change = (struct change){};
}

/* How the steps are found: by comparison with a wanted ruleset, or with no table at all. */
static int plan_apply(struct kernel *kernel, const struct ruleset *wanted, struct change *change)
{
	int r = table_read(kernel, &change->have, &change->generation);

	return r < 0 ? r : ruleset_diff(change->have, wanted, &change->delta);
}

static int plan_remove(struct kernel *kernel, struct change *change)
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

static void count(struct applied *applied, const struct delta *delta)
{
	applied->changed = true;
	applied->elements_added += delta->elements_added;
	applied->elements_deleted += delta->elements_deleted;
	applied->rules_added += delta->rules_added;
	applied->rules_deleted += delta->rules_deleted;
	applied->sets_added += delta->sets_added;
	applied->sets_deleted += delta->sets_deleted;
	applied->chains_added += delta->chains_added;
	applied->chains_deleted += delta->chains_deleted;
}

static void say_unverified(struct refusal *refusal, const struct delta *delta)
{
	char difference[REFUSAL_TEXT_MAX / 2] = "";
	FILE *out = fmemopen(difference, sizeof(difference), "w");

	if (out) {
		delta_print(delta, out);
		fclose(out);
		difference[sizeof(difference) - 1] = '\0';
	}
	*refusal = (struct refusal){.error = -EBADMSG};
	snprintf(refusal->text, sizeof(refusal->text),
	         "the kernel took the change, but reading the table back shows another one; "
	         "it would still need: %s",
	         difference);
}

static void say_plain(struct refusal *refusal, int error, const char *text)
{
	*refusal = (struct refusal){.error = error};
	snprintf(refusal->text, sizeof(refusal->text), "%s", text);
}

static const char others_text[] = "other processes changed the nf_tables rules each time";

static int run(struct kernel *kernel, const struct ruleset *wanted, struct applied *ret_applied)
{
	struct applied applied = {}, before = {};
	bool committed = false; /* the last batch went through, in the generation below */
	bool unknown = false;   /* it may have */
	uint32_t generation = 0;
	int r;

	for (;;) {
		_cleanup_(change_done) struct change change = {};
		struct refusal refusal;
		bool advanced;

		r = wanted ? plan_apply(kernel, wanted, &change) : plan_remove(kernel, &change);
		if (r == -EBUSY) {
			say_plain(&applied.refusal, -EBUSY, others_text);
			*ret_applied = applied;
			return APPLY_BUSY;
		}
		if (r < 0)
			return r;
		advanced = change.generation != generation;
		if (unknown && !advanced) {
			/* Not taken, and too many reasons to be heard: make room for them. */
			r = kernel_receive_buffer(kernel, RECEIVE_BYTES_UNKNOWN);
			if (r < 0)
				return r;
			applied = before;
		}
		applied.generation = change.generation;
		applied.foreign = change.have ? change.have->foreign.count : 0;

		if (change.delta->steps.count == 0) {
			if (committed && !advanced) {
				say_plain(&applied.refusal, -EBADMSG,
				          "the kernel took the change, but counted no new "
				          "generation");
				*ret_applied = applied;
				return APPLY_UNVERIFIED;
			}
			*ret_applied = applied;
			return 0;
		}
		/*
		 * Our own commit is the only one since: what differs now is our own fault, and
		 * would differ after the next batch again. After more than one, somebody else was
		 * at it.
		 */
		if (committed && change.generation == generation + 1) {
			say_unverified(&applied.refusal, change.delta);
			*ret_applied = applied;
			return APPLY_UNVERIFIED;
		}
		if (applied.attempts == APPLY_ATTEMPTS) {
			say_plain(
			        &applied.refusal, -EBUSY,
			        unknown ? "the kernel's answers were lost each time" : others_text);
			*ret_applied = applied;
			return APPLY_BUSY;
		}

		applied.attempts++;
		generation = change.generation;
		committed = unknown = false;
		r = table_commit(kernel, change.delta, generation, &refusal);
		if (r < 0)
			return r;
		switch ((enum commit_result)r) {
		case COMMIT_STALE:
			break;
		case COMMIT_UNKNOWN:
			unknown = true;
			before = applied;
			count(&applied, change.delta);
			break;
		case COMMIT_REFUSED:
			applied.refusal = refusal;
			*ret_applied = applied;
			return APPLY_REFUSED;
		default:
			committed = true;
			count(&applied, change.delta);
			break;
		}
	}
}

int table_apply(struct kernel *kernel, const struct ruleset *wanted, struct applied *ret_applied)
{
	return run(kernel, wanted, ret_applied);
}

int table_remove(struct kernel *kernel, struct applied *ret_applied)
{
	return run(kernel, NULL, ret_applied);
}
