/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alarms.h"

#include "clock.h"
#include "facts.h"
#include "journal.h"
#include "track/detect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often it is looked which alarms were quiet for long enough. */
#define EXPIRE_EVERY    (5 * USEC_PER_SEC)
#define EXPIRE_ACCURACY USEC_PER_SEC

struct alarms {
	sd_event_source *timer;
	struct alarm_book *book;
	struct detect *detect;
	struct facts *facts;
};

static void arm(struct alarms *alarms)
{
	int r = sd_event_source_set_time_relative(alarms->timer, EXPIRE_EVERY);
	if (r >= 0)
		r = sd_event_source_set_enabled(alarms->timer, SD_EVENT_ONESHOT);
	if (r < 0)
		journal(LOG_WARNING, "Alarms do not clear by themselves: %s", strerror(-r));
}

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct alarms *alarms = userdata;
	alarm_book_expire(alarms->book, clock_realtime(), clock_boottime());
	arm(alarms);
	return 0;
}

int alarms_new(sd_event *event, alarm_listener_t listener, void *userdata,
               struct alarms **ret_alarms)
{
	_cleanup_(alarms_freep) struct alarms *alarms = calloc(1, sizeof(*alarms));
	if (!alarms)
		return -ENOMEM;
	int r = alarm_book_new(ALARMS_MAX, 0, listener, userdata, &alarms->book);
	if (r >= 0)
		alarm_book_expire(alarms->book, clock_realtime(), clock_boottime());
	if (r >= 0)
		r = detect_new(&detect_sizes_standard, alarms->book, &alarms->detect);
	if (r >= 0)
		r = facts_new(NULL, &alarms->facts);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &alarms->timer, CLOCK_MONOTONIC, EXPIRE_EVERY,
		                               EXPIRE_ACCURACY, on_time, alarms);
	if (r < 0)
		return r;
	*ret_alarms = TAKE_POINTER(alarms);
	return 0;
}

struct alarms *alarms_free(struct alarms *alarms)
{
	if (alarms) {
		sd_event_source_disable_unref(alarms->timer);
		facts_free(alarms->facts);
		detect_free(alarms->detect);
		alarm_book_free(alarms->book);
		free(alarms);
	}
	return NULL;
}

int alarms_use_policy(struct alarms *alarms, const struct policy *policy)
{
	struct facts *facts;
	int r = facts_new(policy, &facts);
	if (r < 0 && facts_new(NULL, &facts) < 0)
		return r; /* there is nothing that could be said of anybody */
	facts_free(alarms->facts);
	alarms->facts = facts;
	return r;
}

struct expected_source alarms_expect(const struct alarms *alarms, const struct address *source)
{
	return detect_expect(alarms->detect, source);
}

void alarms_approach(const struct alarms *alarms, const struct expected_source *expected,
                     const struct stream *stream)
{
	detect_approach(alarms->detect, expected, stream);
}

void alarms_take_attempt(struct alarms *alarms, const struct ledger_noted *noted,
                         const struct sighting *sighting)
{
	struct detect_facts facts = facts_of(alarms->facts, sighting, noted->last);
	if (sighting->expected)
		detect_expected_attempt(alarms->detect, sighting->expected, noted, &facts,
		                        noted->last);
	else
		detect_attempt(alarms->detect, noted, &facts, noted->last);
}

unsigned alarms_beats(const struct alarms *alarms, const struct stream *stream,
                      usec_t ret_beats[static BEACON_BEATS])
{
	return detect_beats(alarms->detect, stream, ret_beats);
}

void alarms_remember(struct alarms *alarms, const struct policy *policy,
                     const struct ledger_noted *noted, const usec_t *beats, unsigned beat_count)
{
	struct sighting sighting = {};
	if (policy)
		sighting.host = policy_host_at(policy, &noted->key.source);
	if (policy && !sighting.host && noted->has_mac)
		sighting.host = policy_host_by_mac(policy, &noted->mac);
	struct detect_facts facts = facts_of(alarms->facts, &sighting, noted->last);
	detect_remember(alarms->detect, noted, &facts, beats, beat_count, clock_realtime());
}

void alarms_take_contact(struct alarms *alarms, const struct host *host,
                         const struct address *source, const struct address *destination,
                         usec_t time)
{
	const struct detect_facts facts = {.thresholds = facts_thresholds(alarms->facts, host)};
	const struct stream stream = {.source = *source, .destination.address = *destination};
	detect_contact(alarms->detect, &stream, &facts, time);
}

