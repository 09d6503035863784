/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "changes.h"

#include "expiry.h"
#include "journal.h"
#include "keeping.h"
#include "policy/runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct changes {
	struct enforcement *enforcement;
	changes_told_t told;
	void *userdata;
	struct expiry *expiry;
	struct keeping *keeping;
	bool fallback; /* the policy in force is older than the requests may be */
};

static struct requests *list_of(const struct changes *changes)
{
	return &changes->enforcement->requests;
}

static usec_t now_of(const struct changes *changes)
{
	return lasting_clock_now(&changes->enforcement->clock);
}

/* "role desk for 192.168.0.50, until 2026-11-22 18:00:00 UTC, by alice (uid 1000): why" */
static void print_request(const struct request_entry *request, FILE *out)
{
	char address[ADDRESS_TEXT_MAX], end[UTC_TEXT_MAX];

	switch (request->kind) {
	case REQUEST_ASSIGN:
		fprintf(out, "role %s for %s", request->role,
		        address_print(&request->address, address));
		break;
	case REQUEST_PERMIT:
		fprintf(out, "permit %" PRIu64 ", %s for %s", request->id, request->service,
		        request->host);
		if (request->to)
			fprintf(out, " to %s", request->to);
		break;
	case REQUEST_QUARANTINE:
		fprintf(out, "quarantine of %s", request->host);
		break;
	case REQUEST_PICKUP:
		fputs("the pickup window", out);
		break;
	}
	if (request->until)
		fprintf(out, ", until %s", utc_print(request->until, end));
	fprintf(out, ", by %s", request->user);
	if (request->uid != REQUEST_UID_UNKNOWN)
		fprintf(out, " (uid %" PRIu32 ")", request->uid);
	if (request->why)
		fprintf(out, ": %s", request->why);
}

/* "; 2 flows were cut" and the like; nothing when none was. */
static void print_flows(const struct outcome *outcome, FILE *out)
{
	size_t cut = outcome->revocation.cut;
	if (cut)
		fprintf(out, "; %zu %s cut", cut, cut == 1 ? "flow was" : "flows were");
}

/*
 * Tells about one request: "DONE: REQUEST", with the flows that were cut (NULL: these are told
 * elsewhere). The outcome is news as well, unless it is NULL.
 */
static void tell(struct changes *changes, const char *kind, const char *done,
                 const struct request_entry *request, const struct person *by,
                 const struct outcome *flows, const struct outcome *outcome)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out) {
		changes->told(kind, done, request, by, outcome, changes->userdata);
		return;
	}
	fprintf(out, "%s: ", done);
	print_request(request, out);
	if (flows)
		print_flows(flows, out);
	if (fclose(out) != 0)
		changes->told(kind, done, request, by, outcome, changes->userdata);
	else
		changes->told(kind, text, request, by, outcome, changes->userdata);
}

/* Sets the timer to the next end; or to another try, if the last one left something undone. */
static void arm(struct changes *changes)
{
	usec_t next = requests_next_end(list_of(changes));

	if (changes->enforcement->policy && changes->enforcement->judge_flows) {
		expiry_again(changes->expiry);
		return;
	}
	expiry_calm(changes->expiry);
	if (!next || !changes->enforcement->policy) {
		expiry_never(changes->expiry);
		return;
	}
	usec_t now = now_of(changes);
	int r = expiry_in(changes->expiry, next > now ? next - now : 0);
	if (r < 0)
		journal(LOG_ERR,
		        "The timer for ends of permits could not be set: %s; the kernel ends them "
		        "all the same",
		        strerror(-r));
}

static bool is_bound(const struct policy *policy, const struct request_entry *request)
{
	const struct assignment *assignment;

	switch (request->kind) {
	case REQUEST_ASSIGN:
		assignment = policy_assignment(policy, &request->address);
		return assignment && assignment->id == request->id;
	case REQUEST_PERMIT:
	case REQUEST_QUARANTINE:
	case REQUEST_PICKUP:
		return runtime_has(policy->runtime, request->id);
	}
	abort(); /* no other value is ever made */
}

/*
 * It will not be in force again: its time is over, or the policy has no room for it. What an older
 * policy does not know may well be once the file is mended.
 */
static bool is_over(const struct changes *changes, const struct request_entry *request, usec_t now)
{
	if (is_bound(changes->enforcement->policy, request))
		return false;
	return !changes->fallback || (request->until && request->until <= now);
}

/*
 * Lets go of all requests that are over. Those whose time is over are told
 * of here, the flows they left with the last of them; about the others the policy's own words are
 * told. True when there were any.
 */
