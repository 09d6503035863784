/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_EVENTS_H
#define EGRESSD_EVENTS_H

#include "base/cleanup.h"
#include "policy/policy.h"
#include "track/ledger.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/* From the kernel's records of blocked packets to attempts in the ledger. */
struct events;

#define EVENTS_GROUP_TAKEN 1 /* another program reads that NFLOG group */

#define LEDGER_ENTRIES_MAX  16384
#define ATTEMPTS_RECENT_MAX 65536

/* Called for each new attempt; the entry lasts until the callback returns. */
typedef void (*events_attempt_t)(const struct ledger_entry *entry, void *userdata);

int events_new(sd_event *event, events_attempt_t attempt, void *userdata,
               struct events **ret_events);

/* Takes NULL, returns NULL. */
struct events *events_free(struct events *events);
DEFINE_CLEANUP(struct events *, events_free)

/*
 * Reads that NFLOG group from now on, and no other; nothing is done when it is read already. 0,
 * EVENTS_GROUP_TAKEN or a negative errno: then what was read before is still read.
 */
int events_listen(struct events *events, uint16_t group);

/* The policy by which sources are given their names; borrowed, NULL for none. */
void events_use_policy(struct events *events, const struct policy *policy);

const struct ledger *events_ledger(const struct events *events);

/* Records that were read, and those that the kernel is known to have lost, since the start. */
struct events_counts {
	uint64_t received;
	uint64_t lost;
};
struct events_counts events_counts(const struct events *events);

#endif
