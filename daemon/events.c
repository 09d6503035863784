/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "events.h"

#include "clock.h"
#include "journal.h"
#include "kernel/nflog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* Records read in one go, so that a flood leaves time for everything else. */
#define RECORDS_AT_ONCE 4096

/* After so long nothing that was blocked is on its way any more, on a busy machine too. */
#define SETTLE_USEC (5 * NFLOG_DELAY)

/* While packets go on being blocked, for so long after a cause it is tried to settle them. */
#define SETTLE_TRIES 50

/* What was known some time ago, to be settled by. */
struct reading {
	uint64_t blocked, received;
	unsigned tries; /* left */
};

struct events {
	sd_event *event; /* borrowed */
	events_blocked_t blocked;
	void *userdata;
	struct intake *intake;
	uint16_t group; /* read now; 0: none */
	struct nflog *nflog;
	sd_event_source *source;
	sd_event_source *settling; /* a timer */
	struct reckoning reckoning;
	struct reading reading;
	struct nflog_counts before; /* of groups that were read earlier */
};

static int on_settle(sd_event_source *source, uint64_t time, void *userdata);

int events_new(sd_event *event, const struct intake_hooks *hooks, events_blocked_t blocked,
               void *userdata, struct events **ret_events)
{
	_cleanup_(events_freep) struct events *events = calloc(1, sizeof(*events));
	if (!events)
		return -ENOMEM;
	events->event = event;
	events->blocked = blocked;
	events->userdata = userdata;

	int r = intake_new(hooks, userdata, &events->intake);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &events->settling, CLOCK_MONOTONIC, 0, 0,
		                               on_settle, events);
	if (r >= 0)
		r = sd_event_source_set_enabled(events->settling, SD_EVENT_OFF);
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
	sd_event_source_disable_unref(events->settling);
	nflog_free(events->nflog);
	intake_free(events->intake);
	free(events);
	return NULL;
}

static void take_records(const struct record *records, size_t count, void *userdata)
{
	struct events *events = userdata;
	intake_take(events->intake, records, count);
}

static struct nflog_counts all_counts(const struct events *events)
{
	struct nflog_counts sum = events->before;
	if (events->nflog) {
		struct nflog_counts counts = nflog_counts(events->nflog);
		sum.received += counts.received;
		sum.lost += counts.lost;
		sum.overruns += counts.overruns;
		sum.bad += counts.bad;
	}
	return sum;
}

static void arm_settling(struct events *events)
{
	int r = sd_event_source_set_time_relative(events->settling, SETTLE_USEC);
	if (r >= 0)
		r = sd_event_source_set_enabled(events->settling, SD_EVENT_ONESHOT);
	if (r < 0)
		journal(LOG_WARNING, "Lost events cannot be counted at once: %s", strerror(-r));
}

/* Some may be lost without a trace: looks for them when nothing can be on its way any more. */
static void settle_later(struct events *events)
{
	int enabled = SD_EVENT_OFF;
	(void)sd_event_source_get_enabled(events->settling, &enabled);
	events->reading.tries = SETTLE_TRIES;
	if (enabled != SD_EVENT_OFF)
		return;

	uint64_t blocked;
	if (events->blocked(&blocked, events->userdata) < 0)
		return;
	events->reading.blocked = blocked;
	events->reading.received = intake_received(events->intake);
	arm_settling(events);
}

static int read_records(struct events *events)
{
	int r = nflog_read(events->nflog, RECORDS_AT_ONCE, clock_realtime(), take_records, events);
	if (r < 0)
		journal(LOG_WARNING, "Blocked packets could not be read: %s", strerror(-r));
	return r;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct events *events = userdata;
	uint64_t overruns = nflog_counts(events->nflog).overruns;
	(void)read_records(events);
	if (nflog_counts(events->nflog).overruns != overruns)
		settle_later(events);
	return 0; /* level-triggered: what is left comes at the next turn */
}

