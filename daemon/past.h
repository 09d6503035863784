/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PAST_H
#define EGRESSD_PAST_H

#include "alarms.h"
#include "base/cleanup.h"
#include "events.h"

#include <systemd/sd-event.h>

/*
 * Lets alarms and the ledger outlive the daemon: in the state directory as alarms.json and
 * ledger.json, written when they have changed, now and then, in slices so small that nothing else
 * waits. News of an alarm is written as soon as it comes. When the daemon is killed, what was
 * blocked in the last half minute is lost, and what an alarm counted in it.
 */
struct past;

#define PAST_ALARMS_NAME "alarms.json"
#define PAST_LEDGER_NAME "ledger.json"
#define PAST_FILE_MAX    ((size_t)64 * 1024 * 1024) /* bytes */
#define PAST_SAVE_EVERY  (30 * USEC_PER_SEC)

/* So many entries of the ledger are kept at most, those seen last; the others as their sum. */
#define PAST_LEDGER_ENTRIES 16384

/* Writes that often; PAST_SAVE_EVERY but for tests. All is borrowed and outlives it. 0 or a
 * negative errno. */
int past_new(sd_event *event, const char *directory, usec_t every, struct events *events,
             struct alarms *alarms, struct past **ret_past);

/* Takes NULL, returns NULL. */
struct past *past_free(struct past *past);
DEFINE_CLEANUP(struct past *, past_free)

/* Takes up what an earlier run kept, and says what could not be; before the first attempt. */
void past_restore(struct past *past);

/* Reminds the detectors of it; once, when a policy is in force (NULL: none is). */
void past_remind(struct past *past, const struct policy *policy);

/* Who is told that something cannot be written, in a sentence, and by NULL that all can be again;
 * it is tried until then. */
#define PAST_FAULT_MAX 320
typedef void (*past_fault_t)(const char *fault, void *userdata);
void past_on_fault(struct past *past, past_fault_t fault, void *userdata);

/* An alarm has changed; news, other than counts and times, is written at once. */
void past_note_alarm(struct past *past, bool news);

/* Writes all at once; for the end. */
void past_keep(struct past *past);

#endif
