/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_GUARD_H
#define EGRESSD_GUARD_H

#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/generation.h"
#include "kernel/socket.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Sees to it that the table is compared with what is wanted: at once when another process commits a
 * change to the kernel's rules, whichever table it is to, and now and then without any.
 *
 * The first change of a table that is found opens the gateway for as long as it takes to notice and
 * undo it. So nothing is waited for then; only who changes it again at once waits ever longer.
 */
struct guard;

/* Before the second repair in a row, doubled for each one more; and how long at most. */
#define GUARD_WAIT     (10 * USEC_PER_MSEC)
#define GUARD_WAIT_MAX (1 * USEC_PER_SEC)
/* The same between tries when the table could not be put right. */
#define GUARD_RETRY     (100 * USEC_PER_MSEC)
#define GUARD_RETRY_MAX (10 * USEC_PER_SEC)
/* After so long without a repair the next one is as quick as the first. */
#define GUARD_CALM (10 * USEC_PER_SEC)
/* However many change rules of their own: we look for a fourth of the time at most. */
#define GUARD_REST 3
/* Without any change that we were told of. */
#define GUARD_EVERY (60 * USEC_PER_SEC)
#define GUARD_WHOLE 60 /* of these looks, one reads the whole table anew */

enum guard_result {
	GUARD_CALM_TABLE, /* our table was as wanted */
	GUARD_REPAIRED,   /* it was put right */
	GUARD_FAILED,     /* it could not be: to be tried again */
};

/* Why the table is to be looked at. */
struct suspicion {
	char process[COMMITTER_NAME_MAX]; /* the latest that committed anything; "", pid 0: unknown */
	uint32_t pid;
	bool others;     /* since the last look another one did as well */
	usec_t noticed;  /* CLOCK_MONOTONIC */
	unsigned before; /* repairs in this row already */
	bool routine;    /* nothing was noticed */
	bool whole;      /* what is known of the table is not to be believed */
};

typedef enum guard_result (*guard_look_t)(const struct suspicion *suspicion, void *userdata);

/* There were repairs in a row, and for GUARD_CALM there was none. */
typedef void (*guard_calm_t)(void *userdata);

/*
 * Begins to watch; commits of that kernel are nothing to look at. What is given is borrowed and
 * outlives it. 0 or a negative errno.
 */
int guard_new(sd_event *event, const struct kernel *kernel, guard_look_t look, guard_calm_t calm,
              void *userdata, struct guard **ret_guard);

/* As if somebody unknown had changed something just now; 0 or a negative errno. */
int guard_suspect(struct guard *guard);

/* Takes NULL, returns NULL. */
struct guard *guard_free(struct guard *guard);
DEFINE_CLEANUP(struct guard *, guard_free)

#endif