void alarms_know_contacts(struct alarms *alarms, usec_t since)
{
	detect_know_contacts(alarms->detect, since);
}

void alarms_doubt_contacts(struct alarms *alarms)
{
	detect_doubt_contacts(alarms->detect);
}

struct trw_counts alarms_contact_counts(const struct alarms *alarms)
{
	return detect_contact_counts(alarms->detect);
}

void alarms_take_tampering(struct alarms *alarms, const char *sentence)
{
	usec_t now = clock_realtime();
	const struct thresholds *thresholds = facts_thresholds(alarms->facts, NULL);
	struct alarm news = {
	        .cause = {.kind = ALARM_TAMPER},
	        .severity = thresholds->severity[ALARM_TAMPER],
	        .attempts = 1,
	        .first = now,
	        .last = now,
	        .quiet = thresholds->quiet,
	};
	alarm_name(news.detail, sizeof(news.detail), sentence);
	alarm_book_raise(alarms->book, &news);
}

/* As the detectors know the sender. */
static struct alarm_cause quarantine_cause(const struct alarms *alarms, const struct policy *policy,
                                           const struct quarantine *quarantine,
                                           const struct host **ret_host)
{
	const struct host *host = quarantine->host;
	bool one = true;
	if (!host) {
		host = policy_host_at(policy, &quarantine->address);
		one = host && host->one_machine;
	}
	*ret_host = host;
	return alarm_host_cause(ALARM_QUARANTINE, host ? host->name : NULL, one,
	                        &quarantine->address);
}

void alarms_take_quarantine(struct alarms *alarms, const struct policy *policy,
                            const struct quarantine *quarantine)
{
	const struct host *host;
	usec_t now = clock_realtime();
	struct alarm news = {
	        .cause = quarantine_cause(alarms, policy, quarantine, &host),
	        .severity = facts_thresholds(alarms->facts, host)->severity[ALARM_QUARANTINE],
	        .source = quarantine->address,
	        .has_source = !quarantine->host,
	        .first = now,
	        .last = now,
	};
	alarm_name(news.host, sizeof(news.host), host ? host->name : NULL);
	alarm_name(news.role, sizeof(news.role), host ? host->role->name : NULL);
	alarm_name(news.detail, sizeof(news.detail), quarantine->comment);

	const struct alarm *before = alarm_book_find(alarms->book, &news.cause);
	if (before && memcmp(before->detail, news.detail, sizeof(news.detail)) == 0)
		return;
	if (before)
		(void)alarm_book_clear(alarms->book, before->id, NULL, now);
	alarm_book_raise(alarms->book, &news);
}

static bool is_in_quarantine(const struct alarms *alarms, const struct policy *policy,
                             const struct alarm_cause *cause)
{
	const struct runtime *runtime = policy ? policy->runtime : NULL;
	for (size_t i = 0; runtime && i < runtime->quarantines.count; i++) {
		const struct host *host;
		struct alarm_cause other =
		        quarantine_cause(alarms, policy, &runtime->quarantines.items[i], &host);
		if (memcmp(&other, cause, sizeof(other)) == 0)
			return true;
	}
	return false;
}

void alarms_end_quarantines(struct alarms *alarms, const struct policy *policy,
                            const struct person *by)
{
	struct alarm_book *book = alarms->book;
	if (!policy || !alarm_book_counts(book).open[ALARM_QUARANTINE])
		return;
	for (const struct alarm *a = alarm_book_next(book, 0); a; a = alarm_book_next(book, a->id))
		if (a->cause.kind == ALARM_QUARANTINE && a->state != ALARM_CLEARED &&
		    !is_in_quarantine(alarms, policy, &a->cause))
			(void)alarm_book_clear(book, a->id, by, clock_realtime());
}

struct alarm_book *alarms_book(struct alarms *alarms)
{
	return alarms->book;
}

struct detect_counts alarms_detected(const struct alarms *alarms)
{
	return detect_counts(alarms->detect);
}

size_t alarms_open(struct alarms *alarms)
{
	const struct alarm_book *book = alarms->book;
	size_t open = 0;
	for (const struct alarm *a = alarm_book_next(book, 0); a; a = alarm_book_next(book, a->id))
		open += a->state == ALARM_OPEN;
	return open;
}
