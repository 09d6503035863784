/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ON_ALARM_H
#define EGRESSD_ON_ALARM_H

#include "base/cleanup.h"
#include "policy/policy.h"
#include "track/alarm_book.h"

#include <systemd/sd-event.h>

/*
 * Tells of alarms by what the configuration names: a unit of systemd, or a program. Whatever these
 * do or fail to do, the daemon goes on; what it could not tell is in the journal, and a fault until
 * the next one is told.
 */
struct on_alarm_teller;

/* So many programs run at once; so many alarms wait for their turn; so many are told a minute. */
#define ON_ALARM_AT_ONCE  4
#define ON_ALARM_WAITING  64
#define ON_ALARM_A_MINUTE 60

/* After so long a program is killed. */
#define ON_ALARM_TIME (30 * USEC_PER_SEC)

/* Nobody is told of alarms, and why; NULL: they are again, as far as is known. */
typedef void (*on_alarm_fault_t)(const char *fault, void *userdata);

/* Blocks SIGCHLD. 0 or a negative errno. */
int on_alarm_new(sd_event *event, on_alarm_fault_t fault, void *userdata,
                 struct on_alarm_teller **ret_teller);

/* Takes NULL, returns NULL. */
struct on_alarm_teller *on_alarm_free(struct on_alarm_teller *teller);
DEFINE_CLEANUP(struct on_alarm_teller *, on_alarm_free)

/* The policy in force (NULL: none); says what of it cannot be done. 0 or -ENOMEM. */
int on_alarm_use_policy(struct on_alarm_teller *teller, const struct policy *policy);

/* An alarm has changed; those that opened, or opened again, are told. */
void on_alarm_tell(struct on_alarm_teller *teller, const struct alarm *alarm,
                   enum alarm_change change);

#endif
