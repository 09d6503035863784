/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include "clock.h"
#include "guard.h"
#include "journal.h"
#include "methods.h"
#include "replies.h"
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

/* Everything that runs; known to this file alone. */
struct daemon {
	const struct options *options;
	sd_event *event;
	struct enforcement enforcement;
	struct health health;
	struct events *events;
	struct watch *watch;
	struct guard *guard;
	struct server *server;
	struct control control;
	bool standing; /* no policy could be read, but a table from before enforces one */
};

static void publish(struct daemon *daemon, const char *kind, json_t *attempt, const char *text)
{
	server_publish(daemon->server,
	               json_pack("{ss sI so so}", "kind", kind, "time",
	                         (json_int_t)clock_realtime(), "attempt",
	                         attempt ? attempt : json_null(), "text", reply_string(text)));
}

/* One sentence about how things are, for systemd and for people. */
static const char *describe(const struct daemon *daemon, char *buffer, size_t size)
{
	const struct policy *policy = daemon->enforcement.policy;
	const char *state = state_name(daemon->health.state);
	const char *fault = NULL;
	for (size_t i = 0; i < FAULT_COUNT && !fault; i++)
		fault = daemon->health.faults[i];

	if (policy)
		snprintf(buffer, size, "%s: %zu hosts in %zu roles%s%s", state, policy->hosts.count,
		         policy->roles.count, fault ? "; " : "", fault ? fault : "");
	else
		snprintf(buffer, size, "%s%s%s", state, fault ? ": " : "", fault ? fault : "");
	return buffer;
}

static void update_health(struct daemon *daemon)
{
	const struct policy *policy = daemon->enforcement.policy;
	char text[512];

	daemon->health.has_policy = policy || daemon->standing;
	daemon->health.audit = policy && policy->gateway.mode == MODE_AUDIT;
	bool changed = health_update(&daemon->health, clock_realtime());
	describe(daemon, text, sizeof(text));
	sd_notifyf(false, "STATUS=%s", text);
	if (changed) {
		journal(LOG_NOTICE, "State: %s", text);
		publish(daemon, "state", NULL, text);
	}
}

/* Before the commit, so that the first packet that the new table blocks is reported as well. */
static void listen_for_events(const struct policy *candidate, void *userdata)
{
	struct daemon *daemon = userdata;
	uint16_t group = candidate->gateway.nflog_group;

	int r = events_listen(daemon->events, group);
	if (r == EVENTS_GROUP_TAKEN)
		health_fault(&daemon->health, FAULT_EVENTS,
		             "NFLOG group %u is read by another program, so attempts are counted "
		             "but not listed; set gateway.nflog_group to a free one",
		             group);
	else if (r < 0)
		health_fault(&daemon->health, FAULT_EVENTS,
		             "NFLOG group %u cannot be read (%s), so attempts are counted but not "
		             "listed",
		             group, strerror(-r));
	else
		health_clear(&daemon->health, FAULT_EVENTS);
}

static void report(struct daemon *daemon, const struct outcome *outcome)
{
	const struct policy *policy = daemon->enforcement.policy;
	const struct standing *difference = &outcome->difference;
	const struct refusal *refusal = &outcome->applied.refusal;
	size_t mistakes = outcome->problems.list.count + outcome->problems.left_out;
	char text[256];

	switch (outcome->result) {
	case LOAD_DONE:
		snprintf(text, sizeof(text),
		         "Policy of %s in force: %zu hosts in %zu roles; elements +%zu -%zu, rules "
		         "+%zu -%zu; %zu flows cut, %zu kept; %.1f ms",
		         daemon->options->config, policy->hosts.count, policy->roles.count,
		         difference->elements_added, difference->elements_deleted,
		         difference->rules_added, difference->rules_deleted,
		         outcome->revocation.cut, outcome->revocation.kept, outcome->milliseconds);
		journal(LOG_INFO, "%s", text);
		publish(daemon, "reload", NULL, text);
		return;
	case LOAD_REJECTED:
		journal_problems(&outcome->problems);
		snprintf(text, sizeof(text), "%s has %zu %s and is not in force%s",
		         daemon->options->config, mistakes, mistakes == 1 ? "mistake" : "mistakes",
		         policy ? "; the policy from before stays" : "");
		journal(LOG_ERR, "%s", text);
		publish(daemon, "reload", NULL, text);
		return;
	case LOAD_REFUSED:
		journal_at(LOG_ERR, refusal->at, "%s", refusal->text);
		publish(daemon, "reload", NULL, refusal->text);
		return;
	case LOAD_FAILED:
		snprintf(text, sizeof(text), "%s could not be loaded: %s", daemon->options->config,
		         strerror(-outcome->error));
		journal(LOG_ERR, "%s", text);
		publish(daemon, "reload", NULL, text);
		return;
	}
}

