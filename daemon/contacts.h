/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTACTS_H
#define EGRESSD_CONTACTS_H

#include "alarms.h"
#include "base/cleanup.h"
#include "enforcement.h"
#include "health.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Hears whom hosts contact for the first time and may, for the random walk (detection.trw) of those
 * roles that ask for it; without such a role there is no socket and nothing in the table.
 *
 * The kernel tells a pair of source and destination once in CONTACTED_SECONDS, by a packet log of
 * its own. Events of conntrack would need no group, but tell every connection of everybody, inbound
 * ones too, at some microseconds each, and not what the policy thinks of it.
 *
 * Where something may have been missed, the walk judges nobody until the sets of what was told are
 * emptied: from then on the kernel tells everything anew.
 */
struct contacts;

/* So long at least from one time that they are emptied for that to the next one. */
#define CONTACTS_ANEW_EVERY (60 * USEC_PER_SEC)

/* changed() is called when a fault, or what contacts_note_health() says, came or went unasked. All
 * is borrowed and outlives it. 0 or a negative errno. */
int contacts_new(sd_event *event, const struct enforcement *enforcement, struct alarms *alarms,
                 struct health *health, void (*changed)(void *userdata), void *userdata,
                 struct contacts **ret_contacts);

/* Takes NULL, returns NULL. */
struct contacts *contacts_free(struct contacts *contacts);
DEFINE_CLEANUP(struct contacts *, contacts_free)

/*
 * Before a policy is committed: listens, if it has a role that asks for it. Where that cannot be it
 * is a fault (FAULT_CONTACTS), enforcement stands, and it is tried again.
 */
void contacts_prepare(struct contacts *contacts, const struct policy *candidate);

/* The policy of the enforcement is in force. */
void contacts_use_policy(struct contacts *contacts);

/*
 * To be called before an attempt of that time is judged: hears all contacts before it, whatever
 * there is else to do.
 */
void contacts_catch_up(struct contacts *contacts, usec_t time);

/* The table was not as it should be for a while: contacts may have been missed. */
void contacts_doubt(struct contacts *contacts);

/* Sets NOTICE_CONTACTS as it is now. */
void contacts_note_health(struct contacts *contacts);

struct contacts_counts {
	bool known; /* no contact was missed since the walks began */
	uint64_t heard;
	uint64_t lost;    /* gaps in the records' numbers */
	uint64_t gaps;    /* how often the walks had to begin anew since contacts were missed */
	uint64_t no_room; /* contacts forgotten early, or of sources that are not judged */
};

/* False: no role asks for it. */
bool contacts_count(const struct contacts *contacts, struct contacts_counts *ret_counts);

#endif
