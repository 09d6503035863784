/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KEEPING_H
#define EGRESSD_KEEPING_H

#include "base/cleanup.h"
#include "enforcement.h"
#include "health.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

/*
 * How the requests of run time outlive the daemon: their list is kept in the state directory, and
 * taken up from there at a start. Where that fails, what the kernel's table forbids is taken for
 * the list, so that nobody leaves quarantine because a file could not be read.
 */
struct keeping;

/* A fault came or went; or, with `list`, the list is another one, after the start. */
typedef void (*keeping_told_t)(bool list, void *userdata);

/* All but the result is borrowed and outlives it. 0 or a negative errno. */
int keeping_new(sd_event *event, struct enforcement *enforcement, struct health *health,
                const char *directory, keeping_told_t told, void *userdata,
                struct keeping **ret_keeping);

/* Writes what is not kept yet. Takes NULL, returns NULL. */
struct keeping *keeping_free(struct keeping *keeping);
DEFINE_CLEANUP(struct keeping *, keeping_free)

/*
 * Takes up what an earlier run kept, before anything is committed. 0; a negative errno: neither the
 * list nor the table could be read, and what it would take away by a commit nobody knows.
 */
int keeping_restore(struct keeping *keeping);

/*
 * Keeps the list: it outlives the daemon from now on, and a loss of power at once (durable) or some
 * time later. A disk may take twenty times as long for that as the kernel does for the change, and
 * who asks for a thousand assignments need not wait a thousand times. False when it is not kept.
 */
bool keeping_save(struct keeping *keeping, bool durable);

/*
 * To be told of each request that is out of the list because somebody took it back: it does not
 * come back with a list that can be read only later.
 */
void keeping_note_gone(struct keeping *keeping, const struct request_entry *request);

#endif
