/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contacts.h"

#include "clock.h"
#include "expiry.h"
#include "journal.h"
#include "kernel/contacted.h"
#include "kernel/nflog.h"
#include "track/contact_queue.h"
#include "track/packet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* Some five thousand records: several seconds of a whole office that begins to work. */
#define RECEIVE_BYTES (4 * 1024 * 1024)

/* So many wait for their turn, some 60 bytes each; of more, the first ones have to be early. */
#define QUEUE_MAX 8192

/* Read in one go, so that a flood of them leaves time for everything else; and before an attempt is
 * judged: whoever is farther behind than that does not know what is true now. */
#define RECORDS_AT_ONCE 4096
#define RECORDS_BEHIND  65536

struct contacts {
	sd_event *event; /* borrowed, as all that has no comment here */
	const struct enforcement *enforcement;
	struct alarms *alarms;
	struct health *health;
	void (*changed)(void *userdata);
	void *userdata;
	struct expiry *retry;        /* to listen */
	struct expiry *anew;         /* to have everything told anew */
	bool wanted;                 /* some role of the policy asks for it */
	char *roles;                 /* which ones, owned; NULL: not known */
	uint16_t group;              /* the latest that was asked for */
	struct nflog *nflog;         /* owned; NULL: nothing is heard */
	struct contact_queue *queue; /* owned; NULL with nflog */
	sd_event_source *source;
	usec_t heard_until; /* CLOCK_REALTIME */
	usec_t mended;      /* CLOCK_BOOTTIME: the last time that a gap was over; 0: never */
	bool known;
	bool owed; /* an overrun was noticed whose gap in the numbers is still to come */
	uint64_t gaps;
	struct nflog_counts before; /* of sockets that were read earlier */
};

/* "desk printer ": the names of the roles that ask for it; NULL without memory. */
static char *name_roles(const struct policy *policy)
{
	char *names = NULL;
	size_t size;
	FILE *out = open_memstream(&names, &size);
	if (!out)
		return NULL;
	for (size_t i = 0; i < policy->roles.count; i++)
		if (policy_tells_contacts(policy, &policy->roles.items[i]))
			fprintf(out, "%s ", policy->roles.items[i].name);
	if (fclose(out) != 0) {
		free(names);
		return NULL;
	}
	return names;
}

static void doubt(struct contacts *contacts)
{
	contacts->known = false;
	alarms_doubt_contacts(contacts->alarms);
}

/* The sets of what was told are emptied: nothing is missing from then on. */
static void begin_anew(struct contacts *contacts)
{
	expiry_never(contacts->anew);
	if (!contacts->nflog || !contacts->wanted)
		return;
	int r = contacted_forget(contacts->enforcement->kernel);
	if (r < 0) {
		journal(LOG_DEBUG, "Contacts are not told anew yet: %s", strerror(-r));
		expiry_again(contacts->anew);
		return;
	}
	expiry_calm(contacts->anew);
	contacts->known = true;
	alarms_know_contacts(contacts->alarms, clock_realtime());
}

static void begin_anew_later(struct contacts *contacts)
{
	usec_t next = contacts->mended ? contacts->mended + CONTACTS_ANEW_EVERY : 0;
	usec_t now = clock_boottime();
	int r = expiry_in(contacts->anew, next > now ? next - now : 0);
	if (r < 0)
		journal(LOG_WARNING, "Contacts are not told anew: %s", strerror(-r));
}

void contacts_doubt(struct contacts *contacts)
{
	if (!contacts->known)
		return;
	contacts->gaps++;
	doubt(contacts);
	begin_anew_later(contacts);
}

/* It is its turn: all that was tried before it is judged, as far as that is known. */
static void take_contact(const struct contacts *contacts, const struct queued_contact *contact)
{
	const struct policy *policy = contacts->enforcement->policy;
	if (!policy)
		return;
	const struct host *host = policy_host_at(policy, &contact->source);
	if (!host && contact->has_mac)
		host = policy_host_by_mac(policy, &contact->mac);
	if (host)
		alarms_take_contact(contacts->alarms, host, &contact->source, &contact->destination,
		                    contact->time);
}

static void take_until(const struct contacts *contacts, usec_t until)
{
	const struct queued_contact *contact;
	while ((contact = contact_queue_take(contacts->queue, until)))
		take_contact(contacts, contact);
}

static void queue_records(const struct record *records, size_t count, void *userdata)
{
	const struct contacts *contacts = userdata;
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &records[i];
		struct packet packet;
		/* Others may log to the same group; the gateway's own contacts have no time. */
		if (!log_prefix_is_contact(record->prefix) || !record->interface ||
		    packet_dissect(record->payload, record->payload_length, &packet) < 0)
			continue;
		if (contact_queue_is_full(contacts->queue))
			take_contact(contacts, contact_queue_take(contacts->queue, UINT64_MAX));
		contact_queue_put(contacts->queue, &(struct queued_contact){
		                                           .source = packet.source,
		                                           .destination = packet.destination,
		                                           .time = record->time,
		                                           .has_mac = record->has_mac,
		                                           .mac = record->mac,
		                                   });
	}
}

