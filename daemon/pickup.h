/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PICKUP_H
#define EGRESSD_PICKUP_H

#include "base/cleanup.h"
#include "enforcement.h"

#include <systemd/sd-event.h>

/*
 * Connections that are older than the kernel's table of connections (policy/runtime.h). The first
 * start of a boot opens the pickup window; what was picked up is remembered as long as conntrack
 * has the connection, and when nothing is left, the rules for it go.
 */
struct pickup_keeper;

/* Which boot of the machine had a policy in force, in the state directory. */
#define BOOT_ID_FILE_NAME "boot-id"

/* The last connection that was picked up is forgotten: the table can do without the rules. */
typedef void (*pickup_empty_t)(void *userdata);

/* All but the result is borrowed and outlives it. 0 or a negative errno. */
int pickup_keeper_new(sd_event *event, struct enforcement *enforcement, const char *directory,
                      pickup_empty_t empty, void *userdata, struct pickup_keeper **ret_keeper);

/* Takes NULL, returns NULL. */
struct pickup_keeper *pickup_keeper_free(struct pickup_keeper *keeper);
DEFINE_CLEANUP(struct pickup_keeper *, pickup_keeper_free)

/*
 * To be called before a policy is bound to its requests. If this boot has had no policy in force,
 * the window becomes one of the requests. A start with a table of ours opens none, nor does one of
 * which the state directory says that an earlier run of this boot had a policy; a repair never
 * comes here.
 */
void pickup_keeper_prepare(struct pickup_keeper *keeper, const struct policy *candidate);

/* To be called once a policy is in force, and when the requests have changed. True when the window
 * of the start was opened just now. */
bool pickup_keeper_settle(struct pickup_keeper *keeper);

#endif
