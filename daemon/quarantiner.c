/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quarantiner.h"

#include "clock.h"
#include "gateway_address.h"
#include "journal.h"
#include "kernel/neighbour.h"
#include "kernel/route.h"
#include "policy/runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAITING_MAX                                                                                \
	64 /* alarms that are looked at in one go; a later attempt brings the others               \
	    */
#define GO_EVERY (200 * USEC_PER_MSEC) /* at most: in a flood every attempt is of some alarm */

/* Of an alarm what there is to know for it. */
struct suspect {
	uint64_t alarm;
	enum alarm_kind kind;
	struct address address;
	struct mac mac;
	bool has_mac;
	bool fresh; /* it was opened just now: what is not done is told only then */
	char interface[IF_NAMESIZE];
};

struct quarantiner {
	const struct enforcement *enforcement;
	struct changes *changes;
	struct health *health;
	quarantiner_told_t told;
	void *userdata;
	sd_event_source *soon;         /* a timer */
	usec_t last;                   /* time that it went off */
	struct neighbours *neighbours; /* within one go, once somebody asked; else NULL */
	struct suspect waiting[WAITING_MAX];
	size_t count;
	usec_t done[QUARANTINES_A_MINUTE]; /* when the last ones were put there, by the clock that
	                                    * never goes back */
	unsigned next;                     /* of these, the longest ago */
};

/* The cause that a role can name for such an alarm; false when there is none. */
static bool cause_of(enum alarm_kind kind, enum quarantine_cause *ret_cause)
{
	switch (kind) {
	case ALARM_TRIPWIRE:
		*ret_cause = QUARANTINE_ON_TRIPWIRE;
		return true;
	case ALARM_BEACON:
		*ret_cause = QUARANTINE_ON_BEACON;
		return true;
	case ALARM_SCAN:
		*ret_cause = QUARANTINE_ON_SCAN;
		return true;
	case ALARM_PORTSCAN:
		*ret_cause = QUARANTINE_ON_PORTSCAN;
		return true;
	case ALARM_THROTTLE:
		*ret_cause = QUARANTINE_ON_THROTTLE;
		return true;
	case ALARM_TRW:
	case ALARM_UNASSIGNED:
	case ALARM_IMPOSTOR:
	case ALARM_QUARANTINE:
	case ALARM_TAMPER:
		return false;
	}
	abort(); /* no other value is ever made */
}

static const struct host *host_of(const struct policy *policy, const struct address *address,
                                  const struct mac *mac)
{
	const struct host *host = policy_host_at(policy, address);
	return host || !mac ? host : policy_host_by_mac(policy, mac);
}

/* True when that alarm puts that host in quarantine. */
static bool is_called_for(const struct host *host, enum alarm_kind kind)
{
	enum quarantine_cause cause;
	return host && !host->self && host->role->quarantined && cause_of(kind, &cause) &&
	       host->role->quarantined->on[cause];
}

static void tell(const struct quarantiner *quarantiner, const struct suspect *suspect,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));
static void tell(const struct quarantiner *quarantiner, const struct suspect *suspect,
                 const char *format, ...)
{
	char address[ADDRESS_TEXT_MAX], why[256], text[384];
	va_list arguments;
	if (!suspect->fresh)
		return;
	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	snprintf(text, sizeof(text), "%s (%s, alarm %" PRIu64 ") is not put in quarantine: %s",
	         address_print(&suspect->address, address), alarm_kind_name(suspect->kind),
	         suspect->alarm, why);
	quarantiner->told(text, quarantiner->userdata);
}

/*
 * One machine, of which all is put there: it has one address of each family at most, or none. What
 * has more may be several, and the others have done nothing.
 */
static bool is_one_machine(const struct host *host)
{
	unsigned count[FAMILY_COUNT] = {};
	for (size_t i = 0; i < host->range_count; i++)
		if (!range_is_single(&host->ranges[i].range) ||
		    ++count[host->ranges[i].range.from.family] > 1)
			return false;
	return true;
}

