/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_LAST_GOOD_H
#define EGRESSD_LAST_GOOD_H

#include "base/cleanup.h"
#include "health.h"
#include "policy/policy.h"
#include "policy/snapshot.h"

#include <systemd/sd-event.h>

/*
 * The files of the last configuration that came into force, kept as one file in the state directory
 * for a start at which those on disk are deleted, torn or full of mistakes. The file is written a
 * second after the change, so that nobody waits for the disk, and again until that succeeds. When
 * the policy is another one, the copy before stays beside it (see copies.h); a configuration that
 * means the same, as after a restart or when a comment was edited, only replaces the last copy.
 */
struct last_good;

#define LAST_GOOD_AFTER     USEC_PER_SEC
#define LAST_GOOD_AGAIN     (2 * USEC_PER_SEC) /* after a failure, then twice as long each time */
#define LAST_GOOD_AGAIN_MAX (300 * USEC_PER_SEC)

/*
 * settled is called when FAULT_KEPT came or went, and reload when the configuration has to be
 * loaded once more to be kept. All is borrowed and outlives it. 0 or a negative errno.
 */
int last_good_new(sd_event *event, const char *directory, struct health *health,
                  void (*settled)(void *userdata), void (*reload)(void *userdata), void *userdata,
                  struct last_good **ret_last);

/* Writes at once what waits to be written. Takes NULL, returns NULL. */
struct last_good *last_good_free(struct last_good *last);
DEFINE_CLEANUP(struct last_good *, last_good_free)

/*
 * What gets the files of a configuration that is being loaded; NULL when it cannot be had, which is
 * a fault then.
 */
struct snapshot_writer *last_good_begin(struct last_good *last);

/*
 * The configuration came into force at that time, as that policy (NULL: it did not come into
 * force). The policy is borrowed until the next call with a policy, until last_good_forget() or
 * until last_good_free().
 */
void last_good_end(struct last_good *last, const struct policy *policy, usec_t time);

/* Before a policy is freed, which may be NULL: what still waits to be written keeps its meaning. */
void last_good_forget(struct last_good *last, const struct policy *policy);

/*
 * The policy of the last copy, when its files differ from those of `policy`; the caller frees it.
 * NULL when they do not differ, or when there is no copy that can be loaded.
 */
struct policy *last_good_other(struct last_good *last, const struct policy *policy);

/* The last copy cannot be loaded: the one before is worth more, and is not replaced by it. */
void last_good_distrust(struct last_good *last);

#endif
