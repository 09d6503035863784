/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_LISTENING_H
#define EGRESSD_LISTENING_H

#include "base/cleanup.h"
#include "descriptors.h"
#include "events.h"
#include "health.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Listening to the packet log of the policy's NFLOG group. Where that cannot be, it is a fault
 * (FAULT_EVENTS), enforcement stands, and it is tried again, slower each time.
 */
struct listening;

/*
 * retried is called after each try that nobody asked for. All is borrowed and outlives it. 0 or a
 * negative errno.
 */
int listening_new(sd_event *event, struct events *events, struct health *health,
                  void (*retried)(void *userdata), void *userdata,
                  struct listening **ret_listening);

/* Takes NULL, returns NULL. */
struct listening *listening_free(struct listening *listening);
DEFINE_CLEANUP(struct listening *, listening_free)

/*
 * Listens to that group from now on. The descriptors may hold its socket from an earlier run; they
 * are used during the call alone and may be NULL.
 */
void listening_to(struct listening *listening, struct descriptors *descriptors, uint16_t group);

#endif
