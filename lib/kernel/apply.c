/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/apply.h"

#include "kernel/encode.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

/* Enough for the answers to a batch of which each message fails. */
#define RECEIVE_BYTES_UNKNOWN (8 * 1024 * 1024)

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

/* The first step that has a line of the configuration, else the first one. */
static const struct step *telling_step(const struct delta *delta)
{
	ARRAY_FOREACH (step, &delta->steps)
		if (step->at.file)
			return step;
	return delta->steps.items;
}

static void say_unverified(struct refusal *refusal, const struct delta *delta)
{
	const struct step *step = telling_step(delta);
	size_t more = delta->steps.count - 1;
	char what[STEP_TEXT_MAX], others[64] = "";

	if (more)
		snprintf(others, sizeof(others), ", and %zu more %s", more,
		         more == 1 ? "step" : "steps");
	*refusal = (struct refusal){.error = -EBADMSG, .at = step->at};
	snprintf(refusal->text, sizeof(refusal->text),
	         "the kernel took the change, but the table reads back as another one; it would "
	         "still need to %s%s",
	         step_describe(step, NULL, what), others);
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
	struct ruleset *wanted;  /* NULL: no table at all */
	const struct plan *plan; /* or NULL */
	struct applied applied;
	struct applied before; /* the same without the last batch */
	enum sent sent;
	uint32_t generation; /* for which the last batch was made */
	bool prepared;       /* what elements are to lead to was made in a batch of its own */
};

/* Takes back what was counted for a batch whose answer was lost, when it turns out not taken. */
static int settle_unknown(struct work *work, const struct table_change *change)
{
	if (work->sent != SENT_UNKNOWN || change->generation != work->generation)
		return 0;
	work->applied = work->before;
	/* There were too many errors to be heard: make room for them. */
	return kernel_receive_buffer(work->kernel, RECEIVE_BYTES_UNKNOWN);
}

static bool is_timed(const struct step *step)
{
	return (step->kind == STEP_ADD_ELEMENTS || step->kind == STEP_DELETE_ELEMENTS) &&
	       step->set->timed;
}

/* True when nothing differs but that some elements reached their end just now. */
static bool only_times_differ(const struct delta *delta)
{
	ARRAY_FOREACH (step, &delta->steps)
		if (!is_timed(step))
			return false;
	return true;
}

/* True when it was refused because something to be deleted ended before. */
static bool ended_meanwhile(const struct delta *delta, const struct refusal *refusal)
{
	if (refusal->error != -ENOENT)
		return false;
	ARRAY_FOREACH (step, &delta->steps)
		if (step->kind == STEP_DELETE_ELEMENTS && is_timed(step))
			return true;
	return false;
}

