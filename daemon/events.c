/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "events.h"

#include "clock.h"
#include "journal.h"
#include "kernel/nflog.h"
#include "track/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* Records read in one go, so that a flood leaves time for everything else. */
#define RECORDS_AT_ONCE 4096

struct events {
	sd_event *event; /* borrowed */
	events_attempt_t attempt;
	void *userdata;
	const struct policy *policy; /* borrowed, or NULL */
	struct attempts *attempts;
	struct ledger *ledger;
	uint16_t group; /* read now; 0: none */
	struct nflog *nflog;
	sd_event_source *source;
	struct events_counts before; /* of groups that were read earlier */
};

int events_new(sd_event *event, events_attempt_t attempt, void *userdata,
               struct events **ret_events)
{
	_cleanup_(events_freep) struct events *events = calloc(1, sizeof(*events));
	if (!events)
		return -ENOMEM;
	events->event = event;
	events->attempt = attempt;
	events->userdata = userdata;

	int r = attempts_new(ATTEMPTS_RECENT_MAX, &events->attempts);
	if (r < 0)
		return r;
	r = ledger_new(LEDGER_ENTRIES_MAX, &events->ledger);
	if (r < 0)
		return r;
	*ret_events = TAKE_POINTER(events);
	return 0;
}

struct events *events_free(struct events *events)
{
	if (!events)
		return NULL;
	sd_event_source_disable_unref(events->source);
	nflog_free(events->nflog);
	ledger_free(events->ledger);
	attempts_free(events->attempts);
	free(events);
	return NULL;
}

/* The name of the source: by its address, or by its MAC where that alone is known of a host. */
static const char *name_source(const struct events *events, const struct record *record,
                               const struct packet *packet, enum reason reason)
{
	/* A forged address is nobody's: naming its owner would accuse the wrong one. */
	if (!events->policy || reason == REASON_SPOOFED)
		return NULL;

	const struct host *host = policy_host_at(events->policy, &packet->source);
	if (!host && record->has_mac)
		host = policy_host_by_mac(events->policy, &record->mac);
	if (!host && !record->interface && reason != REASON_UNASSIGNED)
		host = events->policy->self;
	return host ? host->name : NULL;
}

static void take_record(const struct record *record, void *userdata)
{
	struct events *events = userdata;
	struct packet packet;
	enum reason reason;
	const char *role;

	/* Other programs may log to the same group; those records are not ours. */
	if (log_prefix_parse(record->prefix, &reason, &role) < 0 ||
	    packet_dissect(record->payload, record->payload_length, &packet) < 0)
		return;

	bool fresh = attempts_note(events->attempts, &packet, reason, record->time) == ATTEMPT_NEW;
	const struct ledger_entry *entry = ledger_note(
	        events->ledger, &packet, reason, name_source(events, record, &packet, reason), role,
	        record->has_mac ? &record->mac : NULL, fresh, record->time);
	if (fresh)
		events->attempt(entry, events->userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct events *events = userdata;
	int r = nflog_read(events->nflog, RECORDS_AT_ONCE, clock_realtime(), take_record, events);
	if (r < 0)
		journal(LOG_WARNING, "Blocked packets could not be read: %s", strerror(-r));
	return 0; /* level-triggered: what is left comes at the next turn */
}

static void add_counts(struct events_counts *sum, const struct nflog *nflog)
{
	struct nflog_counts counts = nflog_counts(nflog);
	sum->received += counts.received;
	sum->lost += counts.lost;
}

int events_listen(struct events *events, uint16_t group)
{
	if (events->nflog && events->group == group)
		return 0;

	_cleanup_(nflog_freep) struct nflog *nflog = NULL;
	int r = nflog_open(group, 0, &nflog);
	if (r == NFLOG_TAKEN)
		return EVENTS_GROUP_TAKEN;
	if (r < 0)
		return r;

	sd_event_source *source;
	r = sd_event_add_io(events->event, &source, nflog_fd(nflog), EPOLLIN, on_readable, events);
	if (r < 0)
		return r;

	if (events->nflog) {
		add_counts(&events->before, events->nflog);
		sd_event_source_disable_unref(events->source);
		nflog_free(events->nflog);
	}
	events->nflog = TAKE_POINTER(nflog);
	events->source = source;
	events->group = group;
	return 0;
}

void events_use_policy(struct events *events, const struct policy *policy)
{
	events->policy = policy;
}

const struct ledger *events_ledger(const struct events *events)
{
	return events->ledger;
}

struct events_counts events_counts(const struct events *events)
{
	struct events_counts counts = events->before;
	if (events->nflog)
		add_counts(&counts, events->nflog);
	return counts;
}
