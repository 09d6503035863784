/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include "alarm_report.h"
#include "alarms.h"
#include "changes.h"
#include "clock.h"
#include "contacts.h"
#include "descriptors.h"
#include "guarding.h"
#include "journal.h"
#include "kernel/socket.h"
#include "listening.h"
#include "loading.h"
#include "methods.h"
#include "on_alarm.h"
#include "owner_socket.h"
#include "own_processes.h"
#include "past.h"
#include "pickup.h"
#include "quarantiner.h"
#include "replies.h"
#include "report.h"
#include "state_lock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

/* The name of egressd.socket's descriptor, as other Varlink services of systemd have it. */
#define CONTROL_DESCRIPTOR "varlink"

/* Everything that runs; known to this file alone. */
struct daemon {
	const struct options *options;
	struct descriptors *descriptors; /* what systemd passed; NULL once all has started */
	sd_event *event;
	struct enforcement enforcement;
	struct owner_socket owner_socket;
	struct health health;
	struct events *events;
	struct alarms *alarms;
	struct contacts *contacts;
	struct past *past;
	struct listening *listening;
	struct loading *loading;
	struct on_alarm_teller *teller;
	struct own_processes *processes;
	struct guarding *guarding;
	struct server *server;
	struct changes *changes;
	struct pickup_keeper *pickup;
	struct quarantiner *quarantiner;
	struct control control;
	int state_lock; /* the descriptor that holds it, or -1 */
	bool decided;   /* a policy, an older table or the closed one decides: it has a state */
};

static void update_health(struct daemon *daemon)
{
	const struct policy *policy = daemon->enforcement.policy;

	if (!daemon->decided)
		return;
	contacts_note_health(daemon->contacts);
	daemon->health.has_policy = policy || loading_is_standing(daemon->loading);
	daemon->health.audit = policy && policy->gateway.mode == MODE_AUDIT;
	bool changed = health_update(&daemon->health, clock_realtime());
	report_state(daemon->server, &daemon->health, policy, changed);
}

static void update_health_of(void *userdata)
{
	update_health(userdata);
}

/*
 * What a policy needs before its commit (NULL: the closed table). It is listened before, so that
 * the first packet that the new table blocks is reported as well.
 */
static void prepare(const struct policy *candidate, void *userdata)
{
	struct daemon *daemon = userdata;
	owner_socket_keep(&daemon->owner_socket, daemon->enforcement.kernel,
	                  !candidate || candidate->gateway.own_table);
	if (!candidate)
		return;
	pickup_keeper_prepare(daemon->pickup, candidate);
	listening_to(daemon->listening, daemon->descriptors, candidate->gateway.nflog_group);
	contacts_prepare(daemon->contacts, candidate);
}

static void use_policy(const struct outcome *outcome, void *userdata)
{
	struct daemon *daemon = userdata;
	const struct policy *policy = daemon->enforcement.policy;

	int r = events_use_policy(daemon->events, policy);
	if (r < 0)
		journal(LOG_WARNING, "The ledger keeps the limits that it had: %s", strerror(-r));
	r = alarms_use_policy(daemon->alarms, policy);
	if (r < 0)
		journal(LOG_WARNING, "Alarms go by what they knew: %s", strerror(-r));
	contacts_use_policy(daemon->contacts);
	own_processes_use_policy(daemon->processes, policy);
	changes_settle(daemon->changes, outcome);
	if (pickup_keeper_settle(daemon->pickup))
		changes_keep(daemon->changes);
	if (daemon->guarding) /* at the first start it begins once that is over */
		guarding_use_policy(daemon->guarding);
	/* When all go by the policy: it may have a fault to tell, which works out the state. */
	r = on_alarm_use_policy(daemon->teller, policy);
	if (r < 0)
		journal(LOG_WARNING, "Nobody is told of alarms: %s", strerror(-r));
	alarms_end_quarantines(daemon->alarms, policy, NULL);
}

static void load_again(void *userdata, struct outcome *ret_outcome)
{
	const struct daemon *daemon = userdata;
	loading_again(daemon->loading, ret_outcome);
}

/* What was done while no daemon ran; by whom, nobody saw. */
static void tell_earlier_tampering(struct daemon *daemon)
{
	char sentence[TAMPERING_SENTENCE_MAX];
	const char *what = loading_tampering(daemon->loading);
	if (!what)
		return;
	snprintf(sentence, sizeof(sentence),
	         "somebody %s while egressd was not running; it was put right at its start", what);
	alarms_take_tampering(daemon->alarms, sentence);
	report_repair(daemon->server, sentence);
}

