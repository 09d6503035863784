/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_NAMES_H
#define EGRESSD_RULESET_NAMES_H

#include "base/address.h"
#include "base/reason.h"

#include <stdbool.h>

/* Names in the table that somebody asks for again: counters, and the sets that packets fill. */

#define COUNTER_NAME_MAX 128 /* longest reason and longest role name fit */

/* "permitted_ROLE"; returns buffer. */
const char *counter_permitted(const char *role, char buffer[static COUNTER_NAME_MAX]);

/* "blocked_REASON_ROLE", or "blocked_REASON" where the reason counts for no role (NULL). */
const char *counter_blocked(enum reason reason, const char *role,
                            char buffer[static COUNTER_NAME_MAX]);

/* "revoked_ROLE", or "revoked" for flows of hosts that the policy has no more (NULL). */
const char *counter_revoked(const char *role, char buffer[static COUNTER_NAME_MAX]);

/* True for one of these, whichever role it counts for. */
bool counter_is_revoked(const char *name);

/* True for the counter of that reason, whichever role it counts for. */
bool counter_is_blocked(const char *name, enum reason reason);

/* The dynamic set of blocked sources of a family. */
const char *set_blocked_source(enum family family);

/* The dynamic set of flows of a family that a change of policy cut. */
const char *set_revoked(enum family family);

/* The dynamic set of a family's first contacts that were told: pairs of source and destination. One
 * is told again after so long. */
const char *set_contacted(enum family family);
#define CONTACTED_SECONDS 300

/* The dynamic set of a family's pairs of source and destination that throttles know. */
const char *set_known(enum family family);

/* The dynamic set of a family's connections that were picked up, with the keys of set_revoked():
 * as the packets of the end that sent first have them. An unused one is forgotten after so long. */
const char *set_picked_up(enum family family);
#define PICKED_UP_SECONDS (5 * 24 * 60 * 60)
#define PICKED_UP_MAX     65536 /* connections of a family */

/* The timed set of the protocols for which the pickup window is open. */
#define SET_PICKUP_WINDOW "pickup_window"

/* How the names of chains begin that judge a packet with its ends swapped: where it comes in, what
 * judges it, and where it ends. What they do not permit goes on as without them. */
#define CHAIN_PICKUP  "pickup"
#define CHAIN_SWAPPED "swapped"
#define CHAIN_PICK_UP "pick_up"

/* True for a set that only rules ask which permit something: more elements permit more. */
bool set_permits(const char *name);

/* How the names of all these begin. */
#define SET_QUARANTINED  "quarantined"
#define CHAIN_QUARANTINE "quarantine"

/* How the names of chains begin in which they are told. */
#define CHAIN_CONTACT "contact_"

#define SET_ASSIGNED_TO "assigned_to_" /* a role, and "_4" or "_6" */
#define CHAIN_PERMIT    "permit_"      /* its number */

/* What a permit lets an address initiate that belongs to nobody ends there; also its counter. */
#define CHAIN_PERMITTED "permitted"

/*
 * True for a set of what is in quarantine, and for a chain of those that ask for it. What they drop
 * never comes to where flows are judged: no flow has to be judged again when they change.
 */
bool set_quarantines(const char *name);
bool chain_quarantines(const char *name);

/* True for a chain to which only what is permitted goes (an established flow is past all
 * throttles), or which permits and else returns. */
bool chain_permits(const char *name);

/* How long a cut flow is remembered: its packets until then are no attempts. */
#define REVOKED_SECONDS 60

#endif
