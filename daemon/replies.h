/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_REPLIES_H
#define EGRESSD_REPLIES_H

#include "base/problems.h"
#include "counts.h"
#include "json_release.h"
#include "policy/policy.h"
#include "policy/request.h"
#include "track/ledger.h"
#include "track/processes.h"

#include <jansson.h>

/*
 * Pieces of replies, in the types of io.egressd.varlink. All give a new reference, or NULL without
 * memory.
 */

/* type Blocked; the policy (or NULL) knows what the service is called, and processes (or NULL)
 * which one of the gateway tried it. */
json_t *reply_blocked(const struct ledger_entry *entry, const struct policy *policy,
                      const struct processes *processes);

/* The mode that is written somewhere; null for none. */
json_t *reply_mode(enum mode declared);

/* Who says which mode is in effect: "host", "role" or "gateway". NULL: it is about the role. */
const char *reply_mode_from(const struct host *host, const struct role *role);

/* []Problem */
json_t *reply_problems(const struct problems *problems);

/* type Throttle, or null */
json_t *reply_throttle(const struct throttle *throttle);

/* type Count */
json_t *reply_count(struct count count);

/* type Assignment and type TemporaryPermit */
json_t *reply_assignment(const struct request_entry *entry);
json_t *reply_permit(const struct request_entry *entry);
json_t *reply_window(const struct request_entry *entry);

/* type Quarantined; the policy (or NULL) knows whose the address is. */
json_t *reply_quarantine(const struct request_entry *entry, const struct policy *policy);

/* How many hosts each role has, addresses that took it at run time included, by the role's index;
 * free(3) it. */
size_t *reply_hosts_by_role(const struct policy *policy);

/*
 * A string of which nobody knows whether it is UTF-8, as file names and quoted mistakes; if it is
 * not, bytes beyond ASCII become question marks.
 */
json_t *reply_string(const char *text);

/* The same, or null for NULL and "". */
json_t *reply_optional(const char *text);

#endif
