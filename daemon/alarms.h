/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ALARMS_H
#define EGRESSD_ALARMS_H

#include "base/cleanup.h"
#include "intake.h"
#include "policy/runtime.h"
#include "track/alarm_book.h"
#include "track/detect.h"

#include <systemd/sd-event.h>

/* From attempts to alarms: the detectors, the book that they write in, and its clock. */
struct alarms;

/* So many alarms are kept at most, the cleared ones among them. */
#define ALARMS_MAX 1024

/* Told of every change of an alarm, mere updates too; see alarm_listener_t. */
int alarms_new(sd_event *event, alarm_listener_t listener, void *userdata,
               struct alarms **ret_alarms);

/* Takes NULL, returns NULL. */
struct alarms *alarms_free(struct alarms *alarms);
DEFINE_CLEANUP(struct alarms *, alarms_free)

/*
 * The policy in force; NULL for none. 0, or -ENOMEM: then sources are judged as without one, or as
 * before.
 */
int alarms_use_policy(struct alarms *alarms, const struct policy *policy);

/* An attempt of that source may be shown soon; see detect_expect(). */
struct expected_source alarms_expect(const struct alarms *alarms, const struct address *source);

/* See detect_approach(). */
void alarms_approach(const struct alarms *alarms, const struct expected_source *expected,
                     const struct stream *stream);

/* Shows a new attempt to the detectors. */
void alarms_take_attempt(struct alarms *alarms, const struct ledger_noted *noted,
                         const struct sighting *sighting);

/*
 * How the detectors go on after a restart: the beats of an entry, to be kept with it, and what to
 * remind them of; see detect_remember(). The policy is the one in force, or NULL.
 */
unsigned alarms_beats(const struct alarms *alarms, const struct stream *stream,
                      usec_t ret_beats[static BEACON_BEATS]);
void alarms_remember(struct alarms *alarms, const struct policy *policy,
                     const struct ledger_noted *noted, const usec_t *beats, unsigned beat_count);

/*
 * A host contacted somebody and may: shows it to the detectors. And: they see all such contacts
 * since then, or do not any more, see trw_know(); and what of them there was no room for.
 */
void alarms_take_contact(struct alarms *alarms, const struct host *host,
                         const struct address *source, const struct address *destination,
                         usec_t time);
void alarms_know_contacts(struct alarms *alarms, usec_t since);
void alarms_doubt_contacts(struct alarms *alarms);
struct trw_counts alarms_contact_counts(const struct alarms *alarms);

/* Somebody changed the table; the sentence of report_tampering(). */
void alarms_take_tampering(struct alarms *alarms, const char *sentence);

/*
 * Somebody, or egressd itself, put a host or address in quarantine: opens its alarm, unless that is
 * open and says the same. And: the alarms of quarantines that the policy has no more are cleared,
 * in the name of who took them back (NULL: nobody did); nothing is without one.
 */
void alarms_take_quarantine(struct alarms *alarms, const struct policy *policy,
                            const struct quarantine *quarantine);
void alarms_end_quarantines(struct alarms *alarms, const struct policy *policy,
                            const struct person *by);

/* The book, to be read, and to have alarms acknowledged and cleared in. */
struct alarm_book *alarms_book(struct alarms *alarms);

/* How many alarms are open and nobody has acknowledged them. */
size_t alarms_open(struct alarms *alarms);

/* What became of all attempts. */
struct detect_counts alarms_detected(const struct alarms *alarms);

#endif
