/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "on_alarm.h"

#include "alarm_fields.h"
#include "alarm_reply.h"
#include "clock.h"
#include "helper.h"
#include "journal.h"
#include "unit_starter.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define MINUTE          (60 * USEC_PER_SEC)
#define VARIABLE_PREFIX "EGRESSD_ALARM_"
#define FIELD_PREFIX    "EGRESSD_"
#define VARIABLES_MAX   (ALARM_FIELDS_MAX + 3) /* PATH, the sentence and the end */

struct waiting {
	struct alarm alarm;
	enum alarm_change change;
};

struct on_alarm_teller {
	sd_event *event;
	on_alarm_fault_t fault;
	void *userdata;
	bool failing; /* a fault was told, and it is not over */
	struct unit_starter *starter;
	char *unit;
	char *command; /* NULL: none, or it may not be run */
	struct helper_user user;
	struct helper *running[ON_ALARM_AT_ONCE]; /* NULL: a free place */
	uint64_t alarms[ON_ALARM_AT_ONCE];        /* what each runs for */
	struct waiting *waiting;                  /* a ring of ON_ALARM_WAITING */
	size_t first, count;
	usec_t minute; /* when it began */
	unsigned told; /* within it */
	unsigned left_out;
};

#define FAULT_TEXT_MAX 512

/* Told to the journal each time, and a fault until the next alarm is told (NULL: it was). */
__attribute__((format(printf, 2, 3))) static void note(struct on_alarm_teller *teller,
                                                       const char *format, ...)
{
	char text[FAULT_TEXT_MAX], fault[FAULT_TEXT_MAX + 64];
	va_list arguments;
	if (!format) {
		if (teller->failing)
			teller->fault(NULL, teller->userdata);
		teller->failing = false;
		return;
	}
	teller->failing = true;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	journal(LOG_WARNING, "%s", text);
	snprintf(fault, sizeof(fault), "nobody is told of alarms by on_alarm: %s", text);
	teller->fault(fault, teller->userdata);
}

static void unit_answered(const char *unit, const char *why, void *userdata)
{
	struct on_alarm_teller *teller = userdata;
	if (why)
		note(teller, "%s %s", unit, why);
	else
		note(teller, NULL);
}

int on_alarm_new(sd_event *event, on_alarm_fault_t fault, void *userdata,
                 struct on_alarm_teller **ret_teller)
{
	_cleanup_(on_alarm_freep) struct on_alarm_teller *teller = calloc(1, sizeof(*teller));
	sigset_t children;
	if (!teller)
		return -ENOMEM;
	teller->event = event;
	teller->fault = fault;
	teller->userdata = userdata;
	teller->waiting = calloc(ON_ALARM_WAITING, sizeof(*teller->waiting));
	if (!teller->waiting)
		return -ENOMEM;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &children, NULL) < 0)
		return -errno;
	int r = unit_starter_new(event, unit_answered, teller, &teller->starter);
	if (r < 0)
		return r;
	*ret_teller = TAKE_POINTER(teller);
	return 0;
}

static void forget_policy(struct on_alarm_teller *teller)
{
	free(teller->unit);
	free(teller->command);
	teller->unit = teller->command = NULL;
}

struct on_alarm_teller *on_alarm_free(struct on_alarm_teller *teller)
{
	if (teller) {
		for (size_t i = 0; i < ON_ALARM_AT_ONCE; i++)
			helper_free(teller->running[i]);
		unit_starter_free(teller->starter);
		forget_policy(teller);
		free(teller->waiting);
		free(teller);
	}
	return NULL;
}