/*
 * True when contacts were lost since those counts. An overrun is noticed before what is left in the
 * queue is read, and its gap in the numbers with the next record, which may come after the walks
 * have begun anew: that one is no further loss.
 */
static bool is_missing(struct contacts *contacts, const struct nflog_counts *was)
{
	const struct nflog_counts is = nflog_counts(contacts->nflog);
	bool overrun = is.overruns != was->overruns, gap = is.lost != was->lost;
	bool known_gap = gap && contacts->owed && !overrun;
	if (overrun || gap)
		contacts->owed = overrun && !gap;
	return overrun || (gap && !known_gap) || is.bad != was->bad;
}

/* Hears so many at least, if there are; then there may be more. */
static int hear(struct contacts *contacts, size_t budget)
{
	const struct nflog_counts was = nflog_counts(contacts->nflog);
	usec_t now = clock_realtime();
	int r = nflog_read(contacts->nflog, budget, now, queue_records, contacts);
	if (r < 0)
		journal(LOG_WARNING, "Permitted contacts could not be read: %s", strerror(-r));
	if (r == 0)
		contacts->heard_until = now;
	if (is_missing(contacts, &was) || r < 0)
		contacts_doubt(contacts);
	return r;
}

static void on_anew(void *userdata)
{
	struct contacts *contacts = userdata;
	/* Else what is still queued would tell of the same loss once more. */
	if (contacts->nflog && hear(contacts, RECORDS_BEHIND) == NFLOG_MORE) {
		expiry_again(contacts->anew);
		return;
	}
	begin_anew(contacts);
	if (contacts->known)
		contacts->mended = clock_boottime();
	contacts->changed(contacts->userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct contacts *contacts = userdata;
	bool known = contacts->known;
	(void)hear(contacts, RECORDS_AT_ONCE);
	if (contacts->known != known)
		contacts->changed(contacts->userdata);
	return 0; /* level-triggered: what is left comes at the next turn */
}

void contacts_catch_up(struct contacts *contacts, usec_t time)
{
	/* While something is missing nobody is judged anyway. */
	if (!contacts->known)
		return;
	/* A clock that was set back leaves heard_until in the future. */
	bool behind = time >= contacts->heard_until || contacts->heard_until > clock_realtime();
	if (behind && hear(contacts, RECORDS_BEHIND) == NFLOG_MORE)
		contacts_doubt(contacts);
	/* Of the same time is what was blocked and passed all the same, in audit. */
	take_until(contacts, time - 1);
}

static void stop(struct contacts *contacts)
{
	if (contacts->nflog) {
		const struct nflog_counts counts = nflog_counts(contacts->nflog);
		contacts->before.received += counts.received;
		contacts->before.lost += counts.lost;
	}
	contacts->source = sd_event_source_disable_unref(contacts->source);
	contacts->nflog = nflog_free(contacts->nflog);
	contacts->queue = contact_queue_free(contacts->queue);
	contacts->owed = false;
	doubt(contacts);
}

static int open_group(struct contacts *contacts, uint16_t group)
{
	_cleanup_(contact_queue_freep) struct contact_queue *queue = NULL;
	_cleanup_(nflog_freep) struct nflog *nflog = NULL;
	sd_event_source *source;
	int r = nflog_open(group, RECEIVE_BYTES, &nflog);
	if (r != 0)
		return r;
	r = nflog_hurry(nflog);
	if (r >= 0)
		r = contact_queue_new(QUEUE_MAX, &queue);
	if (r >= 0)
		r = sd_event_add_io(contacts->event, &source, nflog_fd(nflog), EPOLLIN, on_readable,
		                    contacts);
	if (r < 0)
		return r;
	stop(contacts);
	contacts->nflog = TAKE_POINTER(nflog);
	contacts->queue = TAKE_POINTER(queue);
	contacts->source = source;
	contacts->heard_until = 0;
	return 0;
}

static void listen_to(struct contacts *contacts, uint16_t group)
{
	if (contacts->nflog && contacts->group == group)
		return;
	int r = open_group(contacts, group);
	contacts->group = group;
	if (r != 0)
		stop(contacts); /* those of the group of before are told no more */
	if (r == NFLOG_TAKEN)
		health_fault(contacts->health, FAULT_CONTACTS,
		             "NFLOG group %u is read by another program, so permitted contacts are "
		             "not known and the random walk (detection.trw) judges nobody; set "
		             "gateway.contact_group to a free one",
		             group);
	else if (r < 0)
		health_fault(contacts->health, FAULT_CONTACTS,
		             "NFLOG group %u cannot be read (%s), so permitted contacts are not "
		             "known and the random walk (detection.trw) judges nobody",
		             group, strerror(-r));
	else
		health_clear(contacts->health, FAULT_CONTACTS);
	expiry_until_done(contacts->retry, r == 0);
}

static void on_retry(void *userdata)
{
	struct contacts *contacts = userdata;
	listen_to(contacts, contacts->group);
	begin_anew(contacts);
	contacts->changed(contacts->userdata);
}

void contacts_prepare(struct contacts *contacts, const struct policy *candidate)
{
	if (policy_tells_contacts(candidate, NULL))
		listen_to(contacts, candidate->gateway.contact_group);
}

static void end(struct contacts *contacts)
{
	stop(contacts);
	free(contacts->roles);
	contacts->roles = NULL;
	contacts->wanted = false;
	expiry_never(contacts->anew);
	expiry_until_done(contacts->retry, true);
	health_clear(contacts->health, FAULT_CONTACTS);
}

void contacts_use_policy(struct contacts *contacts)
{
	const struct policy *policy = contacts->enforcement->policy;
	if (!policy || !policy_tells_contacts(policy, NULL)) {
		end(contacts);
		return;
	}
	char *names = name_roles(policy);
	bool same = names && contacts->roles && strcmp(names, contacts->roles) == 0;
	free(contacts->roles);
	contacts->roles = names;
	contacts->wanted = true;
	/* One that was no policy after all may have had another. */
	listen_to(contacts, policy->gateway.contact_group);
	if (!contacts->known || !same) {
		doubt(contacts);
		begin_anew(contacts);
	}
}

static void describe(const struct contacts *contacts, char *text, size_t size)
{
	struct contacts_counts counts;
	*text = '\0';
	if (!contacts_count(contacts, &counts) || contacts->health->faults[FAULT_CONTACTS])
		return;
	struct trw_counts room = alarms_contact_counts(contacts->alarms);
	if (!counts.known)
		snprintf(text, size,
		         "permitted contacts may have been missed (%" PRIu64 " were lost), so the "
		         "random walk (detection.trw) judges nobody until all are told anew, which "
		         "takes a minute at most",
		         counts.lost);
	else if (room.last_forgotten &&
	         clock_realtime() - room.last_forgotten < 24 * 60 * 60 * USEC_PER_SEC)
		snprintf(text, size,
		         "there were more contacts or hosts than the random walk (detection.trw) "
		         "has room for: for the time of its memory it does not judge hosts whose "
		         "failed contacts it forgot, nor further ones");
}

void contacts_note_health(struct contacts *contacts)
{
	const char *before = contacts->health->notices[NOTICE_CONTACTS];
	char text[512];
	describe(contacts, text, sizeof(text));
	if (*text && !before)
		journal(LOG_NOTICE, "%s", text);
	health_notice(contacts->health, NOTICE_CONTACTS, *text ? text : NULL);
}

bool contacts_count(const struct contacts *contacts, struct contacts_counts *ret_counts)
{
	struct nflog_counts now = {};
	if (contacts->nflog)
		now = nflog_counts(contacts->nflog);
	struct trw_counts room = alarms_contact_counts(contacts->alarms);
	*ret_counts = (struct contacts_counts){
	        .known = contacts->known,
	        .heard = contacts->before.received + now.received,
	        .lost = contacts->before.lost + now.lost,
	        .gaps = contacts->gaps,
	        .no_room = room.contacts + room.sources,
	};
	return contacts->wanted;
}

int contacts_new(sd_event *event, const struct enforcement *enforcement, struct alarms *alarms,
                 struct health *health, void (*changed)(void *userdata), void *userdata,
                 struct contacts **ret_contacts)
{
	_cleanup_(contacts_freep) struct contacts *contacts = calloc(1, sizeof(*contacts));
	if (!contacts)
		return -ENOMEM;
	contacts->event = event;
	contacts->enforcement = enforcement;
	contacts->alarms = alarms;
	contacts->health = health;
	contacts->changed = changed;
	contacts->userdata = userdata;
	int r = expiry_new(event, on_retry, contacts, &contacts->retry);
	if (r >= 0)
		r = expiry_new(event, on_anew, contacts, &contacts->anew);
	if (r < 0)
		return r;
	*ret_contacts = TAKE_POINTER(contacts);
	return 0;
}

struct contacts *contacts_free(struct contacts *contacts)
{
	if (!contacts)
		return NULL;
	sd_event_source_disable_unref(contacts->source);
	nflog_free(contacts->nflog);
	contact_queue_free(contacts->queue);
	expiry_free(contacts->retry);
	expiry_free(contacts->anew);
	free(contacts->roles);
	free(contacts);
	return NULL;
}
