/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loading.h"

#include "base/place.h"
#include "clock.h"
#include "copies.h"
#include "expiry.h"
#include "journal.h"
#include "last_good.h"
#include "policy/warnings.h"
#include "policy/weakening.h"
#include "report.h"
#include "table_origin.h"
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

struct loading {
	const char *file;
	const char *directory;
	struct enforcement *enforcement;
	struct health *health;
	struct server *server;
	struct loading_hooks hooks;
	struct watch *watch;
	struct last_good *last_good;
	struct expiry *retry;
	bool started;
	char origin[sizeof(((struct policy *)NULL)->digest)]; /* the policy that is noted */
	char tampering[TAMPERING_TEXT_MAX];
	struct problems weakened; /* what the last change of the policy took away */
	char *revert;             /* the command that takes that change back */
	char stronger[sizeof(((struct policy *)NULL)->digest)]; /* the policy before that change */
	bool unfinished;
	bool standing;
};

static void on_change(void *userdata)
{
	loading_reload(userdata);
}

static void on_kept(void *userdata)
{
	const struct loading *loading = userdata;
	loading->hooks.settled(loading->hooks.userdata);
}

/* The command for an administrator: words that are the default are left out. */
static int make_revert(struct loading *loading)
{
	if (strcmp(loading->directory, EGRESSD_STATE) == 0 &&
	    strcmp(loading->file, EGRESSD_CONFIG) == 0)
		loading->revert = strdup("egressctl restore");
	else if (asprintf(&loading->revert, "egressctl restore %s %s", loading->directory,
	                  loading->file) < 0)
		loading->revert = NULL;
	return loading->revert ? 0 : -ENOMEM;
}

int loading_new(sd_event *event, const char *file, const char *directory,
                struct enforcement *enforcement, struct health *health, struct server *server,
                const struct loading_hooks *hooks, struct loading **ret_loading)
{
	_cleanup_(loading_freep) struct loading *loading = calloc(1, sizeof(*loading));
	if (!loading)
		return -ENOMEM;
	loading->file = file;
	loading->directory = directory;
	loading->enforcement = enforcement;
	loading->health = health;
	loading->server = server;
	loading->hooks = *hooks;

	int r = make_revert(loading);
	if (r >= 0)
		r = expiry_new(event, on_change, loading, &loading->retry);
	if (r >= 0)
		r = last_good_new(event, directory, health, on_kept, on_change, loading,
		                  &loading->last_good);
	if (r >= 0)
		r = watch_new(event, on_change, loading, &loading->watch);
	if (r < 0)
		return r;
	*ret_loading = TAKE_POINTER(loading);
	return 0;
}

struct loading *loading_free(struct loading *loading)
{
	if (!loading)
		return NULL;
	watch_free(loading->watch);
	last_good_free(loading->last_good);
	expiry_free(loading->retry);
	problems_done(&loading->weakened);
	free(loading->revert);
	free(loading);
	return NULL;
}

static void watch_paths(struct loading *loading, const struct source_paths *paths)
{
	int r = watch_set(loading->watch, (const char *const *)paths->files.items,
	                  paths->files.count, (const char *const *)paths->directories.items,
	                  paths->directories.count);
	if (r >= 0)
		watch_were_read(loading->watch, (const char *const *)paths->files.items,
		                paths->states.items, paths->files.count);
	if (r == 0)
		health_clear(loading->health, FAULT_WATCH);
	else
		health_fault(loading->health, FAULT_WATCH,
		             "changes of the configuration are noticed late or not at all; use "
		             "`egressctl reload`");
}

/* One that has ended meanwhile is in the table still, where no daemon took it away. */
static bool any_ended(struct enforcement *enforcement)
{
	usec_t now = lasting_clock_now(&enforcement->clock);
	ARRAY_FOREACH (request, &enforcement->requests.list)
		if (request->until && request->until <= now)
			return true;
	return false;
}

/* The table is that of the policy in force now; and what is found at a start, was it before? */
static void note_origin(struct loading *loading, const struct outcome *outcome)
{
	const struct policy *policy = loading->enforcement->policy;
	if (outcome->result != LOAD_DONE)
		return;
	if (!loading->started && outcome->inherited && outcome->tampering[0] &&
	    !any_ended(loading->enforcement) && table_origin_is(loading->directory, policy->digest))
		memcpy(loading->tampering, outcome->tampering, sizeof(loading->tampering));
	loading->started = true;
	if (strcmp(loading->origin, policy->digest) == 0)
		return;
	table_origin_note(loading->directory, policy->digest);
	memcpy(loading->origin, policy->digest, sizeof(loading->origin));
}