/* Told with the line, and a fault until another policy says something else. */
__attribute__((format(printf, 3, 4))) static bool
refuse(struct on_alarm_teller *teller, struct location at, const char *format, ...)
{
	char text[FAULT_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	journal_at(LOG_ERR, at, "%s", text);
	teller->failing = true;
	teller->fault(text, teller->userdata);
	return false;
}

/* Whether the program may be run as that user, who is then known. */
static bool find_user(struct on_alarm_teller *teller, const struct on_alarm *on_alarm)
{
	const struct passwd *user = getpwnam(on_alarm->user);
	if (!user)
		return refuse(teller, on_alarm->at,
		              "there is no user \"%s\", so that nothing is run for alarms",
		              on_alarm->user);
	teller->user = (struct helper_user){.uid = user->pw_uid, .gid = user->pw_gid};
	if (!teller->user.uid)
		return refuse(teller, on_alarm->at,
		              "\"%s\" is another name of root, as whom nothing is run for alarms",
		              on_alarm->user);
	if (helper_may_be(&teller->user) < 0)
		return refuse(
		        teller, on_alarm->at,
		        "nobody is told of alarms by on_alarm: egressd lacks CAP_SETUID and "
		        "CAP_SETGID and cannot run anything as \"%s\"; name a unit of systemd "
		        "instead, or give it these",
		        on_alarm->user);
	return true;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static bool is_as_before(const struct on_alarm_teller *teller, const struct on_alarm *on_alarm)
{
	return on_alarm && (teller->unit || teller->command) &&
	       is_same(teller->unit, on_alarm->unit) && is_same(teller->command, on_alarm->command);
}

int on_alarm_use_policy(struct on_alarm_teller *teller, const struct policy *policy)
{
	const struct on_alarm *on_alarm = policy ? &policy->on_alarm : NULL;
	if (!is_as_before(teller, on_alarm))
		note(teller, NULL); /* what failed before says nothing of this */
	forget_policy(teller);
	if (!on_alarm || !on_alarm->at.line)
		return 0;
	if (on_alarm->unit) {
		teller->unit = strdup(on_alarm->unit);
		return teller->unit ? 0 : -ENOMEM;
	}
	if (!find_user(teller, on_alarm))
		return 0;
	teller->command = strdup(on_alarm->command);
	return teller->command ? 0 : -ENOMEM;
}

/* Adds "NAME=value"; nothing without memory or room. */
static void add_variable(char **list, size_t *count, const char *prefix, const char *name,
                         const char *value)
{
	char *variable = NULL;
	if (*count + 1 >= VARIABLES_MAX)
		return;
	if (asprintf(&variable, "%s%s=%s", prefix, name, value) >= 0)
		list[(*count)++] = variable;
}

/* EGRESSD_KIND of the journal is EGRESSD_ALARM_KIND here, and so on; all is printable ASCII. */
static void fill_environment(const struct waiting *waiting, char *list[static VARIABLES_MAX])
{
	struct alarm_field fields[ALARM_FIELDS_MAX];
	struct alarm_reader reader = alarm_reader_here(clock_realtime());
	char text[ALARM_TEXT_MAX];
	size_t count = alarm_fields(&waiting->alarm, waiting->change, fields), n = 0;

	add_variable(list, &n, "", "PATH", "/usr/local/bin:/usr/bin:/bin");
	for (size_t i = 0; i < count; i++) {
		const char *name = fields[i].name + strlen(FIELD_PREFIX);
		if (strncmp(fields[i].name, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) == 0)
			name = fields[i].name + strlen(VARIABLE_PREFIX);
		add_variable(list, &n, VARIABLE_PREFIX, name, fields[i].value);
	}
	alarm_text(&waiting->alarm, &reader, text);
	for (char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	add_variable(list, &n, VARIABLE_PREFIX, "TEXT", text);
}

static void go_on(struct on_alarm_teller *teller);

static void on_ended(struct helper *helper, int status, bool killed, void *userdata)
{
	struct on_alarm_teller *teller = userdata;
	const char *command = teller->command ? teller->command : "a program of before";
	uint64_t alarm = 0;
	for (size_t i = 0; i < ON_ALARM_AT_ONCE; i++)
		if (teller->running[i] == helper) {
			teller->running[i] = NULL;
			alarm = teller->alarms[i];
		}
	if (killed)
		note(teller, "%s, run for alarm %" PRIu64 ", was killed after %u s", command, alarm,
		     (unsigned)(ON_ALARM_TIME / USEC_PER_SEC));
	else if (WIFSIGNALED(status))
		note(teller, "%s, run for alarm %" PRIu64 ", ended by signal %d", command, alarm,
		     WTERMSIG(status));
	else if (WEXITSTATUS(status))
		note(teller, "%s, run for alarm %" PRIu64 ", ended with status %d", command, alarm,
		     WEXITSTATUS(status));
	else
		note(teller, NULL);
	helper_free(helper);
	go_on(teller);
}

static void run(struct on_alarm_teller *teller, const struct waiting *waiting,
                struct helper **place)
{
	char *environment[VARIABLES_MAX] = {};
	fill_environment(waiting, environment);
	int r = helper_run(teller->event, teller->command, &teller->user, environment,
	                   ON_ALARM_TIME, on_ended, teller, place);
	teller->alarms[place - teller->running] = waiting->alarm.id;
	if (r < 0)
		note(teller, "%s could not be run for alarm %" PRIu64 ": %s", teller->command,
		     waiting->alarm.id, strerror(-r));
	for (size_t i = 0; i < VARIABLES_MAX; i++)
		free(environment[i]);
}

static struct helper **free_place(struct on_alarm_teller *teller)
{
	for (size_t i = 0; i < ON_ALARM_AT_ONCE; i++)
		if (!teller->running[i])
			return &teller->running[i];
	return NULL;
}

/* Runs it for as many of those that wait as there are places. */
static void go_on(struct on_alarm_teller *teller)
{
	struct helper **place;
	while (teller->count && (place = free_place(teller))) {
		const struct waiting *next = &teller->waiting[teller->first];
		if (teller->command)
			run(teller, next, place);
		teller->first = (teller->first + 1) % ON_ALARM_WAITING;
		teller->count--;
	}
}

static bool within_rate(struct on_alarm_teller *teller)
{
	usec_t now = clock_monotonic();
	if (!teller->minute || now - teller->minute >= MINUTE) {
		if (teller->left_out)
			journal(LOG_WARNING,
			        "on_alarm was not told of %u alarms: there were too many",
			        teller->left_out);
		teller->minute = now;
		teller->told = teller->left_out = 0;
	}
	if (teller->told >= ON_ALARM_A_MINUTE || teller->count == ON_ALARM_WAITING) {
		if (!teller->left_out++)
			journal(LOG_WARNING,
			        "There are too many alarms for on_alarm; it is not told "
			        "of all");
		return false;
	}
	teller->told++;
	return true;
}

void on_alarm_tell(struct on_alarm_teller *teller, const struct alarm *alarm,
                   enum alarm_change change)
{
	if (change != ALARM_CHANGE_OPENED && change != ALARM_CHANGE_REOPENED)
		return;
	if ((!teller->unit && !teller->command) || !within_rate(teller))
		return;
	if (teller->unit) {
		unit_starter_start(teller->starter, teller->unit, alarm->id);
		return;
	}
	struct waiting *last =
	        &teller->waiting[(teller->first + teller->count++) % ON_ALARM_WAITING];
	last->alarm = *alarm;
	last->change = change;
	go_on(teller);
}