/*
 * What is in quarantine has an alarm, as long as it is: one that begins, or all (NULL). `by` takes
 * one back, or is NULL.
 */
static void tell_quarantine(struct daemon *daemon, const struct request_entry *request,
                            const struct person *by)
{
	const struct policy *policy = daemon->enforcement.policy;
	const struct runtime *runtime = policy ? policy->runtime : NULL;
	for (size_t i = 0; runtime && i < runtime->quarantines.count; i++)
		if (!request || runtime->quarantines.items[i].id == request->id)
			alarms_take_quarantine(daemon->alarms, policy,
			                       &runtime->quarantines.items[i]);
	alarms_end_quarantines(daemon->alarms, policy, by);
}

/* An address took a role, a permit ended, or the like. */
static void on_change(const char *kind, const char *text, const struct request_entry *request,
                      const struct person *by, const struct outcome *outcome, void *userdata)
{
	struct daemon *daemon = userdata;
	if (text) {
		journal(LOG_NOTICE, "%s", text);
		report_event(daemon->server, kind, NULL, text);
	}
	if (request && request->kind == REQUEST_QUARANTINE) {
		health_clear(&daemon->health, FAULT_QUARANTINE);
		if (by)
			quarantiner_released(daemon->quarantiner, request, by,
			                     alarms_book(daemon->alarms));
		tell_quarantine(daemon, request, by);
	}
	if (outcome)
		report_commit_health(&daemon->health, outcome);
	if (outcome && daemon->enforcement.policy)
		report_helpers_health(&daemon->health, daemon->enforcement.policy);
	(void)pickup_keeper_settle(daemon->pickup);
	update_health(daemon);
}

static void on_nothing_picked_up(void *userdata)
{
	const struct daemon *daemon = userdata;
	changes_follow(daemon->changes);
}

/* Somebody is not put in quarantine who would have been. */
static void on_left_out(const char *text, void *userdata)
{
	struct daemon *daemon = userdata;
	journal(LOG_WARNING, "%s", text);
	report_event(daemon->server, CHANGE_QUARANTINE, NULL, text);
	update_health(daemon);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	const struct daemon *daemon = userdata;
	loading_reload(daemon->loading);
	return 0;
}

static struct expected_source on_source(const struct address *source, void *userdata)
{
	const struct daemon *daemon = userdata;
	return alarms_expect(daemon->alarms, source);
}

static void on_approach(const struct expected_source *expected, const struct stream *stream,
                        void *userdata)
{
	const struct daemon *daemon = userdata;
	alarms_approach(daemon->alarms, expected, stream);
}

static void on_attempt(const struct ledger_entry *entry, const struct sighting *sighting,
                       void *userdata)
{
	struct daemon *daemon = userdata;
	const struct ledger_noted *noted = ledger_noted(entry);
	json_t *attempt = server_wants(daemon->server, "blocked")
	                          ? reply_blocked(entry, daemon->enforcement.policy, NULL)
	                          : NULL;
	if (attempt)
		report_attempt(daemon->server, entry, sighting->passed, attempt);
	contacts_catch_up(daemon->contacts, noted->last);
	alarms_take_attempt(daemon->alarms, noted, sighting);
	own_processes_take_attempt(daemon->processes, noted, sighting);
}

static void on_process(const struct process_seen *seen, size_t count, void *userdata)
{
	const struct daemon *daemon = userdata;
	report_processes(daemon->server, seen, count);
}

static void set_fault(struct daemon *daemon, enum fault fault, const char *text)
{
	if (text)
		health_fault(&daemon->health, fault, "%s", text);
	else
		health_clear(&daemon->health, fault);
	update_health(daemon);
}

static void on_process_trouble(const char *trouble, void *userdata)
{
	set_fault(userdata, FAULT_PROCESS, trouble);
}

static void on_alarm_fault(const char *fault, void *userdata)
{
	set_fault(userdata, FAULT_ON_ALARM, fault);
}

static void on_past_fault(const char *fault, void *userdata)
{
	set_fault(userdata, FAULT_PAST, fault);
}

