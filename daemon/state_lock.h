/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_STATE_LOCK_H
#define EGRESSD_STATE_LOCK_H

#include "base/cleanup.h"

#include <sys/types.h>

/*
 * The state directory belongs to one daemon at a time, by a lock on the directory itself
 * (flock(2)), which the kernel lets go of when the process that holds it ends, however it does.
 */

#define STATE_LOCK_TAKEN 1 /* another process has it */

/* Who has it; pid 0: it cannot be seen. */
struct state_lock_holder {
	pid_t pid;
	char name[64]; /* of the program, printable */
};

/*
 * Takes the lock; *ret_fd, which holds it, is the caller's to close. The directory is made if that
 * alone is missing. Where there is none, or none that can be read or locked, *ret_fd is -1 and
 * nothing is in the way: a daemon that can keep nothing still enforces. 0, or STATE_LOCK_TAKEN.
 */
int state_lock(const char *directory, int *ret_fd, struct state_lock_holder *ret_holder);

#endif