static int on_settle(sd_event_source *source, uint64_t time, void *userdata)
{
	struct events *events = userdata;
	struct reading *reading = &events->reading;
	bool dry = events->nflog && read_records(events) == 0;

	uint64_t blocked;
	if (events->blocked(&blocked, events->userdata) < 0)
		return 0;
	bool quiet =
	        blocked == reading->blocked && intake_received(events->intake) == reading->received;
	if (dry)
		reckoning_settle(&events->reckoning, reading->blocked,
		                 intake_received(events->intake), all_counts(events).lost, quiet);
	if (dry && quiet)
		return 0;
	reading->blocked = blocked;
	reading->received = intake_received(events->intake);
	if (reading->tries && reading->tries--)
		arm_settling(events);
	return 0;
}

static void forget_group(struct events *events)
{
	if (!events->nflog)
		return;
	while (read_records(events) == NFLOG_MORE)
		;
	events->before = all_counts(events);
	sd_event_source_disable_unref(events->source);
	events->nflog = nflog_free(events->nflog);
	events->source = NULL;
	events->group = 0;
}

/* Reads nflog from now on, which it owns, and no other. Counters: see reckoning_begin(). */
static int change_reader(struct events *events, struct nflog *nflog, uint16_t group,
                         uint64_t blocked_before, uint64_t blocked_after)
{
	_cleanup_(nflog_freep) struct nflog *owned = nflog;
	sd_event_source *source;
	int r = sd_event_add_io(events->event, &source, nflog_fd(owned), EPOLLIN, on_readable,
	                        events);
	if (r < 0)
		return r;

	forget_group(events);
	reckoning_begin(&events->reckoning, blocked_before, blocked_after,
	                intake_received(events->intake), all_counts(events).lost);
	events->nflog = TAKE_POINTER(owned);
	events->source = source;
	events->group = group;
	return 0;
}

int events_listen(struct events *events, uint16_t group)
{
	if (events->nflog && events->group == group)
		return 0;

	uint64_t blocked_before = 0, blocked_after = UINT64_MAX;
	struct nflog *nflog;
	(void)events->blocked(&blocked_before, events->userdata);
	int r = nflog_open(group, 0, &nflog);
	if (r != 0 && !events->reckoning.begun) /* what is blocked from now on is not heard */
		reckoning_begin(&events->reckoning, blocked_before, blocked_before, 0, 0);
	if (r == NFLOG_TAKEN)
		return EVENTS_GROUP_TAKEN;
	if (r < 0)
		return r;
	(void)events->blocked(&blocked_after, events->userdata);
	return change_reader(events, nflog, group, blocked_before, blocked_after);
}

int events_adopt(struct events *events, uint16_t group, int fd)
{
	uint64_t blocked = UINT64_MAX;
	struct nflog *nflog;
	int r = nflog_adopt(fd, group, 0, &nflog);
	if (r < 0)
		return r;
	(void)events->blocked(&blocked, events->userdata);
	/* How much of it was heard by whoever had it before, shows once the queue is read. */
	return change_reader(events, nflog, group, 0, blocked);
}

int events_fd(const struct events *events, uint16_t *ret_group)
{
	*ret_group = events->group;
	return events->nflog ? nflog_fd(events->nflog) : -1;
}

int events_use_policy(struct events *events, const struct policy *policy)
{
	return intake_use_policy(events->intake, policy);
}

struct ledger *events_ledger(struct events *events)
{
	return intake_ledger(events->intake);
}

struct account events_account(struct events *events, uint64_t blocked)
{
	struct account account =
	        reckoning_account(&events->reckoning, blocked, intake_received(events->intake),
	                          all_counts(events).lost);
	if (account.waiting)
		settle_later(events);
	return account;
}

uint64_t events_overruns(const struct events *events)
{
	return all_counts(events).overruns;
}

uint64_t events_bad(const struct events *events)
{
	return all_counts(events).bad;
}