/* Compares both policies, on the interfaces that exist. */
static void compare(struct loading *loading, const struct policy *before,
                    const struct policy *after)
{
	ARRAY(const char *) names = {};
	struct if_nameindex *interfaces = if_nameindex();
	for (const struct if_nameindex *at = interfaces; at && at->if_name; at++) {
		const char **name = ARRAY_ADD(&names);
		if (name)
			*name = at->if_name;
	}
	policy_weakening(before, after, (struct interface_names){names.items, names.count},
	                 loading->revert, &loading->weakened);
	ARRAY_DONE(&names);
	if (interfaces)
		if_freenameindex(interfaces);
}

/*
 * What the change takes away, against the policy that was in force, or at a start against the last
 * copy. It is reported again for as long as the files stay the same: inotify is often faster than
 * the administrator who then asks for a reload. A change that goes back to the policy before such a
 * change is no such change itself.
 */
static void find_weakened(struct loading *loading, const struct policy *replaced)
{
	const struct policy *policy = loading->enforcement->policy;
	_cleanup_(policy_freep) struct policy *other = NULL;
	if (replaced && strcmp(replaced->digest, policy->digest) == 0)
		return;
	if (!replaced)
		replaced = other = last_good_other(loading->last_good, policy);
	problems_done(&loading->weakened);
	if (replaced && strcmp(loading->stronger, policy->digest) != 0)
		compare(loading, replaced, policy);
	loading->stronger[0] = '\0';
	if (replaced && !problems_empty(&loading->weakened))
		memcpy(loading->stronger, replaced->digest, sizeof(loading->stronger));
}

/*
 * The one way in which a configuration comes into force, whoever asked for it. False when that is
 * nothing to speak of: a file that was only touched.
 */
static bool take_up(struct loading *loading, const struct policy_origin *origin,
                    struct outcome *ret_outcome)
{
	const struct loading_hooks *hooks = &loading->hooks;
	struct enforcement *enforcement = loading->enforcement;
	struct policy *replaced;

	enforcement_load(enforcement, origin, hooks->prepare, hooks->userdata, &replaced,
	                 ret_outcome);
	if (outcome_in_force(ret_outcome)) {
		if (!origin->snapshot)
			find_weakened(loading, replaced);
		policy_warnings(enforcement->policy, &ret_outcome->warnings);
		problems_put_first(&ret_outcome->warnings, &loading->weakened);
		report_warnings_health(loading->health, loading->file, &ret_outcome->warnings);
		report_helpers_health(loading->health, enforcement->policy);
		loading->standing = false;
	} else if (enforcement->policy) /* not for the candidate */
		hooks->prepare(enforcement->policy, hooks->userdata);
	bool same = ret_outcome->result == LOAD_DONE && replaced && !ret_outcome->changed &&
	            strcmp(replaced->digest, enforcement->policy->digest) == 0;
	ret_outcome->fallback = origin->snapshot != NULL;
	note_origin(loading, ret_outcome);
	report_commit_health(loading->health, ret_outcome);
	hooks->use_policy(ret_outcome, hooks->userdata);
	last_good_forget(loading->last_good, replaced);
	policy_free(replaced);
	malloc_trim(0); /* what only the change needed goes back to the system */
	return !same;
}

/* From its files. */
static void load(struct loading *loading, struct outcome *ret_outcome)
{
	struct enforcement *enforcement = loading->enforcement;
	struct source_paths paths = {};
	const struct policy_origin origin = {
	        .file = loading->file,
	        .copy = last_good_begin(loading->last_good),
	        .paths = &paths,
	};

	watch_is_read(loading->watch);
	bool news = take_up(loading, &origin, ret_outcome);
	bool done = ret_outcome->result == LOAD_DONE;
	last_good_end(loading->last_good, done ? enforcement->policy : NULL, enforcement->loaded);
	bool known = loading->unfinished;
	/* What is not verified is no last good one yet; it is once it could be verified. */
	loading->unfinished =
	        (ret_outcome->result != LOAD_DONE && ret_outcome->result != LOAD_REJECTED) ||
	        ret_outcome->flows_error;
	expiry_until_done(loading->retry, !loading->unfinished);
	report_configuration_health(loading->health, loading->file, ret_outcome);
	watch_paths(loading, &paths);
	source_paths_done(&paths);
	if (news && !(known && loading->unfinished))
		report_load(loading->server, enforcement, ret_outcome);
	loading->hooks.settled(loading->hooks.userdata);
}