/* Judges what was read back: 0 when all is as wanted, -EAGAIN when a batch is needed, APPLY_*. */
static int judge_change(struct work *work, const struct table_change *change)
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
	if (taken && change->generation == work->generation + 1 &&
	    !only_times_differ(change->delta)) {
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
static int send_change(struct work *work, const struct table_change *change)
{
	struct refusal refusal;
	int r;

	work->applied.attempts++;
	work->before = work->applied;
	work->generation = change->generation;
	work->sent = SENT_NOTHING;
	uint64_t batches = kernel_batches(work->kernel);
	r = table_commit(work->kernel, change->delta, change->generation, &refusal);
	/* Of a batch whose answer cannot be read, too, only reading the table tells. */
	if (r < 0)
		work->applied.taken |= kernel_batches(work->kernel) != batches;
	if (r < 0 || r == COMMIT_STALE)
		return r < 0 ? r : 0;
	if (r == COMMIT_REFUSED && ended_meanwhile(change->delta, &refusal)) {
		kernel_doubt_view(work->kernel);
		return 0;
	}
	if (r == COMMIT_REFUSED) {
		work->applied.refusal = refusal;
		/* A table goes without a new generation when the process that owns it ends. */
		kernel_doubt_view(work->kernel);
		return APPLY_REFUSED;
	}
	work->sent = r == COMMIT_UNKNOWN ? SENT_UNKNOWN : SENT_TAKEN;
	work->applied.taken = true;
	count(&work->applied, change->delta);
	return 0;
}

/* From now on the table is known to be what was wanted: nothing of it has to be read again. */
static int keep_wanted(struct work *work, const struct table_change *change)
{
	struct ruleset *view = ruleset_in_phase(work->wanted, work->wanted->phase);

	if (!view)
		return -ENOMEM;
	ARRAY_FOREACH (name, &change->have->foreign) {
		const char **slot = ARRAY_ADD(&view->foreign);

		if (!slot || !(*slot = arena_strdup(view->arena, *name))) {
			ruleset_free(view);
			return -ENOMEM;
		}
	}
	view->owner = view->flags & NFT_TABLE_F_OWNER ? kernel_commit_port(work->kernel) : 0;
	kernel_keep_view(work->kernel, view, work->generation + 1);
	return 0;
}

/*
 * Sees to it that the batch did what it was to do, by what it touched: 0 when so, and nobody else
 * was at it. Else -EAGAIN: only reading everything can tell.
 */
static int verify_touched(struct work *work, const struct table_change *change)
{
	struct applied *applied = &work->applied;
	struct verified verified;
	uint32_t generation;
	int r;

	if (!work->wanted || work->sent != SENT_TAKEN)
		return -EAGAIN;
	r = table_verify(work->kernel, change->delta, change->have, work->wanted, &verified);
	if (r >= 0 && kernel_generation(work->kernel, &generation) < 0)
		r = -EAGAIN;
	if (r != 0 || generation != work->generation + 1 || keep_wanted(work, change) < 0) {
		kernel_keep_view(work->kernel, NULL, 0);
		return -EAGAIN;
	}
	applied->generation = generation;
	applied->sets_read = verified.sets_read;
	applied->sets_sampled = verified.sets_sampled;
	applied->elements_read = verified.elements_read;
	applied->elements_sampled = verified.elements_sampled;
	return 0;
}

/* What was read back is the whole table. */
static void note_whole(struct applied *applied, const struct table_change *change)
{
	applied->whole = true;
	applied->sets_read = applied->sets_sampled = 0;
	applied->elements_read = applied->elements_sampled = 0;
	if (!change->have)
		return;
	ARRAY_FOREACH (set, &change->have->sets) {
		if (set->unread)
			continue;
		if (set->looked_up) {
			applied->sets_sampled++;
			applied->elements_sampled += set->looked_up;
		} else {
			applied->sets_read++;
			applied->elements_read += set->elements.count;
		}
	}
}

/*
 * Sends what has to be there before (delta_preparation()); results as of send_change(). The table
 * has to be read anew after it.
 */
static int send_preparation(struct work *work, const struct table_change *change,
                            const struct delta *preparation)
{
	struct refusal refusal;
	int r;

	work->applied.attempts++;
	r = table_commit(work->kernel, preparation, change->generation, &refusal);
	kernel_doubt_view(work->kernel);
	if (r < 0)
		return r;
	if (r == COMMIT_REFUSED) {
		work->applied.refusal = refusal;
		return APPLY_REFUSED;
	}
	if (r == COMMIT_STALE)
		return -EAGAIN;
	work->prepared = true;
	if (r != COMMIT_UNKNOWN)
		count(&work->applied, preparation);
	return -EAGAIN;
}

/*
 * The step that gives the table an owner, or wakes it, when it has to be a batch of its own: the
 * kernel takes no new base chain along with that (nf_tables_addchain). NULL: it has not.
 */
static struct step *table_step_alone(const struct table_change *change)
{
	struct step *table = NULL;
	bool hooks = false;

	ARRAY_FOREACH (step, &change->delta->steps) {
		if (step->kind == STEP_ADD_TABLE && change->have && change->have->exists)
			table = step;
		hooks |= step->kind == STEP_ADD_CHAIN && step->chain->hook != HOOK_NONE;
	}
	return hooks ? table : NULL;
}

/* Sends that step; results as of send_preparation(). */
static int send_table_step(struct work *work, const struct table_change *change, struct step *step)
{
	struct delta delta = {.steps = {.items = step, .count = 1}};
	struct refusal refusal;
	int r;

	work->applied.attempts++;
	r = table_commit(work->kernel, &delta, change->generation, &refusal);
	kernel_doubt_view(work->kernel);
	if (r == COMMIT_REFUSED) {
		work->applied.refusal = refusal;
		return APPLY_REFUSED;
	}
	return r < 0 ? r : -EAGAIN;
}

/* The next batch on the way to what is wanted: 0, -EAGAIN: another one follows; or as above. */
static int send_next(struct work *work, const struct table_change *change)
{
	_cleanup_(delta_freep) struct delta *preparation = NULL;
	struct step *table = table_step_alone(change);
	if (table)
		return send_table_step(work, change, table);

	int r = work->prepared ? 0 : delta_preparation(change->delta, &preparation);

	if (r < 0)
		return r;
	return preparation ? send_preparation(work, change, preparation)
	                   : send_change(work, change);
}

/* Reads and sends in turn, until what is read is what is wanted. */
static int run(struct work *work)
{
	for (;;) {
		_cleanup_(table_change_done) struct table_change change = {};
		int r = table_change_find(work->kernel, work->wanted, work->plan, &change);

		if (r == -EBUSY) {
			say_plain(&work->applied.refusal, r, others_text);
			return APPLY_BUSY;
		}
		if (r == -EPERM) {
			say_plain(&work->applied.refusal, r, APPLY_OWNED_TEXT);
			return APPLY_REFUSED;
		}
		if (r >= 0)
			r = settle_unknown(work, &change);
		if (r < 0)
			return r;
		if (work->sent != SENT_NOTHING)
			note_whole(&work->applied, &change);
		r = judge_change(work, &change);
		if (r != -EAGAIN)
			return r;
		r = send_next(work, &change);
		if (r == 0)
			r = verify_touched(work, &change);
		if (r != -EAGAIN)
			return r;
	}
}

static int finish(struct work *work, struct applied *ret_applied)
{
	uint64_t batches = kernel_batches(work->kernel);
	int r = run(work);

	work->applied.touched = kernel_batches(work->kernel) != batches;
	*ret_applied = work->applied;
	return r;
}

int table_apply_plan(struct kernel *kernel, struct ruleset *wanted, const struct plan *plan,
                     struct applied *ret_applied)
{
	struct work work = {.kernel = kernel, .wanted = wanted, .plan = plan};

	/* Nothing wanted by mistake must not take the table away. */
	assert(wanted);
	return finish(&work, ret_applied);
}

int table_apply(struct kernel *kernel, struct ruleset *wanted, struct applied *ret_applied)
{
	return table_apply_plan(kernel, wanted, NULL, ret_applied);
}

int table_remove(struct kernel *kernel, struct applied *ret_applied)
{
	struct work work = {.kernel = kernel};

	return finish(&work, ret_applied);
}
