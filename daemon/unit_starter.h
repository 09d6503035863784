/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_UNIT_STARTER_H
#define EGRESSD_UNIT_STARTER_H

#include "base/cleanup.h"
#include "base/time.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/* Starts units of systemd and follows them until they end, without waiting for anything. */
struct unit_starter;

/* So many units are followed at a time; with one more, the one started first is forgotten. */
#define UNITS_FOLLOWED 64

/* A unit that stays active for so long counts as a success; a later failure is still reported. */
#define UNIT_SETTLES (5 * USEC_PER_SEC)

/*
 * What became of a unit. NULL: it ended without an error, or stays active. Else why it is of no
 * use, in words that follow its name: "could not be started: ..." or "failed (exit-code, status
 * 1)".
 */
typedef void (*unit_answered_t)(const char *unit, const char *why, void *userdata);

/* The event loop is borrowed. 0 or -ENOMEM; no connection is made yet. */
int unit_starter_new(sd_event *event, unit_answered_t answered, void *userdata,
                     struct unit_starter **ret_starter);

/* Takes NULL, returns NULL. */
struct unit_starter *unit_starter_free(struct unit_starter *starter);
DEFINE_CLEANUP(struct unit_starter *, unit_starter_free)

/*
 * Starts the instance of that number of a template "NAME@.service". answered() gets the result, and
 * may get more than one: a success, and a failure later.
 */
void unit_starter_start(struct unit_starter *starter, const char *template, uint64_t instance);

#endif