void loading_again(struct loading *loading, struct outcome *ret_outcome)
{
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic());
	load(loading, ret_outcome);
	sd_notify(false, "READY=1");
}

void loading_reload(struct loading *loading)
{
	struct outcome outcome;
	loading_again(loading, &outcome);
	outcome_done(&outcome);
}

/* The copy is not used, and why; the reasons of several copies are joined. */
__attribute__((format(printf, 2, 3))) static void add_reason(char **reasons, const char *format,
                                                             ...)
{
	char *text, *all;
	va_list arguments;
	va_start(arguments, format);
	int r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0)
		return;
	if (*reasons && asprintf(&all, "%s; %s", *reasons, text) >= 0) {
		free(*reasons);
		free(text);
		text = all;
	} else {
		free(*reasons);
	}
	*reasons = text;
}

/* Why a configuration is not in force, with the line where that is known. */
static void add_outcome(char **reasons, const char *what, const struct outcome *outcome)
{
	const struct problem *first = outcome->problems.list.items;
	const struct location *at = &outcome->applied.refusal.at;
	_cleanup_free_ char *reason = NULL;
	char sentence[OUTCOME_TEXT_MAX];
	int r;

	/* What became of its table is told by what is enforced in the end. */
	bool unverified = outcome->result == LOAD_UNVERIFIED;
	const char *text =
	        unverified ? outcome->applied.refusal.text : outcome_text(outcome, sentence);
	if (outcome->result == LOAD_REJECTED)
		r = first ? asprintf(&reason, "%s has mistakes; the first is %s:%u: %s", what,
		                     first->file, first->line, first->text)
		          : asprintf(&reason, "%s could not be read: %s", what, strerror(ENOMEM));
	else if (outcome->result != LOAD_FAILED && at->file && strcmp(what, at->file) == 0)
		r = asprintf(&reason, "%s:%u: %s", at->file, at->line, text);
	else if (outcome->result != LOAD_FAILED && at->file)
		r = asprintf(&reason, "%s: %s:%u: %s", what, at->file, at->line, text);
	else
		r = asprintf(&reason, "%s: %s", what, text);
	if (r < 0)
		reason = NULL;
	else
		add_reason(reasons, "%s", reason);
}

/* Says which copy is in force, until when, and of the one before also why it is not the last one.
 */
static void report_copy(struct loading *loading, enum copy copy, usec_t kept, bool rejected,
                        const char *why)
{
	const char *until =
	        rejected ? "there is one without mistakes" : "the one on disk can be put in force";
	const char *which = copy == COPY_LAST ? "last" : "last but one";
	char time[UTC_TEXT_MAX];
	utc_print(kept, time);
	health_fault(loading->health, FAULT_POLICY,
	             "the %s good configuration is in force, that of %s (%s/%s), until %s%s%s",
	             which, time, loading->directory, copy_name(copy), until, why ? "; " : "",
	             why ? why : "");
	journal(LOG_WARNING, "The %s good configuration is in force, that of %s (%s/%s)%s%s", which,
	        time, loading->directory, copy_name(copy), why ? "; " : "", why ? why : "");
}

/*
 * The configuration as it was when that copy was made. True when it is in force and verified; else
 * the reason is added to *why, unless there is no such copy.
 */
static bool load_copy(struct loading *loading, enum copy copy, bool rejected, char **why)
{
	_cleanup_(kept_done) struct kept kept = {};
	_cleanup_free_ char *wrong = NULL;
	const struct policy_origin origin = {.snapshot = &kept.snapshot};
	struct outcome outcome;
	char time[UTC_TEXT_MAX], sentence[128];

	int r = copy_read(loading->directory, copy, &kept, &wrong);
	if (r == -ENOENT)
		return false;
	if (r != 0) {
		add_reason(why, "%s",
		           wrong ? wrong : strerror(r < 0 ? -r : ENOMEM)); /* STATE_FILE_BROKEN */
		return false;
	}
	(void)take_up(loading, &origin, &outcome);
	bool done = outcome.result == LOAD_DONE;
	if (done) {
		report_copy(loading, copy, kept.snapshot.time, rejected, *why);
	} else {
		utc_print(kept.snapshot.time, time);
		snprintf(sentence, sizeof(sentence), "the good configuration of %s (%s)", time,
		         copy_name(copy));
		add_outcome(why, sentence, &outcome);
		journal(LOG_ERR, "The good configuration of %s (%s/%s) %s", time,
		        loading->directory, copy_name(copy),
		        outcome_in_force(&outcome) ? "is enforced, but not verified"
		                                   : "did not come into force");
		report_load(loading->server, loading->enforcement, &outcome);
	}
	outcome_done(&outcome);
	return done;
}

