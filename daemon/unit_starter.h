/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_UNIT_STARTER_H
#define EGRESSD_UNIT_STARTER_H

#include "base/cleanup.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/* Asks systemd to start units, and waits for no answer. */
struct unit_starter;

/* What systemd said of a unit: why it could not be started; NULL: it was. */
typedef void (*unit_answered_t)(const char *unit, const char *why, void *userdata);

/* The event loop is borrowed. 0 or -ENOMEM; no connection is made yet. */
int unit_starter_new(sd_event *event, unit_answered_t answered, void *userdata,
                     struct unit_starter **ret_starter);

/* Takes NULL, returns NULL. */
struct unit_starter *unit_starter_free(struct unit_starter *starter);
DEFINE_CLEANUP(struct unit_starter *, unit_starter_free)

/* Starts the instance of that number of a template "NAME@.service"; what comes of it, answered()
 * gets. */
void unit_starter_start(struct unit_starter *starter, const char *template, uint64_t instance);

#endif
