/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit_starter.h"

#include "unit_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define UNIT_NAME_MAX 256
#define ANSWER_USEC   (10 * USEC_PER_SEC)
#define SYSTEMD       "org.freedesktop.systemd1"
#define MANAGER_PATH  "/org/freedesktop/systemd1"
#define MANAGER       "org.freedesktop.systemd1.Manager"
#define PROPERTIES    "org.freedesktop.DBus.Properties"

/* A unit that was started, until it has ended. A place in the starter's table. */
struct start {
	struct unit_starter *starter;
	char unit[UNIT_NAME_MAX]; /* empty: the place is free */
	uint64_t turn;            /* lower: started earlier */
	char *path;               /* of the unit's object; from malloc */
	const char *job_failed;   /* the job's result in words; NULL: it is done, or not over yet */
	struct unit_state state;
	size_t asked;          /* so many of the properties were asked for */
	sd_bus_slot *call;     /* the one that is not answered yet */
	sd_bus_slot *changes;  /* the match for the unit's properties */
	sd_event_source *wait; /* until an active unit counts as a success */
};

struct unit_starter {
	sd_event *event;
	sd_bus *bus;       /* NULL: not connected */
	sd_bus_slot *jobs; /* the match for jobs that are over */
	unit_answered_t answered;
	void *userdata;
	struct start starts[UNITS_FOLLOWED];
	uint64_t turn;
};

static void forget(struct start *start)
{
	sd_bus_slot_unref(start->call);
	sd_bus_slot_unref(start->changes);
	sd_event_source_disable_unref(start->wait);
	free(start->path);
	*start = (struct start){};
}

/* The unit is over. */
static void end(struct start *start, const char *why)
{
	struct unit_starter *starter = start->starter;
	char unit[UNIT_NAME_MAX];
	memcpy(unit, start->unit, sizeof(unit));
	forget(start);
	starter->answered(unit, why, starter->userdata);
}

int unit_starter_new(sd_event *event, unit_answered_t answered, void *userdata,
                     struct unit_starter **ret_starter)
{
	struct unit_starter *starter = calloc(1, sizeof(*starter));
	if (!starter)
		return -ENOMEM;
	starter->event = event;
	starter->answered = answered;
	starter->userdata = userdata;
	*ret_starter = starter;
	return 0;
}

static void disconnect(struct unit_starter *starter)
{
	for (size_t i = 0; i < UNITS_FOLLOWED; i++)
		forget(&starter->starts[i]);
	starter->jobs = sd_bus_slot_unref(starter->jobs);
	starter->bus = sd_bus_close_unref(starter->bus);
}

struct unit_starter *unit_starter_free(struct unit_starter *starter)
{
	if (starter) {
		disconnect(starter);
		free(starter);
	}
	return NULL;
}

static int on_settled(sd_event_source *source, uint64_t time, void *userdata)
{
	struct start *start = userdata;
	start->wait = sd_event_source_disable_unref(start->wait);
	start->starter->answered(start->unit, NULL, start->starter->userdata);
	return 0;
}

/* Acts on what is known of a unit whose job is over. */
static void decide(struct start *start)
{
	char why[UNIT_FAILURE_MAX];
	if (start->job_failed || unit_has_failed(&start->state)) {
		end(start, unit_failure(&start->state, start->job_failed, start->unit, why));
	} else if (unit_has_ended(&start->state)) {
		end(start, NULL);
	} else if (!start->wait) {
		/* Without a timer it is followed all the same. */
		(void)sd_event_add_time_relative(start->starter->event, &start->wait,
		                                 CLOCK_MONOTONIC, UNIT_SETTLES, 0, on_settled,
		                                 start);
	}
}

static int on_changes(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct start *start = userdata;
	if (unit_state_update(&start->state, message) >= 0 && unit_has_ended(&start->state))
		decide(start);
	return 0;
}

static void ask_next(struct start *start);

static int on_property(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct start *start = userdata;
	/* Without an answer the property stays unknown. */
	if (!sd_bus_message_get_error(message))
		(void)unit_state_take(&start->state, unit_properties[start->asked - 1].name,
		                      message);
	start->call = sd_bus_slot_unref(start->call);
	ask_next(start);
	return 0;
}