/*
 * The newest configuration that was good, for a start at which that on disk is not. True when it is
 * in force and verified; else *why says as well why none is.
 */
static bool load_last_good(struct loading *loading, bool rejected, char **why)
{
	_cleanup_free_ char *reasons = NULL;
	for (enum copy copy = COPY_LAST; copy < COPY_COUNT; copy++) {
		if (load_copy(loading, copy, rejected, &reasons))
			return true;
		last_good_distrust(loading->last_good);
	}
	if (reasons)
		add_reason(why, "%s", reasons);
	return false;
}

/* What is enforced since a start at which no configuration could be put in force and verified. */
static const char *standing_text(const struct loading *loading, const struct outcome *outcome)
{
	const struct enforcement *enforcement = loading->enforcement;
	if (loading->standing)
		return "the table of an earlier run is what is enforced";
	if (enforcement->policy)
		return "the last configuration that the kernel took is enforced, but not verified";
	return outcome->unverified
	               ? "nothing is forwarded until there is one, which could not be verified"
	               : "nothing is forwarded until there is one";
}

/* Without a policy: the table of an earlier run goes on enforcing, else nothing is forwarded. */
static int close_gateway(struct loading *loading, const char *why)
{
	const struct loading_hooks *hooks = &loading->hooks;
	struct enforcement *enforcement = loading->enforcement;
	struct policy *replaced;
	struct outcome outcome;
	char sentence[OUTCOME_TEXT_MAX];

	hooks->prepare(NULL, hooks->userdata);
	enforcement_close(enforcement, &loading->standing, &replaced, &outcome);
	if (replaced) {
		hooks->use_policy(&outcome, hooks->userdata);
		last_good_forget(loading->last_good, replaced);
		policy_free(replaced);
	}
	/* A policy that nobody has verified stays enforced where the gateway cannot be closed. */
	bool decided = outcome_in_force(&outcome) || enforcement->policy;
	int r = decided ? 0 : outcome.error ? outcome.error : -EIO;

	if (!outcome_in_force(&outcome))
		journal(LOG_CRIT, "The gateway could not be closed: %s",
		        outcome_text(&outcome, sentence));
	else if (loading->standing)
		journal(LOG_WARNING, "The table of an earlier run stays and is enforced");
	else
		journal(LOG_CRIT, "No policy is in force: nothing is forwarded until there is one");
	if (outcome.result != LOAD_DONE)
		report_commit_health(loading->health, &outcome);
	else if (enforcement->closed)
		health_clear(loading->health, FAULT_KERNEL);
	health_fault(loading->health, FAULT_POLICY, "no configuration is in force%s%s, so %s",
	             why ? "; " : "", why ? why : "", standing_text(loading, &outcome));
	outcome_done(&outcome);
	return r;
}

int loading_start(struct loading *loading)
{
	_cleanup_free_ char *why = NULL;
	struct outcome outcome;

	load(loading, &outcome);
	bool done = outcome.result == LOAD_DONE, rejected = outcome.result == LOAD_REJECTED;
	if (!done)
		add_outcome(&why, loading->file, &outcome);
	bool kept = done || load_last_good(loading, rejected, &why);
	int r = kept ? 0 : close_gateway(loading, why);
	/* It was enforced for a while, unverified, and something else is by now. */
	if (!done && outcome.result == LOAD_UNVERIFIED && (kept || !loading->enforcement->policy))
		health_fault(loading->health, FAULT_CONFIG,
		             "the configuration on disk is not in force: %s; this is tried again",
		             outcome.applied.refusal.text);
	outcome_done(&outcome);
	if (done)
		return 0;
	if (r >= 0)
		loading->hooks.settled(loading->hooks.userdata);
	return r;
}

bool loading_is_unfinished(const struct loading *loading)
{
	return loading->unfinished;
}

bool loading_is_standing(const struct loading *loading)
{
	return loading->standing;
}

const char *loading_tampering(const struct loading *loading)
{
	return loading->tampering[0] ? loading->tampering : NULL;
}