static void on_alarm(const struct alarm *alarm, enum alarm_change change, void *userdata)
{
	struct daemon *daemon = userdata;
	alarm_report(daemon->server, alarm, change);
	past_note_alarm(daemon->past, change != ALARM_CHANGE_UPDATED);
	on_alarm_tell(daemon->teller, alarm, change);
	quarantiner_take_alarm(daemon->quarantiner, alarm, change);
}

static int count_blocked(uint64_t *ret_packets, void *userdata)
{
	const struct daemon *daemon = userdata;
	return enforcement_blocked(&daemon->enforcement, ret_packets);
}

static int watch_others(struct daemon *daemon)
{
	const struct guarding_for parts = {
	        .enforcement = &daemon->enforcement,
	        .directory = daemon->options->state,
	        .health = &daemon->health,
	        .alarms = daemon->alarms,
	        .contacts = daemon->contacts,
	        .loading = daemon->loading,
	        .server = daemon->server,
	        .changed = update_health_of,
	        .userdata = daemon,
	};
	int r = guarding_new(daemon->event, &parts, &daemon->guarding);
	if (r >= 0)
		r = guarding_look_back(daemon->guarding);
	if (r < 0)
		journal(LOG_CRIT, "Changes by others could not be watched: %s", strerror(-r));
	return r;
}

static int start_policy(struct daemon *daemon)
{
	int r = changes_restore(daemon->changes);
	if (r < 0)
		return r;
	past_restore(daemon->past);
	r = loading_start(daemon->loading);
	if (r < 0)
		return r;
	past_remind(daemon->past, daemon->enforcement.policy);
	daemon->decided = true;
	update_health(daemon);
	tell_earlier_tampering(daemon);
	tell_quarantine(daemon, NULL,
	                NULL); /* those of an earlier run, should their alarms be lost */
	r = watch_others(daemon);
	if (r < 0)
		return r;
	/* Whoever has a use for one has taken it. */
	descriptors_close_unknown(daemon->descriptors);
	daemon->descriptors = descriptors_free(daemon->descriptors);
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
	const struct intake_hooks blocked = {
	        .expect = on_source,
	        .approach = on_approach,
	        .attempt = on_attempt,
	};
	const struct loading_hooks hooks = {
	        .prepare = prepare,
	        .use_policy = use_policy,
	        .settled = update_health_of,
	        .userdata = daemon,
	};
	int r = descriptors_receive(&daemon->descriptors);
	if (r >= 0)
		r = sd_event_default(&daemon->event);
	if (r >= 0)
		r = add_signals(daemon);
	if (r >= 0)
		r = sd_event_set_watchdog(daemon->event, true);
	if (r >= 0)
		r = server_new(daemon->event, methods, &daemon->control, &daemon->server);
	if (r >= 0)
		r = loading_new(daemon->event, daemon->options->config, daemon->options->state,
		                &daemon->enforcement, &daemon->health, daemon->server, &hooks,
		                &daemon->loading);
	if (r >= 0)
		r = events_new(daemon->event, &blocked, count_blocked, daemon, &daemon->events);
	if (r >= 0)
		r = alarms_new(daemon->event, on_alarm, daemon, &daemon->alarms);
	if (r >= 0)
		r = contacts_new(daemon->event, &daemon->enforcement, daemon->alarms,
		                 &daemon->health, update_health_of, daemon, &daemon->contacts);
	if (r >= 0)
		r = past_new(daemon->event, daemon->options->state, PAST_SAVE_EVERY, daemon->events,
		             daemon->alarms, &daemon->past);
	if (r >= 0)
		past_on_fault(daemon->past, on_past_fault, daemon);
	if (r >= 0)
		r = listening_new(daemon->event, daemon->events, &daemon->health, update_health_of,
		                  daemon, &daemon->listening);
	if (r >= 0)
		r = on_alarm_new(daemon->event, on_alarm_fault, daemon, &daemon->teller);
	if (r >= 0)
		r = own_processes_new(daemon->event, daemon->options->processes, on_process,
		                      on_process_trouble, daemon, &daemon->processes);
	if (r >= 0)
		r = changes_new(daemon->event, &daemon->enforcement, &daemon->health,
		                daemon->options->state, on_change, daemon, &daemon->changes);
	if (r >= 0)
		r = pickup_keeper_new(daemon->event, &daemon->enforcement, daemon->options->state,
		                      on_nothing_picked_up, daemon, &daemon->pickup);
	if (r >= 0)
		r = quarantiner_new(daemon->event, &daemon->enforcement, daemon->changes,
		                    &daemon->health, on_left_out, daemon, &daemon->quarantiner);
	if (r < 0) {
		journal(LOG_CRIT, "The daemon could not be set up: %s", strerror(-r));
		return r;
	}

	r = enforcement_init(&daemon->enforcement, daemon->options->config);
	if (r < 0)
		journal(LOG_CRIT, "nf_tables cannot be reached: %s", strerror(-r));
	else
		owner_socket_take(&daemon->owner_socket, daemon->descriptors,
		                  daemon->enforcement.kernel);
	return r;
}

