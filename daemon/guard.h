/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_GUARD_H
#define EGRESSD_GUARD_H

#include "base/cleanup.h"
#include "base/time.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Notices when another process commits a change to the kernel's rules, whichever it is: it may have
 * been to our table.
 */
struct guard;

/* How long after the first foreign change, so that a burst of them is one; and how long at most
 * between two calls while somebody goes on changing: each one in a row doubles the wait. */
#define GUARD_WAIT     (100 * USEC_PER_MSEC)
#define GUARD_WAIT_MAX (60 * USEC_PER_SEC)

enum guard_result {
	GUARD_CALM,     /* our table was as wanted */
	GUARD_REPAIRED, /* it was put right */
	GUARD_FAILED,   /* it could not be: to be tried again */
};

/*
 * The table has to be compared with what is wanted. `process` and `pid` are the latest that was at
 * it, as the kernel named it (pid 0, "": unknown, because events were lost).
 */
typedef enum guard_result (*guard_changed_t)(const char *process, uint32_t pid, void *userdata);

/* Begins to watch; event and userdata are borrowed and outlive it. 0 or a negative errno. */
int guard_new(sd_event *event, guard_changed_t changed, void *userdata, struct guard **ret_guard);

/* As if somebody unknown had changed something just now; 0 or a negative errno. */
int guard_suspect(struct guard *guard);

/* Takes NULL, returns NULL. */
struct guard *guard_free(struct guard *guard);
DEFINE_CLEANUP(struct guard *, guard_free)

#endif
