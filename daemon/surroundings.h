/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_SURROUNDINGS_H
#define EGRESSD_SURROUNDINGS_H

#include "base/cleanup.h"
#include "enforcement.h"
#include "health.h"

#include <systemd/sd-event.h>

/*
 * What of the gateway is not ours and yet bears on what we do: other tables, bridges, the table of
 * connections, the kernel, who may write where our state is kept. It is looked at, told as faults
 * (enforcement is weaker by it) and notices (it is not), and never touched.
 */
struct surroundings;

/* Called after a look, when the faults may be others. */
typedef void (*surroundings_seen_t)(void *userdata);

/*
 * With the state directory, which is looked at too. What is given is borrowed and outlives it. 0 or
 * a negative errno.
 */
int surroundings_new(sd_event *event, const struct enforcement *enforcement, const char *state,
                     struct health *health, surroundings_seen_t seen, void *userdata,
                     struct surroundings **ret_surroundings);

/* Takes NULL, returns NULL. */
struct surroundings *surroundings_free(struct surroundings *surroundings);
DEFINE_CLEANUP(struct surroundings *, surroundings_free)

/* A policy came into force: what depends on it and must be in the answer, is looked at now. */
void surroundings_use_policy(struct surroundings *surroundings);

/* Something may have changed: has them looked at soon, however often that is said. */
void surroundings_suspect(struct surroundings *surroundings);

#endif
