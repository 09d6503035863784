/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_QUARANTINER_H
#define EGRESSD_QUARANTINER_H

#include "base/cleanup.h"
#include "changes.h"
#include "track/alarm_book.h"

#include <systemd/sd-event.h>

/*
 * Puts hosts in quarantine by themselves, when one of the alarms that their role names is open and
 * nobody looks after it yet: the one address that did it, or all of a host that is one machine.
 *
 * Whoever shares a segment with others can forge their addresses, and so might have them all put
 * there. Therefore: never what the neighbour table knows by another MAC than the attempt came from,
 * or a neighbour that it does not know, never the gateway's own addresses, at most `most` of a role
 * at a time, and at most QUARANTINES_A_MINUTE in all. What is left out because of these is told,
 * and still blocked as far as its role blocks it. Of a role or host in audit mode it is told only
 * who would be put there.
 */
struct quarantiner;

#define QUARANTINES_A_MINUTE 4

/* Told of what was not done, and why; nothing else happens at that time. */
typedef void (*quarantiner_told_t)(const char *text, void *userdata);

/* All is borrowed and outlives it. 0 or a negative errno. */
int quarantiner_new(sd_event *event, const struct enforcement *enforcement, struct changes *changes,
                    struct health *health, quarantiner_told_t told, void *userdata,
                    struct quarantiner **ret_quarantiner);

/* Takes NULL, returns NULL. */
struct quarantiner *quarantiner_free(struct quarantiner *quarantiner);
DEFINE_CLEANUP(struct quarantiner *, quarantiner_free)

/* As an alarm_listener_t: what there is to do is done soon after, not at once. */
void quarantiner_take_alarm(struct quarantiner *quarantiner, const struct alarm *alarm,
                            enum alarm_change change);

/*
 * Somebody released a host or address: the open alarms that would put it there again are
 * acknowledged in his name, and count on in silence.
 */
void quarantiner_released(const struct quarantiner *quarantiner,
                          const struct request_entry *request, const struct person *by,
                          struct alarm_book *book);

#endif
