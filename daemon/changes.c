/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "changes.h"

#include "expiry.h"
#include "journal.h"
#include "policy/runtime.h"
#include "requests_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct changes {
	struct enforcement *enforcement;
	struct health *health;
	const char *directory;
	changes_told_t told;
	void *userdata;
	struct expiry *expiry;
	sd_event *event;          /* borrowed */
	sd_event_source *keeping; /* the next time that the list is written; NULL: none is set */
	bool hardening;           /* and then it is to be brought to the disk */
	bool fallback;            /* the policy in force is older than the requests may be */
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
	}
	if (request->until)
		fprintf(out, ", until %s", utc_print(request->until, end));
	fprintf(out, ", by %s (uid %" PRIu32 ")", request->user, request->uid);
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
                 const struct request_entry *request, const struct outcome *flows,
                 const struct outcome *outcome)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out) {
		changes->told(kind, done, request, outcome, changes->userdata);
		return;
	}
	fprintf(out, "%s: ", done);
	print_request(request, out);
	if (flows)
		print_flows(flows, out);
	if (fclose(out) != 0)
		changes->told(kind, done, request, outcome, changes->userdata);
	else
		changes->told(kind, text, request, outcome, changes->userdata);
}

/* Writes the list into the state directory; false when it could not be, which is then a fault. */
static bool write_list(struct changes *changes, bool durable)
{
	list_of(changes)->as_of = now_of(changes);
	int r = requests_file_write(changes->directory, list_of(changes), durable);
	if (r == 0) {
		health_clear(changes->health, FAULT_STATE);
		return true;
	}
	bool known = changes->health->faults[FAULT_STATE];
	health_fault(
	        changes->health, FAULT_STATE,
	        "assignments, permits and quarantines are in force, and will be lost at a restart: "
	        "%s/" REQUESTS_FILE_NAME " cannot be written (%s)",
	        changes->directory, strerror(-r));
	if (!known)
		journal(LOG_WARNING,
		        "%s/" REQUESTS_FILE_NAME
		        " cannot be written (%s): assignments, permits and "
		        "quarantines are in force, and will be lost at a restart",
		        changes->directory, strerror(-r));
	return false;
}

#define HARDEN_AFTER (100 * USEC_PER_MSEC)
#define KEEP_AT_MOST (60 * USEC_PER_SEC)
#define KEEP_LEAST   (1 * USEC_PER_SEC)
#define KEEP_AGAIN   (5 * USEC_PER_SEC) /* after a failure */

static int on_keep(sd_event_source *source, uint64_t now, void *userdata);

/* Writes the list anew, in a while. */
static int keep_in(struct changes *changes, usec_t span)
{
	changes->keeping = sd_event_source_unref(changes->keeping);
	return sd_event_add_time_relative(changes->event, &changes->keeping, CLOCK_MONOTONIC, span,
	                                  span / 10, on_keep, changes);
}

/*
 * What is to end is kept anew now and then, with the time: should the machine's clock be behind at
 * the next start, no request gets back much of the time that it had already.
 */
static void keep_time(struct changes *changes)
{
	usec_t next = requests_next_end(list_of(changes)), now = now_of(changes);
	usec_t span = next > now ? (next - now) / 8 : 0;
	if (!next)
		return;
	if (span > KEEP_AT_MOST)
		span = KEEP_AT_MOST;
	(void)keep_in(changes, span < KEEP_LEAST ? KEEP_LEAST : span);
}

static int on_keep(sd_event_source *source, uint64_t now, void *userdata)
{
	struct changes *changes = userdata;
	bool fault = changes->health->faults[FAULT_STATE];
	/* It takes the place of one that is on the disk already. */
	bool done = write_list(changes, true);
	changes->hardening = !done;
	changes->keeping = sd_event_source_unref(changes->keeping);
	if (done)
		keep_time(changes);
	else
		(void)keep_in(changes, KEEP_AGAIN);
	if (fault == done)
		changes->told(NULL, NULL, NULL, NULL, changes->userdata);
	return 0;
}

/*
 * Keeps the list: it outlives the daemon from now on, and a loss of power some time later. A disk
 * may take twenty times as long for that as the kernel does for the change, and who asks for a
 * thousand changes need not wait a thousand times.
 */
static bool save(struct changes *changes)
{
	if (!write_list(changes, false)) {
		changes->hardening = keep_in(changes, KEEP_AGAIN) >= 0;
		return false;
	}
	if (changes->hardening)
		return true;
	changes->hardening = keep_in(changes, HARDEN_AFTER) >= 0;
	return changes->hardening || write_list(changes, true);
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
			tell(changes, "ended", "Ended", request, left ? NULL : outcome, NULL);
		request_done(request);
	}
	requests->list.count = kept;
	if (changes->fallback)
		return dropped > 0;
	ARRAY_FOREACH (problem, &outcome->over.list) {
		_cleanup_free_ char *text = NULL;
		if (asprintf(&text, "Ended with the new configuration: %s", problem->text) < 0)
			text = NULL;
		changes->told("ended", text ? text : problem->text, NULL, NULL, changes->userdata);
	}
	return dropped > 0;
}

void changes_settle(struct changes *changes, const struct outcome *outcome)
{
	if (outcome->result == LOAD_DONE)
		changes->fallback = outcome->fallback;
	if (outcome->result == LOAD_DONE && drop_unbound(changes, outcome))
		save(changes);
	arm(changes);
}