/*
 * An address that answers with another MAC is somebody else's, and one that nobody answers for is
 * nobody's: to send anything, its machine had to ask for the gateway and so made itself known. Of
 * what is behind another router there is no telling.
 */
static bool is_forged(struct quarantiner *quarantiner, const struct suspect *suspect)
{
	char theirs[MAC_TEXT_MAX], ours[MAC_TEXT_MAX];
	unsigned interface = if_nametoindex(suspect->interface);
	if (!suspect->has_mac || !interface)
		return false;

	int r = quarantiner->neighbours ? 0 : neighbours_read(&quarantiner->neighbours);
	if (r < 0) {
		tell(quarantiner, suspect, "whose address it is could not be found out (%s)",
		     strerror(-r));
		return true;
	}
	const struct mac *mac =
	        neighbours_find(quarantiner->neighbours, &suspect->address, interface);
	if (mac && memcmp(mac, &suspect->mac, sizeof(*mac)) == 0)
		return false;
	if (!mac) {
		struct route route;
		if (route_lookup(&suspect->address, &route) != 0 || !route.direct)
			return false;
		tell(quarantiner, suspect,
		     "it came from MAC %s, but nobody answers for that address, so that it may be "
		     "forged",
		     mac_print(&suspect->mac, theirs));
		return true;
	}
	tell(quarantiner, suspect,
	     "it came from MAC %s, but that address answers with %s, so that it may be forged",
	     mac_print(&suspect->mac, theirs), mac_print(mac, ours));
	return true;
}

/* How many of a role the daemon has put there by itself. */
static size_t count_of_role(const struct policy *policy, const struct role *role)
{
	const struct runtime *runtime = policy->runtime;
	size_t count = 0;
	for (size_t i = 0; runtime && i < runtime->quarantines.count; i++) {
		const struct quarantine *quarantine = &runtime->quarantines.items[i];
		const struct host *host = quarantine->host;
		if (!host)
			host = policy_host_at(policy, &quarantine->address);
		count += quarantine->automatic && host && host->role == role;
	}
	return count;
}

/* There is no room for one more: that is a fault, until something about quarantines changes. */
static void leave_out(const struct quarantiner *quarantiner, const struct suspect *suspect,
                      const char *limit)
{
	char address[ADDRESS_TEXT_MAX];
	bool known = quarantiner->health->faults[FAULT_QUARANTINE];
	struct suspect news = *suspect;
	health_fault(quarantiner->health, FAULT_QUARANTINE,
	             "%s (%s, alarm %" PRIu64 ") is not put in quarantine: %s; decide yourself, "
	             "`egressctl quarantine` has no such limit",
	             address_print(&suspect->address, address), alarm_kind_name(suspect->kind),
	             suspect->alarm, limit);
	news.fresh = suspect->fresh || !known;
	tell(quarantiner, &news, "%s", limit);
}

static bool is_within_limits(struct quarantiner *quarantiner, const struct suspect *suspect,
                             const struct role *role)
{
	usec_t now = clock_monotonic(), oldest = quarantiner->done[quarantiner->next];
	const struct self_quarantine *rule = role->quarantined;
	char limit[128];

	if (count_of_role(quarantiner->enforcement->policy, role) >= rule->most) {
		snprintf(limit, sizeof(limit),
		         "%" PRIu32 " of role %.64s are there already, as many as may be at a time",
		         rule->most, role->name);
		leave_out(quarantiner, suspect, limit);
		return false;
	}
	if (oldest && now - oldest < 60 * USEC_PER_SEC) {
		leave_out(quarantiner, suspect,
		          "too many were put there within a minute, which may be a forger's doing");
		return false;
	}
	return true;
}