static bool drop_unbound(struct changes *changes, const struct outcome *outcome)
{
	struct requests *requests = list_of(changes);
	usec_t now = now_of(changes);
	size_t kept = 0, dropped = 0;

	for (size_t i = 0; i < requests->list.count; i++)
		if (is_over(changes, &requests->list.items[i], now))
			dropped++;
	for (size_t i = 0, left = dropped; i < requests->list.count; i++) {
		struct request_entry *request = &requests->list.items[i];
		if (!is_over(changes, request, now)) {
			requests->list.items[kept++] = *request;
			continue;
		}
		left--;
		if (request->until && request->until <= now)
			tell(changes, "ended", "Ended", request, NULL, left ? NULL : outcome, NULL);
		request_done(request);
	}
	requests->list.count = kept;
	if (changes->fallback)
		return dropped > 0;
	ARRAY_FOREACH (problem, &outcome->over.list) {
		_cleanup_free_ char *text = NULL;
		if (asprintf(&text, "Ended with the new configuration: %s", problem->text) < 0)
			text = NULL;
		changes->told("ended", text ? text : problem->text, NULL, NULL, NULL,
		              changes->userdata);
	}
	return dropped > 0;
}

void changes_settle(struct changes *changes, const struct outcome *outcome)
{
	if (outcome_in_force(outcome))
		changes->fallback = outcome->fallback;
	if (outcome_in_force(outcome) && changes->enforcement->policy &&
	    drop_unbound(changes, outcome))
		keeping_save(changes->keeping, false);
	arm(changes);
}

void changes_follow(struct changes *changes)
{
	struct outcome outcome;

	enforcement_rebind(changes->enforcement, list_of(changes), NULL, &outcome);
	bool dropped = outcome_in_force(&outcome) && changes->enforcement->policy &&
	               drop_unbound(changes, &outcome);
	if (dropped)
		keeping_save(changes->keeping, false);
	changes->told(NULL, NULL, NULL, NULL, &outcome, changes->userdata);
	outcome_done(&outcome);
	arm(changes);
}

void changes_keep(struct changes *changes)
{
	(void)keeping_save(changes->keeping, false);
}

static void on_due(void *userdata)
{
	changes_follow(userdata);
}

static void on_kept(bool list, void *userdata)
{
	struct changes *changes = userdata;
	if (list)
		changes_follow(changes);
	else
		changes->told(NULL, NULL, NULL, NULL, NULL, changes->userdata);
}

int changes_new(sd_event *event, struct enforcement *enforcement, struct health *health,
                const char *directory, changes_told_t told, void *userdata,
                struct changes **ret_changes)
{
	_cleanup_(changes_freep) struct changes *changes = calloc(1, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	changes->enforcement = enforcement;
	changes->told = told;
	changes->userdata = userdata;
	int r = expiry_new(event, on_due, changes, &changes->expiry);
	if (r >= 0)
		r = keeping_new(event, enforcement, health, directory, on_kept, changes,
		                &changes->keeping);
	if (r < 0)
		return r;
	*ret_changes = TAKE_POINTER(changes);
	return 0;
}

struct changes *changes_free(struct changes *changes)
{
	if (!changes)
		return NULL;
	expiry_free(changes->expiry);
	keeping_free(changes->keeping);
	free(changes);
	return NULL;
}

int changes_restore(struct changes *changes)
{
	return keeping_restore(changes->keeping);
}

void changed_done(struct changed *changed)
{
	outcome_done(&changed->outcome);
	request_done(&changed->replaced);
	*changed = (struct changed){};
}

/*
 * The list as it is to be: without one that is in it (or NULL), and with one that comes (or NULL),
 * whose id is then known. The strings stay where they are: of the two lists only one is kept, and
 * the room of the other is let go by ARRAY_DONE(). 0, -ENOMEM or -ENOSPC.
 */
static int make_next(const struct requests *list, const struct request_entry *gone,
                     struct request_entry *comes, struct requests *ret_next)
{
	struct requests next = *list;
	memset(&next.list, 0, sizeof(next.list));
	if (ARRAY_RESERVE(&next.list, list->list.count + 1) < 0)
		return -ENOMEM;
	ARRAY_FOREACH (request, &list->list)
		if (request != gone)
			next.list.items[next.list.count++] = *request;
	struct request_entry copy = comes ? *comes : (struct request_entry){};
	int r = comes ? requests_append(&next, &copy) : 0;
	if (r < 0) {
		ARRAY_DONE(&next.list);
		return r;
	}
	if (comes)
		comes->id = copy.id;
	*ret_next = next;
	return 0;
}

/* What was asked for is in force: the list is the next one. */
static void use_next(struct requests *list, const struct requests *next)
{
	ARRAY_DONE(&list->list);
	*list = *next;
}

static void fail(struct changed *changed, int error)
{
	changed->outcome.result = LOAD_FAILED;
	changed->outcome.error = error;
}

/* True when the request may be put in force; else the outcome says why not. */
static bool check(struct changes *changes, const struct request_entry *request,
                  struct changed *changed)
{
	int r = request_check(changes->enforcement->policy, request, &changed->outcome.problems);
	if (r < 0)
		fail(changed, r);
	else if (!problems_empty(&changed->outcome.problems))
		changed->outcome.result = LOAD_REJECTED;
	return changed->outcome.result == LOAD_DONE;
}

/*
 * What forbids something is kept at once, whatever happens to the machine; and so is that it is
 * over, or that a permit is. An assignment has no time to wait for a disk.
 */
static bool is_durable(const struct request_entry *request, bool removed)
{
	switch (request->kind) {
	case REQUEST_ASSIGN:
		return false;
	case REQUEST_PERMIT:
	case REQUEST_PICKUP:
		return removed;
	case REQUEST_QUARANTINE:
		return true;
	}
	abort(); /* no other value is ever made */
}

static void keep(struct changes *changes, const struct request_entry *request, bool removed,
                 struct changed *changed)
{
	usec_t started = clock_monotonic();
	changed->kept = keeping_save(changes->keeping, is_durable(request, removed));
	changed->keeping_milliseconds = clock_milliseconds(&started);
}

/* Events are called so, when one comes and when it is taken back; and what happened to it. */
struct words_of_kind {
	const char *comes, *came, *goes;
};

static struct words_of_kind words_of(enum request_kind kind)
{
	switch (kind) {
	case REQUEST_ASSIGN:
		return (struct words_of_kind){"assign", "Assigned", "unassign"};
	case REQUEST_PERMIT:
		return (struct words_of_kind){"permit", "Permitted", "revoke"};
	case REQUEST_QUARANTINE:
		return (struct words_of_kind){CHANGE_QUARANTINE, "Put in force", CHANGE_RELEASE};
	case REQUEST_PICKUP:
		return (struct words_of_kind){"pickup", "Opened", "pickup"};
	}
	abort(); /* no other value is ever made */
}

void changes_add(struct changes *changes, struct request_entry *request, uint64_t seconds,
                 struct changed *ret_changed)
{
	struct requests *requests = list_of(changes);
	struct changed changed = {};