/* One property after the other; after the last one it shows how the unit is. */
static void ask_next(struct start *start)
{
	while (start->asked < UNIT_PROPERTIES) {
		const struct unit_property *property = &unit_properties[start->asked++];
		if (sd_bus_call_method_async(start->starter->bus, &start->call, SYSTEMD,
		                             start->path, PROPERTIES, "Get", on_property, start,
		                             "ss", property->interface, property->name) >= 0)
			return;
	}
	decide(start);
}

static struct start *find(struct unit_starter *starter, const char *unit)
{
	for (size_t i = 0; i < UNITS_FOLLOWED; i++)
		if (*starter->starts[i].unit && strcmp(starter->starts[i].unit, unit) == 0)
			return &starter->starts[i];
	return NULL;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct unit_starter *starter = userdata;
	const char *job, *unit, *result;
	uint32_t id;
	if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0)
		return 0;
	struct start *start = find(starter, unit);
	if (!start || start->changes)
		return 0; /* somebody else's, or a later job of the same unit */
	start->job_failed = unit_job_failure(result);
	/* What changes from here on is told; how it is now has to be asked for. */
	if (sd_bus_match_signal_async(starter->bus, &start->changes, SYSTEMD, start->path,
	                              PROPERTIES, "PropertiesChanged", on_changes, NULL, start) < 0)
		start->changes = NULL;
	ask_next(start);
	return 0;
}

/* Connects without waiting: what is sent is queued until somebody answers. */
static int connect_bus(struct unit_starter *starter)
{
	if (starter->bus && sd_bus_is_open(starter->bus) > 0)
		return 0;
	disconnect(starter);
	int r = sd_bus_open_system(&starter->bus);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(starter->bus, ANSWER_USEC);
	if (r >= 0)
		r = sd_bus_attach_event(starter->bus, starter->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_match_signal_async(starter->bus, &starter->jobs, SYSTEMD, MANAGER_PATH,
		                              MANAGER, "JobRemoved", on_job_removed, NULL, starter);
	/* systemd sends these signals only while somebody has subscribed to them. */
	if (r >= 0)
		r = sd_bus_call_method_async(starter->bus, NULL, SYSTEMD, MANAGER_PATH, MANAGER,
		                             "Subscribe", NULL, NULL, "");
	if (r < 0)
		disconnect(starter);
	return r;
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct start *start = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(message);
	char why[UNIT_FAILURE_MAX];
	start->call = sd_bus_slot_unref(start->call);
	if (error)
		end(start, unit_refusal(error->message ? error->message : error->name, why));
	return 0;
}

/* A free place, or that of the unit that was started first. */
static struct start *free_place(struct unit_starter *starter)
{
	struct start *oldest = &starter->starts[0];
	for (size_t i = 0; i < UNITS_FOLLOWED; i++) {
		struct start *start = &starter->starts[i];
		if (!*start->unit)
			return start;
		if (start->turn < oldest->turn)
			oldest = start;
	}
	forget(oldest);
	return oldest;
}

void unit_starter_start(struct unit_starter *starter, const char *template, uint64_t instance)
{
	const char *at = strchr(template, '@');
	char unit[UNIT_NAME_MAX], why[UNIT_FAILURE_MAX];
	snprintf(unit, sizeof(unit), "%.*s%" PRIu64 "%s", (int)(at ? at + 1 - template : 0),
	         template, instance, at ? at + 1 : template);

	int r = connect_bus(starter);
	if (r < 0) {
		starter->answered(unit, unit_refusal(strerror(-r), why), starter->userdata);
		return;
	}
	struct start *start = find(starter, unit);
	if (start)
		forget(start);
	else
		start = free_place(starter);
	start->starter = starter;
	start->turn = ++starter->turn;
	memcpy(start->unit, unit, sizeof(unit));
	r = sd_bus_path_encode(MANAGER_PATH "/unit", unit, &start->path);
	if (r >= 0)
		r = sd_bus_call_method_async(starter->bus, &start->call, SYSTEMD, MANAGER_PATH,
		                             MANAGER, "StartUnit", on_answer, start, "ss", unit,
		                             "replace");
	if (r < 0)
		end(start, unit_refusal(strerror(-r), why));
}
