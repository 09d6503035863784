/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_EVENTS_H
#define EGRESSD_EVENTS_H

#include "base/cleanup.h"
#include "intake.h"
#include "track/reckoning.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/* Reads the kernel's records of blocked packets, and knows how many of them were lost. */
struct events;

#define EVENTS_GROUP_TAKEN 1 /* another program reads that NFLOG group */

/* Reads how many packets the kernel has blocked in all; 0 or a negative errno. */
typedef int (*events_blocked_t)(uint64_t *ret_packets, void *userdata);

/* The hooks are those for intake_new(). 0 or a negative errno. */
int events_new(sd_event *event, const struct intake_hooks *hooks, events_blocked_t blocked,
               void *userdata, struct events **ret_events);

/* Takes NULL, returns NULL. */
struct events *events_free(struct events *events);
DEFINE_CLEANUP(struct events *, events_free)

/*
 * Reads that NFLOG group from now on, and no other; nothing is done when it is read already. 0,
 * EVENTS_GROUP_TAKEN or a negative errno: then what was read before is still read.
 */
int events_listen(struct events *events, uint16_t group);

/*
 * The same by a socket that an earlier run had bound to that group: what is queued in it was
 * blocked since that run ended, and is heard now. It belongs to events from then on, also after a
 * failure. 0 or a negative errno.
 */
int events_adopt(struct events *events, uint16_t group, int fd);

/* The socket that is read now, which stays the events' own, and its group; -1: none. */
int events_fd(const struct events *events, uint16_t *ret_group);

/* As intake_use_policy(). */
int events_use_policy(struct events *events, const struct policy *policy);

/* As intake_ledger(). */
struct ledger *events_ledger(struct events *events);

/*
 * What became of the packets that the kernel has blocked in all, as just read. Those that are still
 * waiting are settled soon after, so that they can be asked for again.
 */
struct account events_account(struct events *events, uint64_t blocked);

/* How often the kernel had more records than there was room for. */
uint64_t events_overruns(const struct events *events);

/* How many messages of the packet log were none that could be read. */
uint64_t events_bad(const struct events *events);

#endif