	request->since = now_of(changes);
	request->until = seconds ? request->since + seconds * USEC_PER_SEC : 0;
	if (!check(changes, request, &changed)) {
		*ret_changed = changed;
		return;
	}

	struct request_entry *before = requests_before(requests, request);
	struct request_entry replaced = before ? *before : (struct request_entry){};
	uint64_t id = request->id;
	struct requests next = {};
	int r = make_next(requests, before, request, &next);
	if (r < 0)
		fail(&changed, r);
	else
		enforcement_rebind(changes->enforcement, &next,
		                   &next.list.items[next.list.count - 1], &changed.outcome);

	if (r == 0 && outcome_in_force(&changed.outcome)) {
		use_next(requests, &next);
		*request =
		        (struct request_entry){.id = request->id}; /* its strings are the list's */
		changed.replaced = replaced;
		changed.request = &requests->list.items[requests->list.count - 1];
		keep(changes, changed.request, false, &changed);
		struct words_of_kind words = words_of(changed.request->kind);
		tell(changes, words.comes, words.came, changed.request, NULL, &changed.outcome,
		     &changed.outcome);
	} else {
		ARRAY_DONE(&next.list);
		request->id = id;
		changes->told(NULL, NULL, NULL, NULL, &changed.outcome, changes->userdata);
	}
	arm(changes); /* what could not be verified is tried again */
	*ret_changed = changed;
}

void changes_remove(struct changes *changes, const struct request_entry *request,
                    const struct person *by, struct request_entry *ret_removed,
                    struct changed *ret_changed)
{
	struct requests *requests = list_of(changes);
	struct changed changed = {};
	struct request_entry removed = *request;
	struct requests next = {};

	int r = make_next(requests, request, NULL, &next);
	if (r < 0)
		fail(&changed, r);
	else
		enforcement_rebind(changes->enforcement, &next, &removed, &changed.outcome);
	if (r == 0 && outcome_in_force(&changed.outcome)) {
		char done[128];
		use_next(requests, &next);
		snprintf(done, sizeof(done), "Taken back by %s (uid %" PRIu32 ")", by->user,
		         by->uid);
		keeping_note_gone(changes->keeping, &removed);
		keep(changes, &removed, true, &changed);
		tell(changes, words_of(removed.kind).goes, done, &removed, by, &changed.outcome,
		     &changed.outcome);
		*ret_removed = removed;
	} else {
		ARRAY_DONE(&next.list);
		changes->told(NULL, NULL, NULL, NULL, &changed.outcome, changes->userdata);
	}
	arm(changes);
	*ret_changed = changed;
}
