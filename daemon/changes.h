/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CHANGES_H
#define EGRESSD_CHANGES_H

#include "base/cleanup.h"
#include "base/person.h"
#include "enforcement.h"
#include "health.h"

#include <systemd/sd-event.h>

/*
 * Changes of run time: requests come, go and end here, and each time the table follows, the list is
 * kept in the state directory, and the timer is set to the next end.
 */
struct changes;

/*
 * Something happened: an event of that kind for the monitors, its sentence, the request (NULL: it
 * is about more than one), who took that back (NULL: nobody did) and the outcome of the commit
 * behind it (NULL: there was none). kind, text and request may be NULL: only the outcome is news.
 */
typedef void (*changes_told_t)(const char *kind, const char *text,
                               const struct request_entry *request, const struct person *by,
                               const struct outcome *outcome, void *userdata);

/* The kinds of events about quarantines, when one comes and when somebody takes it back. */
#define CHANGE_QUARANTINE "quarantine"
#define CHANGE_RELEASE    "release"

/* All but the result is borrowed and outlives it. 0 or a negative errno. */
int changes_new(sd_event *event, struct enforcement *enforcement, struct health *health,
                const char *directory, changes_told_t told, void *userdata,
                struct changes **ret_changes);

/* Takes NULL, returns NULL. */
struct changes *changes_free(struct changes *changes);
DEFINE_CLEANUP(struct changes *, changes_free)

/* Takes up what an earlier run kept, before the first policy is loaded; errors as of
 * keeping_restore(). */
int changes_restore(struct changes *changes);

/*
 * To be called after each loading of the configuration: lets go of requests that are over, because
 * of their time or because of the policy (outcome.over), and says so.
 */
void changes_settle(struct changes *changes, const struct outcome *outcome);

/*
 * Makes the table follow the list, and lets go of what has ended. The kernel may have seen to that
 * already, but not to the flows that it permitted.
 */
void changes_follow(struct changes *changes);

/* The list has got a request that was put in force with the policy: it is to outlive the daemon. */
void changes_keep(struct changes *changes);

/*
 * What came of a request, which is in force as outcome_in_force() says. LOAD_REJECTED: it makes no
 * sense, outcome.problems say why.
 */
struct changed {
	struct outcome outcome;
	struct request_entry *request; /* in the list; lasts until the next change */
	struct request_entry replaced; /* whose place it took; id 0: nobody's */
	bool kept;                     /* it outlives the daemon */
	double keeping_milliseconds;   /* to make it so */
};
void changed_done(struct changed *changed);

/*
 * Puts a request in force, from now for so many seconds (0: for good). When it is in force it
 * belongs to the list, else it is still the caller's. Needs a policy.
 */
void changes_add(struct changes *changes, struct request_entry *request, uint64_t seconds,
                 struct changed *ret_changed);

/*
 * Ends a request that is in the list. When that is in force it is out of it and belongs to the
 * caller (*ret_removed).
 */
void changes_remove(struct changes *changes, const struct request_entry *request,
                    const struct person *by, struct request_entry *ret_removed,
                    struct changed *ret_changed);

#endif