/* The request in the daemon's own name; false without memory. */
static bool fill_in(struct request_entry *entry, const struct suspect *suspect,
                    const struct host *host)
{
	char address[ADDRESS_TEXT_MAX], why[REQUEST_WHY_MAX];
	const char *name =
	        is_one_machine(host) ? host->name : address_print(&suspect->address, address);

	snprintf(why, sizeof(why), "%s, alarm %" PRIu64, alarm_kind_name(suspect->kind),
	         suspect->alarm);
	*entry = (struct request_entry){
	        .kind = REQUEST_QUARANTINE,
	        .uid = getuid(),
	        .user = strdup(REQUEST_USER_OWN),
	        .why = strdup(why),
	        .host = strdup(name),
	        .automatic = true,
	};
	return entry->user && entry->why && entry->host;
}

static void put_there(struct quarantiner *quarantiner, const struct suspect *suspect,
                      const struct host *host)
{
	const struct self_quarantine *rule = host->role->quarantined;
	struct request_entry entry;
	struct changed changed = {};
	struct suspect news = *suspect;
	news.fresh = true;

	if (!fill_in(&entry, suspect, host)) {
		tell(quarantiner, &news, "memory is short");
		request_done(&entry);
		return;
	}
	changes_add(quarantiner->changes, &entry, (rule->span + USEC_PER_SEC - 1) / USEC_PER_SEC,
	            &changed);
	if (outcome_in_force(&changed.outcome)) {
		quarantiner->done[quarantiner->next] = clock_monotonic();
		quarantiner->next = (quarantiner->next + 1) % QUARANTINES_A_MINUTE;
	} else if (changed.outcome.result == LOAD_REJECTED) {
		const struct problem *first = changed.outcome.problems.list.items;
		tell(quarantiner, &news, "%s", first ? first->text : "memory is short");
	} else {
		tell(quarantiner, &news, "the table could not be changed");
	}
	changed_done(&changed);
	request_done(&entry);
}

static void look_at(struct quarantiner *quarantiner, const struct suspect *suspect)
{
	const struct policy *policy = quarantiner->enforcement->policy;
	const struct mac *mac = suspect->has_mac ? &suspect->mac : NULL;
	const struct host *host = policy ? host_of(policy, &suspect->address, mac) : NULL;

	if (!is_called_for(host, suspect->kind) ||
	    policy_quarantine(policy, &suspect->address, mac, NULL))
		return;
	if (host->effective_mode == MODE_AUDIT) {
		tell(quarantiner, suspect, "it would be, but its mode is audit");
		return;
	}
	if (gateway_has_address(&suspect->address) != 0) {
		tell(quarantiner, suspect, "that is the gateway itself");
		return;
	}
	if (!is_forged(quarantiner, suspect) && is_within_limits(quarantiner, suspect, host->role))
		put_there(quarantiner, suspect, host);
}

static int on_soon(sd_event_source *source, uint64_t time, void *userdata)
{
	struct quarantiner *quarantiner = userdata;
	struct suspect suspects[WAITING_MAX];
	size_t count = quarantiner->count;

	memcpy(suspects, quarantiner->waiting, count * sizeof(*suspects));
	quarantiner->count = 0;
	quarantiner->last = clock_monotonic();
	for (size_t i = 0; i < count; i++)
		look_at(quarantiner, &suspects[i]);
	quarantiner->neighbours = neighbours_free(quarantiner->neighbours);
	return 0;
}

