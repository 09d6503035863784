/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/apply.h"

#include "kernel/read.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Enough for the answers to a batch of which each message fails. */
#define RECEIVE_BYTES_UNKNOWN (8 * 1024 * 1024)

/* One way to a table: what is there, and the steps from it to what is to be there. */
struct change {
	const struct ruleset *have; /* borrowed from the kernel's view */
	struct delta *delta;
	uint32_t generation;
};

static void change_done(struct change *change)
{
	delta_free(change->delta);
	*change = (struct change){};
}

/* How the steps are found: by comparison with a wanted ruleset, or with no table at all. */
static int plan_apply(struct kernel *kernel, const struct ruleset *wanted, struct change *change)
{
	int r = table_view(kernel, &change->have, &change->generation);

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

/* What became of the last batch. */
enum sent {
	SENT_NOTHING, /* none, or it was stale */
	SENT_TAKEN,
	SENT_UNKNOWN, /* taken or not */
};

struct work {
	struct kernel *kernel;
	const struct ruleset *wanted; /* NULL: no table at all */
	struct applied applied;
	struct applied before; /* the same without the last batch */
	enum sent sent;
	uint32_t generation; /* for which the last batch was made */
};

static int plan(const struct work *work, struct change *change)
{
	return work->wanted ? plan_apply(work->kernel, work->wanted, change)
	                    : plan_remove(work->kernel, change);
}

/* Takes back what was counted for a batch whose answer was lost, when it turns out not taken. */
static int settle_unknown(struct work *work, const struct change *change)
{
	if (work->sent != SENT_UNKNOWN || change->generation != work->generation)
		return 0;
	work->applied = work->before;
	/* There were too many errors to be heard: make room for them. */
	return kernel_receive_buffer(work->kernel, RECEIVE_BYTES_UNKNOWN);
}

/* Judges what was read back: 0 when all is as wanted, -EAGAIN when a batch is needed, APPLY_*. */
static int judge_change(struct work *work, const struct change *change)
{
	struct applied *applied = &work->applied;
	bool taken = work->sent == SENT_TAKEN;

	applied->generation = change->generation;
	applied->foreign = change->have ? change->have->foreign.count : 0;
	if (change->delta->steps.count == 0) {
		if (!taken || change->generation != work->generation)
			return 0;
		say_plain(&applied->refusal, -EBADMSG,
		          "the kernel took the change, but counted no new generation");
		return APPLY_UNVERIFIED;
	}
	/*
	 * Our own commit is the only one since: what differs now is our own fault, and would differ
	 * after the next batch again. After more than one, somebody else was at it.
	 */
	if (taken && change->generation == work->generation + 1) {
		say_unverified(&applied->refusal, change->delta);
		return APPLY_UNVERIFIED;
	}
	if (applied->attempts < APPLY_ATTEMPTS)
		return -EAGAIN;
	say_plain(&applied->refusal, -EBUSY,
	          work->sent == SENT_UNKNOWN ? "the kernel's answers were lost each time"
	                                     : others_text);
	return APPLY_BUSY;
}

/* Sends the batch: 0, APPLY_REFUSED, or a negative errno. */
static int send_change(struct work *work, const struct change *change)
{
	struct refusal refusal;
	int r;

	work->applied.attempts++;
	work->before = work->applied;
	work->generation = change->generation;
	work->sent = SENT_NOTHING;
	r = table_commit(work->kernel, change->delta, change->generation, &refusal);
	if (r < 0 || r == COMMIT_STALE)
		return r < 0 ? r : 0;
	if (r == COMMIT_REFUSED) {
		work->applied.refusal = refusal;
		/* A table goes without a new generation when the process that owns it ends. */
		kernel_keep_view(work->kernel, NULL, 0);
		return APPLY_REFUSED;
	}
	work->sent = r == COMMIT_UNKNOWN ? SENT_UNKNOWN : SENT_TAKEN;
	count(&work->applied, change->delta);
	return 0;
}

/* Reads and sends in turn, until what is read is what is wanted. */
static int run(struct work *work)
{
	for (;;) {
		_cleanup_(change_done) struct change change = {};
		int r = plan(work, &change);

		if (r == -EBUSY) {
			say_plain(&work->applied.refusal, r, others_text);
			return APPLY_BUSY;
		}
		if (r >= 0)
			r = settle_unknown(work, &change);
		if (r < 0)
			return r;
		r = judge_change(work, &change);
		if (r != -EAGAIN)
			return r;
		r = send_change(work, &change);
		if (r != 0)
			return r;
	}
}

static int finish(struct work *work, struct applied *ret_applied)
{
	int r = run(work);

	if (r >= 0)
		*ret_applied = work->applied;
	return r;
}

int table_apply(struct kernel *kernel, const struct ruleset *wanted, struct applied *ret_applied)
{
	struct work work = {.kernel = kernel, .wanted = wanted};

	/* Nothing wanted by mistake must not take the table away. */
	assert(wanted);
	return finish(&work, ret_applied);
}

int table_remove(struct kernel *kernel, struct applied *ret_applied)
{
	struct work work = {.kernel = kernel};

	return finish(&work, ret_applied);
}

int table_compare(struct kernel *kernel, const struct ruleset *wanted,
                  struct standing *ret_standing)
{
	_cleanup_(change_done) struct change change = {};
	int r = plan_apply(kernel, wanted, &change);

	if (r < 0)
		return r;
	*ret_standing = (struct standing){
	        .differs = change.delta->steps.count != 0,
	        .can_deny = delta_can_deny(change.delta),
	        .elements_added = change.delta->elements_added,
	        .elements_deleted = change.delta->elements_deleted,
	        .rules_added = change.delta->rules_added,
	        .rules_deleted = change.delta->rules_deleted,
	};
	return 0;
}
