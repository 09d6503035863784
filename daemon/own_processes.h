/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_OWN_PROCESSES_H
#define EGRESSD_OWN_PROCESSES_H

#include "base/cleanup.h"
#include "events.h"
#include "policy/policy.h"
#include "process_finder.h"

#include <systemd/sd-event.h>

/* Which processes tried what the gateway itself may not initiate: asked for, if the policy says so,
 * and remembered. */
struct own_processes;

#define OWN_PROCESSES_MAX 256 /* that are remembered, some 750 bytes each */

/*
 * The helper listens at path, which is borrowed. found() gets what was just remembered, and
 * trouble() what is wrong with the helper, see process_finder.h. 0 or a negative errno.
 */
int own_processes_new(sd_event *event, const char *path, process_found_t found,
                      process_trouble_t trouble, void *userdata, struct own_processes **ret_own);

/* Takes NULL, returns NULL. */
struct own_processes *own_processes_free(struct own_processes *own);
DEFINE_CLEANUP(struct own_processes *, own_processes_free)

/* The policy in force, or NULL: whether processes are asked for at all. */
void own_processes_use_policy(struct own_processes *own, const struct policy *policy);

/* Asks about a new attempt, if it is the gateway's own. */
void own_processes_take_attempt(struct own_processes *own, const struct ledger_noted *noted,
                                const struct sighting *sighting);

/* What was seen so far. */
const struct processes *own_processes_seen(const struct own_processes *own);

struct process_counts own_processes_counts(const struct own_processes *own);

#endif