/* What a commit says about our health, whatever it was made for. */
static void note_commit(struct daemon *daemon, const struct outcome *outcome)
{
	struct health *health = &daemon->health;

	switch (outcome->result) {
	case LOAD_DONE:
		health_clear(health, FAULT_KERNEL);
		break;
	case LOAD_REJECTED:
		return; /* there was none */
	case LOAD_REFUSED:
		health_fault(health, FAULT_KERNEL, "%s", outcome->applied.refusal.text);
		return;
	case LOAD_FAILED:
		health_fault(health, FAULT_KERNEL, "the last commit failed: %s",
		             strerror(-outcome->error));
		return;
	}

	if (outcome->revocation.forgotten)
		journal(LOG_WARNING, "More flows were cut than the kernel remembers: packets of "
		                     "some of them are "
		                     "going to count as attempts");
	if (outcome->flows_error)
		health_fault(
		        health, FAULT_FLOWS,
		        "the change could not be finished (%s), so "
		        "every packet is judged, which is slower; `egressctl reload` tries again",
		        strerror(-outcome->flows_error));
	else
		health_clear(health, FAULT_FLOWS);
	if (outcome->applied.foreign)
		health_fault(health, FAULT_FOREIGN,
		             "somebody keeps %zu objects of his own in table inet egressd; they "
		             "decide nothing, see `nft list table inet egressd`",
		             outcome->applied.foreign);
	else
		health_clear(health, FAULT_FOREIGN);
}

/* The same for the configuration that was loaded. */
static void note_configuration(struct daemon *daemon, const struct outcome *outcome)
{
	const struct problem *first = outcome->problems.list.items;

	if (outcome->result == LOAD_DONE) {
		health_clear(&daemon->health, FAULT_CONFIG);
		health_clear(&daemon->health, FAULT_POLICY);
	} else if (outcome->result == LOAD_REJECTED && first && first->line) {
		health_fault(&daemon->health, FAULT_CONFIG,
		             "the configuration on disk is not in force; first mistake: %s:%u: %s",
		             first->file, first->line, first->text);
	} else if (outcome->result == LOAD_REJECTED) {
		health_fault(&daemon->health, FAULT_CONFIG,
		             "the configuration on disk is not in force: %s: %s",
		             first ? first->file : daemon->options->config,
		             first ? first->text : "memory ran out");
	}
}

static void watch_paths(struct daemon *daemon, const struct source_paths *paths)
{
	int r = watch_set(daemon->watch, (const char *const *)paths->files.items,
	                  paths->files.count, (const char *const *)paths->directories.items,
	                  paths->directories.count);
	if (r == 0)
		health_clear(&daemon->health, FAULT_WATCH);
	else
		health_fault(&daemon->health, FAULT_WATCH,
		             "changes of the configuration are noticed late or not at all; use "
		             "`egressctl reload`");
}

/* The one way in which a configuration comes into force, whoever asked for it. */
static void load(struct daemon *daemon, struct outcome *ret_outcome)
{
	struct source_paths paths = {};
	struct policy *replaced;

	enforcement_load(&daemon->enforcement, listen_for_events, daemon, &paths, &replaced,
	                 ret_outcome);
	if (ret_outcome->result == LOAD_DONE)
		daemon->standing = false;
	else if (daemon->enforcement.policy)
		listen_for_events(daemon->enforcement.policy,
		                  daemon); /* not to the candidate's group */
	events_use_policy(daemon->events, daemon->enforcement.policy);
	/* A file that was only touched is nothing to speak of. */
	bool same = ret_outcome->result == LOAD_DONE && replaced && !ret_outcome->changed &&
	            strcmp(replaced->digest, daemon->enforcement.policy->digest) == 0;
	policy_free(replaced);

	note_configuration(daemon, ret_outcome);
	note_commit(daemon, ret_outcome);
	watch_paths(daemon, &paths);
	source_paths_done(&paths);
	if (!same)
		report(daemon, ret_outcome);
	update_health(daemon);
}

/* The same for a daemon that is ready; also when it is rejected, the reload is over then. */
static void load_again(void *userdata, struct outcome *ret_outcome)
{
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic());
	load(userdata, ret_outcome);
	sd_notify(false, "READY=1");
}

static void reload(void *userdata)
{
	struct outcome outcome;
	load_again(userdata, &outcome);
	outcome_done(&outcome);
}

/* Somebody else changed rules. When they were ours, they are put right, and it is said who it was.
 */
static enum guard_result on_foreign_change(const char *process, uint32_t pid, void *userdata)
{
	struct daemon *daemon = userdata;
	struct outcome outcome;

