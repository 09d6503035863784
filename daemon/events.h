/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_EVENTS_H
#define EGRESSD_EVENTS_H

#include "base/cleanup.h"
#include "policy/policy.h"
#include "track/ledger.h"
#include "track/reckoning.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/* From the kernel's records of blocked packets to attempts in the ledger. */
struct events;

#define EVENTS_GROUP_TAKEN 1 /* another program reads that NFLOG group */

/* What is known of the packet that began an attempt, beside its entry. */
struct sighting {
	const struct host *host; /* of its source; NULL: nobody's, or not to be accused */
	uint32_t interface;      /* ifindex it came in on; 0: the gateway's own */
	uint32_t bytes;          /* 0: unknown */
};

/* Called for each new attempt; what it is given lasts until the callback returns. */
typedef void (*events_attempt_t)(const struct ledger_entry *entry, const struct sighting *sighting,
                                 void *userdata);

/* Reads how many packets the kernel has blocked in all; 0 or a negative errno. */
typedef int (*events_blocked_t)(uint64_t *ret_packets, void *userdata);

int events_new(sd_event *event, events_attempt_t attempt, events_blocked_t blocked, void *userdata,
               struct events **ret_events);

/* Takes NULL, returns NULL. */
struct events *events_free(struct events *events);
DEFINE_CLEANUP(struct events *, events_free)

/*
 * Reads that NFLOG group from now on, and no other; nothing is done when it is read already. 0,
 * EVENTS_GROUP_TAKEN or a negative errno: then what was read before is still read.
 */
int events_listen(struct events *events, uint16_t group);

/*
 * The policy in force: sources are given their names by it, and its limits hold from now on. It is
 * borrowed; NULL for none. 0, or -ENOMEM: then the limits are those of before.
 */
int events_use_policy(struct events *events, const struct policy *policy);

/* What was blocked so far; to be asked for anew each time, as a change of its limits replaces it.
 */
struct ledger *events_ledger(struct events *events);

/*
 * What became of the packets that the kernel has blocked in all, as just read. Those that are still
 * waiting are settled soon after, so that they can be asked for again.
 */
struct account events_account(struct events *events, uint64_t blocked);

/* How often the kernel had more records than there was room for. */
uint64_t events_overruns(const struct events *events);

#endif
