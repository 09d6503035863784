/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_UNIT_PAST_FIXTURE_H
#define EGRESSD_TESTS_UNIT_PAST_FIXTURE_H

#include "past.h"

#include <check.h>

static void ignore_attempt(const struct ledger_entry *entry, const struct sighting *sighting,
                           void *userdata)
{
}

static int none_blocked(uint64_t *ret_packets, void *userdata)
{
	*ret_packets = 0;
	return 0;
}

static void ignore_alarm(const struct alarm *alarm, enum alarm_change change, void *userdata)
{
}

/* What a daemon has of these. */
struct run {
	sd_event *event;
	struct events *events;
	struct alarms *alarms;
	struct past *past;
};

/* Takes up what an earlier run kept in the directory, and writes it again each `every`. */
static void begin_writing_every(struct run *run, const char *directory, usec_t every)
{
	const struct intake_hooks hooks = {.attempt = ignore_attempt};
	ck_assert_int_ge(sd_event_new(&run->event), 0);
	ck_assert_int_ge(events_new(run->event, &hooks, none_blocked, NULL, &run->events), 0);
	ck_assert_int_ge(alarms_new(run->event, ignore_alarm, NULL, &run->alarms), 0);
	ck_assert_int_ge(
	        past_new(run->event, directory, every, run->events, run->alarms, &run->past), 0);
	past_restore(run->past);
}

static void end(struct run *run)
{
	past_free(run->past);
	alarms_free(run->alarms);
	events_free(run->events);
	sd_event_unref(run->event);
}

#endif