int quarantiner_new(sd_event *event, const struct enforcement *enforcement, struct changes *changes,
                    struct health *health, quarantiner_told_t told, void *userdata,
                    struct quarantiner **ret_quarantiner)
{
	_cleanup_(quarantiner_freep) struct quarantiner *quarantiner =
	        calloc(1, sizeof(*quarantiner));
	if (!quarantiner)
		return -ENOMEM;
	quarantiner->enforcement = enforcement;
	quarantiner->changes = changes;
	quarantiner->health = health;
	quarantiner->told = told;
	quarantiner->userdata = userdata;
	int r = sd_event_add_time_relative(event, &quarantiner->soon, CLOCK_MONOTONIC, 0,
	                                   USEC_PER_MSEC, on_soon, quarantiner);
	if (r >= 0)
		r = sd_event_source_set_enabled(quarantiner->soon, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_quarantiner = TAKE_POINTER(quarantiner);
	return 0;
}

struct quarantiner *quarantiner_free(struct quarantiner *quarantiner)
{
	if (quarantiner)
		sd_event_source_disable_unref(quarantiner->soon);
	free(quarantiner);
	return NULL;
}

/* The one of that alarm that waits already, or a new one; NULL: there is no room. */
static struct suspect *find_place(struct quarantiner *quarantiner, uint64_t alarm)
{
	for (size_t i = 0; i < quarantiner->count; i++)
		if (quarantiner->waiting[i].alarm == alarm)
			return &quarantiner->waiting[i];
	if (quarantiner->count == WAITING_MAX)
		return NULL;
	struct suspect *suspect = &quarantiner->waiting[quarantiner->count++];
	*suspect = (struct suspect){.alarm = alarm};
	return suspect;
}

static int go_soon(const struct quarantiner *quarantiner)
{
	usec_t since = clock_monotonic() - quarantiner->last;
	int r = sd_event_source_set_time_relative(quarantiner->soon,
	                                          since < GO_EVERY ? GO_EVERY - since : 0);
	return r < 0 ? r : sd_event_source_set_enabled(quarantiner->soon, SD_EVENT_ONESHOT);
}

static bool is_news(enum alarm_change change)
{
	return change == ALARM_CHANGE_OPENED || change == ALARM_CHANGE_REOPENED;
}

void quarantiner_take_alarm(struct quarantiner *quarantiner, const struct alarm *alarm,
                            enum alarm_change change)
{
	const struct policy *policy = quarantiner->enforcement->policy;
	enum alarm_kind kind = (enum alarm_kind)alarm->cause.kind;
	const struct mac *mac = alarm->has_mac ? &alarm->mac : NULL;

	if (!policy || alarm->state != ALARM_OPEN || !alarm->has_source ||
	    !is_called_for(host_of(policy, &alarm->source, mac), kind))
		return;
	bool idle = quarantiner->count == 0;
	struct suspect *suspect = find_place(quarantiner, alarm->id);
	if (!suspect)
		return;
	*suspect = (struct suspect){
	        .alarm = alarm->id,
	        .kind = kind,
	        .address = alarm->source,
	        .mac = alarm->mac,
	        .has_mac = alarm->has_mac,
	        .fresh = suspect->fresh || is_news(change),
	};
	snprintf(suspect->interface, sizeof(suspect->interface), "%.*s", IF_NAMESIZE - 1,
	         alarm->interface);
	int r = idle ? go_soon(quarantiner) : 0;
	if (r < 0)
		journal(LOG_WARNING, "Nobody is put in quarantine: %s", strerror(-r));
}

void quarantiner_released(const struct quarantiner *quarantiner,
                          const struct request_entry *request, const struct person *by,
                          struct alarm_book *book)
{
	const struct policy *policy = quarantiner->enforcement->policy;
	const struct host *named = NULL;
	struct address address;
	if (address_parse(request->host, &address) < 0) {
		named = policy_host(policy, request->host);
		if (!named)
			return;
	}

	for (const struct alarm *a = alarm_book_next(book, 0); a;
	     a = alarm_book_next(book, a->id)) {
		const struct mac *mac = a->has_mac ? &a->mac : NULL;
		if (a->state != ALARM_OPEN || !a->has_source)
			continue;
		const struct host *host = host_of(policy, &a->source, mac);
		bool same = named ? host == named : address_compare(&a->source, &address) == 0;
		if (same && is_called_for(host, (enum alarm_kind)a->cause.kind))
			(void)alarm_book_acknowledge(book, a->id, by, clock_realtime());
	}
}