/* Something has ended: the kernel may have seen to that already, but its flows go on. */
static void on_due(void *userdata)
{
	struct changes *changes = userdata;
	struct outcome outcome;

	enforcement_rebind(changes->enforcement, NULL, &outcome);
	bool dropped = outcome.result == LOAD_DONE && changes->enforcement->policy &&
	               drop_unbound(changes, &outcome);
	if (dropped)
		save(changes);
	changes->told(NULL, NULL, NULL, &outcome, changes->userdata);
	outcome_done(&outcome);
	arm(changes);
}

int changes_new(sd_event *event, struct enforcement *enforcement, struct health *health,
                const char *directory, changes_told_t told, void *userdata,
                struct changes **ret_changes)
{
	_cleanup_(changes_freep) struct changes *changes = calloc(1, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	changes->event = event;
	changes->enforcement = enforcement;
	changes->health = health;
	changes->directory = directory;
	changes->told = told;
	changes->userdata = userdata;
	int r = expiry_new(event, on_due, changes, &changes->expiry);
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
	if (changes->hardening || requests_next_end(list_of(changes)))
		write_list(changes, true);
	sd_event_source_unref(changes->keeping);
	free(changes);
	return NULL;
}

void changes_restore(struct changes *changes)
{
	struct requests *requests = list_of(changes);
	_cleanup_free_ char *text = NULL;

	int r = requests_file_read(changes->directory, now_of(changes), requests, &text);
	if (r == 0) {
		ARRAY_FOREACH (request, &requests->list)
			lasting_clock_floor(&changes->enforcement->clock, request->since);
		lasting_clock_floor(&changes->enforcement->clock, requests->as_of);
		if (requests_next_end(requests))
			(void)keep_in(changes, HARDEN_AFTER);
		return;
	}
	health_fault(changes->health, FAULT_REQUESTS,
	             "%s; this is said until egressd is started again",
	             r < 0 ? strerror(-r) : text);
	journal(LOG_ERR, "%s", r < 0 ? strerror(-r) : text);
}

void changed_done(struct changed *changed)
{
	outcome_done(&changed->outcome);
	*changed = (struct changed){};
}

/* Takes one out of the list, without releasing it; and puts one there. */
static struct request_entry take(struct requests *requests, size_t at)
{
	struct request_entry *items = requests->list.items;
	struct request_entry taken = items[at];
	memmove(&items[at], &items[at + 1], (--requests->list.count - at) * sizeof(*items));
	return taken;
}

/* Where another was taken before, so that there is room. */
static void put_back(struct requests *requests, size_t at, struct request_entry taken)
{
	struct request_entry *items = requests->list.items;
	memmove(&items[at + 1], &items[at], (requests->list.count++ - at) * sizeof(*items));
	items[at] = taken;
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

static void keep(struct changes *changes, struct changed *changed)
{
	usec_t started = clock_monotonic();
	changed->kept = save(changes);
	changed->keeping_milliseconds =
	        (double)(clock_monotonic() - started) / (double)USEC_PER_MSEC;
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
	}
	abort(); /* no other value is ever made */
}

void changes_add(struct changes *changes, struct request_entry *request, uint64_t seconds,
                 struct changed *ret_changed)
{
	struct requests *requests = list_of(changes);
	struct changed changed = {};
	struct request_entry replaced = {};

	request->since = now_of(changes);
	request->until = seconds ? request->since + seconds * USEC_PER_SEC : 0;
	if (!check(changes, request, &changed)) {
		*ret_changed = changed;
		return;
	}

	struct request_entry *before = requests_before(requests, request);
	size_t at = before ? (size_t)(before - requests->list.items) : 0;
	if (before)
		replaced = take(requests, at);
	int r = requests_add(requests, request);
	if (r < 0)
		fail(&changed, r);
	else
		enforcement_rebind(changes->enforcement,
		                   &requests->list.items[requests->list.count - 1],
		                   &changed.outcome);

	if (changed.outcome.result == LOAD_DONE) {
		request_done(&replaced);
		changed.request = &requests->list.items[requests->list.count - 1];
		keep(changes, &changed);
		struct words_of_kind words = words_of(changed.request->kind);
		tell(changes, words.comes, words.came, changed.request, &changed.outcome,
		     &changed.outcome);
		arm(changes);
	} else {
		if (r == 0)
			*request = take(requests, requests->list.count - 1);
		if (before)
			put_back(requests, at, replaced);
		changes->told(NULL, NULL, NULL, &changed.outcome, changes->userdata);
	}
	*ret_changed = changed;
}

void changes_remove(struct changes *changes, const struct request_entry *request,
                    const struct revoker *revoker, struct request_entry *ret_removed,
                    struct changed *ret_changed)
{
	struct requests *requests = list_of(changes);
	struct changed changed = {};
	size_t at = (size_t)(request - requests->list.items);
	struct request_entry removed = take(requests, at);

	enforcement_rebind(changes->enforcement, &removed, &changed.outcome);
	if (changed.outcome.result == LOAD_DONE) {
		char done[128];
		snprintf(done, sizeof(done), "Taken back by %s (uid %" PRIu32 ")", revoker->user,
		         revoker->uid);
		keep(changes, &changed);
		tell(changes, words_of(removed.kind).goes, done, &removed, &changed.outcome,
		     &changed.outcome);
		*ret_removed = removed;
		arm(changes);
	} else {
		put_back(requests, at, removed);
		changes->told(NULL, NULL, NULL, &changed.outcome, changes->userdata);
	}
	*ret_changed = changed;
}
