/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_HELPER_H
#define EGRESSD_HELPER_H

#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/*
 * A program that is run with nothing of the daemon's but its environment: as another user, in a
 * process group of its own, without capabilities, new privileges or open files, and not for long.
 */
struct helper;

struct helper_user {
	uid_t uid;
	gid_t gid;
};

/* How a helper ended: its wait status, and whether it had to be killed. */
typedef void (*helper_ended_t)(struct helper *helper, int status, bool killed, void *userdata);

/* What may run as that user: 0, or -EPERM when the daemon lacks what it takes to become him. */
int helper_may_be(const struct helper_user *user);

/*
 * Runs a program: no shell, no arguments but its own name, input and output nowhere. ended() is
 * called once, and may free the helper. After so long it is killed, with whatever it has started in
 * its group. 0 or a negative errno, also when it cannot be executed.
 */
int helper_run(sd_event *event, const char *command, const struct helper_user *user,
               char *const *environment, usec_t time, helper_ended_t ended, void *userdata,
               struct helper **ret_helper);

/* Kills it if it still runs; takes NULL, returns NULL. */
struct helper *helper_free(struct helper *helper);
DEFINE_CLEANUP(struct helper *, helper_free)

#endif
