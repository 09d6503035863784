/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_EXPIRY_H
#define EGRESSD_EXPIRY_H

#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

/*
 * Wakes the daemon when something is due: the next request ends (the kernel ends it by itself; what
 * the daemon does then is to cut its flows and to tell), or what failed can be tried again.
 */
struct expiry;

/* How long after a failure it is tried again; each one in a row doubles it, to the second. */
#define EXPIRY_RETRY     USEC_PER_SEC
#define EXPIRY_RETRY_MAX (60 * USEC_PER_SEC)

/* Nothing is due yet; event and userdata are borrowed and outlive it. 0 or a negative errno. */
int expiry_new(sd_event *event, void (*due)(void *userdata), void *userdata,
               struct expiry **ret_expiry);

/* Takes NULL, returns NULL. */
struct expiry *expiry_free(struct expiry *expiry);
DEFINE_CLEANUP(struct expiry *, expiry_free)

/*
 * Calls due() in so many microseconds, and not at any time that was set before. The span passes
 * whatever is done to the time of day. 0 or a negative errno.
 */
int expiry_in(struct expiry *expiry, usec_t span);

/* Nothing is due any more. */
void expiry_never(struct expiry *expiry);

/* What was due could not be done: calls due() again later. */
void expiry_again(struct expiry *expiry);

/* What was due is done: the next failure is tried again as soon as a first one. */
void expiry_calm(struct expiry *expiry);

/* Until it is done, calls due() again, slower each time; nothing is due then. */
void expiry_until_done(struct expiry *expiry, bool done);

#endif