	enforcement_repair(&daemon->enforcement, &outcome);
	enum guard_result result = outcome.result != LOAD_DONE ? GUARD_FAILED
	                           : outcome.changed           ? GUARD_REPAIRED
	                                                       : GUARD_CALM;
	/* A failure is in the status; to repeat it at each try would fill the journal. */
	if (result == GUARD_REPAIRED ||
	    (result == GUARD_FAILED && !daemon->health.faults[FAULT_KERNEL])) {
		char text[256];
		const struct standing *difference = &outcome.difference;
		snprintf(text, sizeof(text),
		         "%s (pid %u) changed table inet egressd; %s: elements +%zu -%zu, rules "
		         "+%zu "
		         "-%zu, %.1f ms",
		         process[0] ? process : "somebody", pid,
		         result == GUARD_REPAIRED ? "it was put right"
		                                  : "it could not be put right",
		         difference->elements_added, difference->elements_deleted,
		         difference->rules_added, difference->rules_deleted, outcome.milliseconds);
		journal(LOG_WARNING, "%s", text);
		publish(daemon, "repair", NULL, text);
	}
	note_commit(daemon, &outcome);
	update_health(daemon);
	outcome_done(&outcome);
	return result;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	reload(userdata);
	return 0;
}

static void on_attempt(const struct ledger_entry *entry, void *userdata)
{
	struct daemon *daemon = userdata;
	if (server_streams(daemon->server) == 0)
		return;

	json_t *attempt = reply_blocked(entry, daemon->enforcement.policy);
	if (attempt)
		publish(daemon, "blocked", attempt, reason_name((enum reason)entry->key.reason));
}

/* Without a policy: the table of an earlier run goes on enforcing, else nothing is forwarded. */
static int close_gateway(struct daemon *daemon)
{
	struct outcome outcome;
	enforcement_close(&daemon->enforcement, &daemon->standing, &outcome);
	int r = outcome.result == LOAD_DONE ? 0 : outcome.error ? outcome.error : -EIO;

	if (r < 0)
		journal(LOG_CRIT, "The gateway could not be closed: %s%s", strerror(-r),
		        outcome.applied.refusal.text);
	else if (daemon->standing)
		journal(LOG_WARNING, "The table of an earlier run stays and is enforced");
	else
		journal(LOG_CRIT,
		        "No policy could be read: nothing is forwarded until there is one");
	outcome_done(&outcome);
	return r;
}

static int start_policy(struct daemon *daemon)
{
	struct outcome outcome;
	load(daemon, &outcome);
	bool in_force = outcome.result == LOAD_DONE;
	outcome_done(&outcome);
	if (!in_force) {
		int r = close_gateway(daemon);
		if (r < 0)
			return r;
		update_health(daemon);
	}
	sd_notify(false, "READY=1"); /* the kernel has the policy, or is closed */
	return 0;
}

static int add_signals(struct daemon *daemon)
{
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;

	/* Without a handler a signal ends the loop. */
	int r = sd_event_add_signal(daemon->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
	return r;
}

static int set_up(struct daemon *daemon)
{
	int r = sd_event_default(&daemon->event);
	if (r >= 0)
		r = add_signals(daemon);
	if (r >= 0)
		r = sd_event_set_watchdog(daemon->event, true);
	if (r >= 0)
		r = events_new(daemon->event, on_attempt, daemon, &daemon->events);
	if (r >= 0)
		r = watch_new(daemon->event, reload, daemon, &daemon->watch);
	if (r >= 0)
		r = guard_new(daemon->event, on_foreign_change, daemon, &daemon->guard);
	if (r >= 0)
		r = server_new(daemon->event, methods, &daemon->control, &daemon->server);
	if (r < 0) {
		journal(LOG_CRIT, "The daemon could not be set up: %s", strerror(-r));
		return r;
	}

	r = enforcement_init(&daemon->enforcement, daemon->options->config);
	if (r < 0)
		journal(LOG_CRIT, "nf_tables cannot be reached: %s", strerror(-r));
	return r;
}

static int listen_for_control(struct daemon *daemon)
{
	int r = server_listen(daemon->server, daemon->options->socket);
	if (r == -EADDRINUSE)
		journal(LOG_CRIT, "Another egressd answers at %s", daemon->options->socket);
	else if (r < 0)
		journal(LOG_CRIT, "The control socket %s cannot be made: %s",
		        daemon->options->socket, strerror(-r));
	return r;
}

static void tear_down(struct daemon *daemon)
{
	server_free(daemon->server);
	guard_free(daemon->guard);
	watch_free(daemon->watch);
	events_free(daemon->events);
	enforcement_done(&daemon->enforcement);
	health_done(&daemon->health);
	sd_event_unref(daemon->event);
}

int daemon_run(const struct options *options)
{
	struct daemon daemon = {.options = options};
	daemon.control = (struct control){
	        .enforcement = &daemon.enforcement,
	        .health = &daemon.health,
	        .reload = load_again,
	        .reload_userdata = &daemon,
	};

	int r = set_up(&daemon);
	daemon.control.events = daemon.events;
	/* The socket comes first: a second daemon must not touch the table of the first. */
	if (r >= 0)
		r = listen_for_control(&daemon);
	if (r >= 0)
		r = start_policy(&daemon);
	if (r >= 0)
		r = sd_event_loop(daemon.event);
	if (r >= 0) {
		sd_notify(false, "STOPPING=1\nSTATUS=stopped; the table stays in the kernel");
		journal(LOG_INFO, "Stopping; the table stays in the kernel and is enforced");
	}
	tear_down(&daemon);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
