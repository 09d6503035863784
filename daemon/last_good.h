/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_LAST_GOOD_H
#define EGRESSD_LAST_GOOD_H

#include "base/cleanup.h"
#include "health.h"
#include "policy/snapshot.h"

#include <systemd/sd-event.h>

/*
 * The files of the last configuration that came into force, kept as one file in the state directory
 * for a start at which those on disk are deleted, torn or full of mistakes. It is written a second
 * after the change, so that nobody waits for the disk, and again until it could be.
 */
struct last_good;

#define LAST_GOOD_NAME      "last-good.conf"
#define LAST_GOOD_MAX       (SNAPSHOT_BYTES_MAX + (size_t)16 * 1024 * 1024) /* bytes */
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

/* That configuration came into force then, as the policy of that digest; NULL: it did not. */
void last_good_end(struct last_good *last, const char *digest, usec_t time);

/* A snapshot that was read, and the text that it points into. Start from {}. */
struct kept {
	struct snapshot snapshot;
	char *text;
};
void kept_done(struct kept *kept);

/*
 * Reads what an earlier run kept. 0; -ENOENT: nothing; STATE_FILE_BROKEN: it is not to be believed,
 * *ret_wrong (from malloc) says why, and where it was moved; or a negative errno.
 */
int last_good_read(const char *directory, struct kept *ret_kept, char **ret_wrong);

#endif