/* Where it was made by systemd, it alone knows its path. */
static void tell_where(int fd, const char *path)
{
	struct sockaddr_un address = {};
	socklen_t length = sizeof(address) - 1;
	bool named = fd >= 0 && getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	             address.sun_path[0] == '/';
	journal(LOG_INFO, "Answers at %s%s", named ? address.sun_path : path,
	        named ? ", the socket of systemd" : "");
}

/* The socket unit's, where there is one: whoever connects during a restart waits in it. */
static int listen_for_control(struct daemon *daemon)
{
	int fd = descriptors_take_listener(daemon->descriptors, CONTROL_DESCRIPTOR);
	if (fd >= 0) {
		int adopted = server_adopt(daemon->server, fd);
		if (adopted < 0) {
			journal(LOG_CRIT, "The control socket of systemd cannot be used: %s",
			        strerror(-adopted));
			close(fd);
		} else {
			tell_where(fd, "a socket of systemd");
		}
		return adopted;
	}

	int r = server_listen(daemon->server, daemon->options->socket);
	if (r == -EADDRINUSE)
		journal(LOG_CRIT, "Another egressd answers at %s", daemon->options->socket);
	else if (r < 0)
		journal(LOG_CRIT, "The control socket %s cannot be made: %s",
		        daemon->options->socket, strerror(-r));
	else
		tell_where(-1, daemon->options->socket);
	return r;
}

static int lock_state(struct daemon *daemon)
{
	const char *directory = daemon->options->state;
	struct state_lock_holder holder;
	if (state_lock(directory, &daemon->state_lock, &holder) != STATE_LOCK_TAKEN)
		return 0;
	if (holder.pid)
		journal(LOG_CRIT, "%s is in use by %s (pid %d); not started", directory,
		        holder.name, (int)holder.pid);
	else
		journal(LOG_CRIT, "%s is in use by another process; not started", directory);
	return -EBUSY;
}

static void tear_down(struct daemon *daemon)
{
	server_free(daemon->server);
	quarantiner_free(daemon->quarantiner);
	pickup_keeper_free(daemon->pickup);
	changes_free(daemon->changes);
	guarding_free(daemon->guarding);
	past_free(daemon->past);
	loading_free(daemon->loading);
	listening_free(daemon->listening);
	on_alarm_free(daemon->teller);
	own_processes_free(daemon->processes);
	events_free(daemon->events);
	contacts_free(daemon->contacts);
	alarms_free(daemon->alarms);
	enforcement_done(&daemon->enforcement);
	health_done(&daemon->health);
	descriptors_free(daemon->descriptors);
	sd_event_unref(daemon->event);
	close_cleanup(&daemon->state_lock); /* last: now another may write there */
}

int daemon_run(const struct options *options)
{
	struct daemon daemon = {.options = options, .state_lock = -1};
	daemon.control = (struct control){
	        .enforcement = &daemon.enforcement,
	        .health = &daemon.health,
	        .reload = load_again,
	        .reload_userdata = &daemon,
	};

	int r = lock_state(&daemon);
	if (r >= 0)
		r = set_up(&daemon);
	daemon.control.events = daemon.events;
	daemon.control.changes = daemon.changes;
	daemon.control.alarms = daemon.alarms;
	daemon.control.contacts = daemon.contacts;
	daemon.control.processes = daemon.processes;
	/* The socket comes first: a second daemon must not touch the table of the first. */
	if (r >= 0)
		r = listen_for_control(&daemon);
	if (r >= 0)
		r = start_policy(&daemon);
	if (r >= 0)
		r = sd_event_loop(daemon.event);
	if (r >= 0) {
		sd_notify(false, "STOPPING=1\nSTATUS=stopped; the table stays in the kernel");
		past_keep(daemon.past);
		journal(LOG_INFO, "Stopping; the table stays in the kernel and is enforced");
	}
	tear_down(&daemon);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
