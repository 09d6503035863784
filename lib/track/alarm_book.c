/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/alarm_book.h"

#include "track/tag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BOOK_MAX ((size_t)1 << 20) /* alarms; far over any sensible limit */
#define NOWHERE  UINT32_MAX

/* By so much records may overtake each other. */
#define OVERTAKEN (10 * USEC_PER_SEC)

/* What of an alarm is looked at most, apart from the rest: walking over these is quick. */
struct place {
	uint64_t id;
	uint32_t same_bucket; /* the next place, or NOWHERE */
	uint32_t tag;         /* of its cause */
	int64_t heard;        /* of its last attempt, by the steady time */
};

struct alarm_book {
	size_t max;
	size_t count; /* the first so many places are in use */
	struct place *places;
	struct alarm *alarms;
	uint32_t *buckets; /* by cause; the first place of each, or NOWHERE */
	size_t bucket_mask;
	struct tag_secret tags;
	alarm_listener_t listener;
	void *userdata;
	alarm_reserve_t reserve; /* or NULL */
	void *reserve_userdata;
	uint64_t reserved; /* ids below this one are set aside */
	/* At the last alarm_book_expire(): the steady time, and how far the time of day is off. */
	int64_t steady;
	int64_t offset;
	struct alarm_counts counts;
};

int alarm_book_new(size_t max, uint64_t next_id, alarm_listener_t listener, void *userdata,
                   struct alarm_book **ret_book)
{
	if (!max || max > BOOK_MAX)
		return -EINVAL;
	_cleanup_(alarm_book_freep) struct alarm_book *book = calloc(1, sizeof(*book));
	if (!book)
		return -ENOMEM;

	size_t buckets = 1;
	while (buckets < max)
		buckets *= 2;
	book->max = max;
	book->counts.free = max;
	book->bucket_mask = buckets - 1;
	book->listener = listener;
	book->userdata = userdata;
	book->counts.next_id = next_id ? next_id : 1;
	book->places = calloc(max, sizeof(*book->places));
	book->alarms = calloc(max, sizeof(*book->alarms));
	book->buckets = malloc(buckets * sizeof(*book->buckets));
	if (!book->places || !book->alarms || !book->buckets)
		return -ENOMEM;
	memset(book->buckets, 0xff, buckets * sizeof(*book->buckets)); /* NOWHERE */

	int r = tag_secret_draw(&book->tags);
	if (r < 0)
		return r;
	*ret_book = TAKE_POINTER(book);
	return 0;
}

void alarm_book_on_reserve(struct alarm_book *book, alarm_reserve_t reserve, void *userdata)
{
	book->reserve = reserve;
	book->reserve_userdata = userdata;
}

struct alarm_book *alarm_book_free(struct alarm_book *book)
{
	if (book) {
		free(book->places);
		free(book->alarms);
		free(book->buckets);
		free(book);
	}
	return NULL;
}

/*
 * Most causes are about an address and nothing else, of which a flood by strangers asks for each:
 * that is little to work out a tag of.
 */
static uint32_t tag_of_cause(const struct alarm_book *book, const struct alarm_cause *cause)
{
	struct {
		struct address source;
		struct mac mac;
		uint8_t kind;
		uint8_t many;
	} brief = {cause->source, cause->mac, cause->kind, cause->many};
	_Static_assert(sizeof(brief) == sizeof(struct address) + sizeof(struct mac) + 2,
	               "what a tag is of has padding");
	_Static_assert(sizeof(*cause) <= TAG_KEY_MAX, "a cause is too long for a tag");
	if (cause->host[0] || cause->has_destination)
		return tag_of(&book->tags, cause, sizeof(*cause));
	return tag_of(&book->tags, &brief, sizeof(brief));
}

static uint32_t *bucket_of(const struct alarm_book *book, uint32_t tag)
{
	return &book->buckets[tag & book->bucket_mask];
}

/* The alarm of that cause in whatever state. */
static struct alarm *find(const struct alarm_book *book, const struct alarm_cause *cause)
{
	uint32_t tag = tag_of_cause(book, cause);
	uint32_t at = *bucket_of(book, tag);
	for (; at != NOWHERE; at = book->places[at].same_bucket)
		if (book->places[at].tag == tag &&
		    memcmp(&book->alarms[at].cause, cause, sizeof(*cause)) == 0)
			return &book->alarms[at];
	return NULL;
}

const struct alarm *alarm_book_find(const struct alarm_book *book, const struct alarm_cause *cause)
{
	const struct alarm *alarm = find(book, cause);
	return alarm && alarm->state != ALARM_CLEARED ? alarm : NULL;
}

size_t alarm_book_open(const struct alarm_book *book, enum alarm_kind kind)
{
	return book->counts.open[kind];
}

static void tell(const struct alarm_book *book, const struct alarm *alarm, enum alarm_change change)
{
	if (book->listener)
		book->listener(alarm, change, book->userdata);
}

static void set_state(struct alarm_book *book, struct alarm *alarm, enum alarm_state state,
                      usec_t now)
{
	size_t opens = state != ALARM_CLEARED;
	size_t was_open = alarm->state != ALARM_CLEARED;
	book->counts.open[alarm->cause.kind] += opens - was_open;
	book->counts.free -= opens - was_open;
	alarm->state = state;
	alarm->changed = now;
}

/* True when a is of less use than b. */
static bool is_lesser(const struct alarm *a, const struct alarm *b)
{
	bool a_over = a->state == ALARM_CLEARED;
	bool b_over = b->state == ALARM_CLEARED;
	if (a_over != b_over)
		return a_over;
	if (a_over)
		return a->changed < b->changed;
	if (a->severity != b->severity)
		return a->severity < b->severity;
	if (a->state != b->state)
		return a->state == ALARM_ACKNOWLEDGED;
	return a->last < b->last;
}

static void leave_bucket(struct alarm_book *book, uint32_t place)
{
	uint32_t *link = bucket_of(book, book->places[place].tag);
	while (*link != place)
		link = &book->places[*link].same_bucket;
	*link = book->places[place].same_bucket;
}

/* A place for a new alarm, not in any bucket; NOWHERE when all that are there matter more. */
static uint32_t make_room(struct alarm_book *book, const struct alarm *wanted)
{
	if (book->count < book->max)
		return (uint32_t)book->count++;

	uint32_t least = 0;
	for (uint32_t i = 1; i < book->count; i++)
		if (is_lesser(&book->alarms[i], &book->alarms[least]))
			least = i;

	struct alarm *victim = &book->alarms[least];
	if (is_lesser(wanted, victim)) {
		book->counts.dropped++;
		return NOWHERE;
	}
	if (victim->state != ALARM_CLEARED) {
		book->counts.dropped++;
		book->counts.open[victim->cause.kind]--;
		book->counts.free++;
	}
	leave_bucket(book, least);
	return least;
}

/* A copy that is found by its cause and counted. */
static struct alarm *add(struct alarm_book *book, const struct alarm *alarm)
{
	uint32_t at = make_room(book, alarm);
	if (at == NOWHERE)
		return NULL;
	book->alarms[at] = *alarm;
	size_t opens = alarm->state != ALARM_CLEARED;
	book->counts.open[alarm->cause.kind] += opens;
	book->counts.free -= opens;

	uint32_t tag = tag_of_cause(book, &alarm->cause);
	uint32_t *bucket = bucket_of(book, tag);
	book->places[at] = (struct place){.id = alarm->id, .same_bucket = *bucket, .tag = tag};
	*bucket = at;
	return &book->alarms[at];
}

/* The id of the next alarm, which is set aside. */
static uint64_t next_id(struct alarm_book *book)
{
	if (book->reserve && book->counts.next_id >= book->reserved)
		book->reserved = book->reserve(&book->counts.next_id, book->reserve_userdata);
	return book->counts.next_id;
}

static struct place *place_of(const struct alarm_book *book, const struct alarm *alarm)
{
	return &book->places[alarm - book->alarms];
}

/*
 * An alarm had an attempt, at that time of day: since the last look at the clocks, whatever it
 * says. Records overtake each other by little; by more, somebody set the clock back.
 */
static void hear_again(const struct alarm_book *book, struct alarm *alarm, usec_t time)
{
	int64_t heard = (int64_t)time + book->offset;
	place_of(book, alarm)->heard = heard > book->steady ? heard : book->steady;
	if (time > alarm->last || alarm->last - time > OVERTAKEN)
		alarm->last = time;
	if (alarm->first > alarm->last)
		alarm->first = alarm->last;
}

static struct alarm_target *target_of(struct alarm *alarm, const struct address *address)
{
	for (unsigned i = 0; i < alarm->target_count; i++)
		if (address_compare(&alarm->targets[i].address, address) == 0)
			return &alarm->targets[i];
	return NULL;
}

bool alarm_has_target(const struct alarm *alarm, const struct address *address)
{
	for (unsigned i = 0; i < alarm->target_count; i++)
		if (address_compare(&alarm->targets[i].address, address) == 0)
			return true;
	return false;
}

/*
 * Counts attempts at a target; true when that is a new one. Of those that there was no room for,
 * who raises the alarm says which are new.
 */
static bool note_target(struct alarm *alarm, const struct alarm *news)
{
	if (alarm->cause.kind != ALARM_PORTSCAN || !news->has_destination)
		return false;
	struct alarm_target *target = target_of(alarm, &news->destination.address);
	bool has_room = alarm->target_count < ALARM_TARGETS;
	bool fresh = !target && news->distinct && (has_room || news->all_targets);
	if (fresh) {
		alarm->all_targets++;
		if (has_room) {
			target = &alarm->targets[alarm->target_count++];
			*target = (struct alarm_target){.address = news->destination.address};
		}
	}
	if (target)
		target->attempts += news->attempts;
	return fresh;
}

/* It opens: what its first attempt was for, as far as it is known. */
static void begin_story(struct alarm *alarm)
{
	const struct evidence *evidence = &alarm->evidence;
	alarm->target_count = 0;
	alarm->all_targets = 0;
	(void)note_target(alarm, alarm);
	alarm->has_origin = alarm->has_destination;
	alarm->origin = alarm->destination;
	if (evidence->attempt_count && evidence->attempt_count == alarm->attempts)
		alarm->origin = evidence->attempts[evidence->attempt_count - 1].destination;
}

static const struct alarm *open_alarm(struct alarm_book *book, struct alarm *old,
                                      const struct alarm *news)
{
	struct alarm *alarm = old;
	if (old) {
		uint64_t id = old->id;
		*old = *news;
		old->id = id;
		old->state = ALARM_CLEARED;
		set_state(book, old, ALARM_OPEN, news->last);
	} else {
		struct alarm fresh = *news;
		fresh.id = next_id(book);
		fresh.state = ALARM_OPEN;
		fresh.changed = news->last;
		alarm = add(book, &fresh);
		if (!alarm)
			return NULL;
		book->counts.next_id++;
	}
	begin_story(alarm);
	hear_again(book, alarm, news->last);
	tell(book, alarm, old ? ALARM_CHANGE_REOPENED : ALARM_CHANGE_OPENED);
	return alarm;
}

static void take_name(char *name, size_t size, const char *news)
{
	if (*news)
		memcpy(name, news, size);
}

static void take_facts(struct alarm *alarm, const struct alarm *news)
{
	take_name(alarm->host, sizeof(alarm->host), news->host);
	take_name(alarm->role, sizeof(alarm->role), news->role);
	take_name(alarm->interface, sizeof(alarm->interface), news->interface);
	take_name(alarm->detail, sizeof(alarm->detail), news->detail);
	if (news->has_source) {
		alarm->source = news->source;
		alarm->has_source = true;
	}
	if (news->has_destination) {
		alarm->destination = news->destination;
		alarm->has_destination = true;
	}
	if (news->has_mac) {
		alarm->mac = news->mac;
		alarm->has_mac = true;
	}
	if (news->period) {
		alarm->period = news->period;
		alarm->until = 0;
		memcpy(alarm->expected, news->expected, sizeof(alarm->expected));
	}
	if (news->has_score || news->strobe) {
		alarm->has_score = news->has_score;
		alarm->strobe = news->strobe;
		alarm->score = news->score;
		alarm->scored = news->scored;
	}
	if (news->until) {
		alarm->until = news->until;
		memset(alarm->expected, 0, sizeof(alarm->expected));
	}
	if (news->distinct) {
		alarm->distinct = news->distinct;
		alarm->succeeded = news->succeeded;
		alarm->span = news->span;
	}
	if (news->quiet > alarm->quiet)
		alarm->quiet = news->quiet;
}

static void go_on(const struct alarm_book *book, struct alarm *alarm, const struct alarm *news)
{
	bool worse = news->severity > alarm->severity || news->danger > alarm->danger;
	struct alarm_worsening worsening = {.severity = alarm->severity, .danger = alarm->danger};
	if (news->severity > alarm->severity)
		alarm->severity = news->severity;
	if (news->danger > alarm->danger)
		alarm->danger = news->danger;
	take_facts(alarm, news);
	alarm->attempts += news->attempts > 1 ? news->attempts : 1;
	alarm->passed += news->attempts > 1 ? news->passed : news->passed != 0;
	worsening.target = note_target(alarm, news);
	worse |= worsening.target;
	hear_again(book, alarm, news->last);
	if (news->evidence.attempt_count) {
		uint32_t services = alarm->evidence.service_count;
		evidence_note(&alarm->evidence, &news->evidence.attempts[0]);
		worsening.service = alarm->evidence.service_count > services;
		worse |= worsening.service;
	}
	if (worse)
		alarm->worsening = worsening;
	tell(book, alarm, worse ? ALARM_CHANGE_WORSENED : ALARM_CHANGE_UPDATED);
}

const struct alarm *alarm_book_raise(struct alarm_book *book, const struct alarm *news)
{
	struct alarm *alarm = find(book, &news->cause);
	if (!alarm || alarm->state == ALARM_CLEARED)
		return open_alarm(book, alarm, news);
	go_on(book, alarm, news);
	return alarm;
}

bool alarm_book_tally(struct alarm_book *book, const struct alarm *alarm,
                      const struct endpoint *destination, bool passed, usec_t now)
{
	struct alarm *mine = &book->alarms[alarm - book->alarms];
	struct alarm_target *target = target_of(mine, &destination->address);
	mine->attempts++;
	mine->passed += passed;
	if (target)
		target->attempts++;
	hear_again(book, mine, now);
	return evidence_count(&mine->evidence, destination, passed);
}

static struct alarm *get(const struct alarm_book *book, uint64_t id)
{
	for (size_t i = 0; i < book->count; i++)
		if (book->places[i].id == id)
			return &book->alarms[i];
	return NULL;
}

static struct alarm_deed deed_of(const struct person *by, usec_t now)
{
	struct alarm_deed deed = {.time = now, .uid = by->uid};
	alarm_name(deed.user, sizeof(deed.user), by->user);
	return deed;
}

int alarm_book_acknowledge(struct alarm_book *book, uint64_t id, const struct person *by,
                           usec_t now)
{
	struct alarm *alarm = get(book, id);
	if (!alarm || alarm->state != ALARM_OPEN)
		return -ENOENT;
	alarm->acknowledged = deed_of(by, now);
	set_state(book, alarm, ALARM_ACKNOWLEDGED, now);
	tell(book, alarm, ALARM_CHANGE_ACKNOWLEDGED);
	return 0;
}

int alarm_book_clear(struct alarm_book *book, uint64_t id, const struct person *by, usec_t now)
{
	struct alarm *alarm = get(book, id);
	if (!alarm || alarm->state == ALARM_CLEARED)
		return -ENOENT;
	if (by)
		alarm->cleared = deed_of(by, now);
	set_state(book, alarm, ALARM_CLEARED, now);
	tell(book, alarm, ALARM_CHANGE_CLEARED);
	return 0;
}

size_t alarm_book_expire(struct alarm_book *book, usec_t now, usec_t steady)
{
	size_t cleared = 0;
	book->steady = (int64_t)steady;
	book->offset = book->steady - (int64_t)now;
	for (size_t i = 0; i < book->count; i++) {
		struct alarm *alarm = &book->alarms[i];
		struct place *place = &book->places[i];
		if (place->heard > book->steady)
			place->heard = book->steady; /* the time of day was ahead */
		usec_t silence = (usec_t)(book->steady - place->heard);
		if (alarm->state == ALARM_CLEARED || !alarm->quiet || silence <= alarm->quiet)
			continue;
		set_state(book, alarm, ALARM_CLEARED, now);
		tell(book, alarm, ALARM_CHANGE_CLEARED);
		cleared++;
	}
	return cleared;
}

usec_t alarm_book_silence(const struct alarm_book *book, const struct alarm *alarm)
{
	int64_t heard = place_of(book, alarm)->heard;
	return book->steady > heard ? (usec_t)(book->steady - heard) : 0;
}

const struct alarm *alarm_book_get(const struct alarm_book *book, uint64_t id)
{
	return get(book, id);
}

const struct alarm *alarm_book_next(const struct alarm_book *book, uint64_t id)
{
	const struct alarm *next = NULL;
	uint64_t lowest = UINT64_MAX;
	for (size_t i = 0; i < book->count; i++) {
		uint64_t this = book->places[i].id;
		if (this > id && this < lowest) {
			lowest = this;
			next = &book->alarms[i];
		}
	}
	return next;
}

static bool ends(const char *name, size_t size)
{
	return memchr(name, 0, size) != NULL;
}

static bool is_family(const struct address *address)
{
	return (unsigned)address->family < FAMILY_COUNT;
}

static bool is_sound(const struct alarm *alarm)
{
	const struct evidence *evidence = &alarm->evidence;
	if (!alarm->id || alarm->id == UINT64_MAX || alarm->silence > INT64_MAX / 2 ||
	    alarm->cause.unused || alarm->cause.kind >= ALARM_KIND_COUNT ||
	    (unsigned)alarm->severity >= SEVERITY_COUNT ||
	    (unsigned)alarm->state >= ALARM_STATE_COUNT ||
	    (unsigned)alarm->score.category >= RITA_CATEGORY_COUNT ||
	    alarm->target_count > ALARM_TARGETS || alarm->all_targets < alarm->target_count ||
	    evidence->attempt_count > EVIDENCE_ATTEMPTS ||
	    evidence->service_count > EVIDENCE_SERVICES)
		return false;
	for (uint32_t i = 0; i < evidence->attempt_count; i++)
		if (!is_family(&evidence->attempts[i].source) ||
		    !is_family(&evidence->attempts[i].destination.address))
			return false;
	for (unsigned i = 0; i < alarm->target_count; i++)
		if (!is_family(&alarm->targets[i].address))
			return false;
	return is_family(&alarm->origin.address) &&
	       ends(alarm->cause.host, sizeof(alarm->cause.host)) &&
	       ends(alarm->host, sizeof(alarm->host)) && ends(alarm->role, sizeof(alarm->role)) &&
	       ends(alarm->interface, sizeof(alarm->interface)) &&
	       ends(alarm->detail, sizeof(alarm->detail)) &&
	       ends(alarm->acknowledged.user, sizeof(alarm->acknowledged.user)) &&
	       ends(alarm->cleared.user, sizeof(alarm->cleared.user)) &&
	       is_family(&alarm->cause.source) && is_family(&alarm->cause.destination.address) &&
	       is_family(&alarm->source) && is_family(&alarm->destination.address);
}

int alarm_book_restore(struct alarm_book *book, const struct alarm *saved)
{
	if (!is_sound(saved))
		return -EINVAL;
	if (find(book, &saved->cause) || get(book, saved->id))
		return -EEXIST;
	if (!add(book, saved))
		return -ENOSPC;
	place_of(book, find(book, &saved->cause))->heard = book->steady - (int64_t)saved->silence;
	if (saved->id >= book->counts.next_id)
		book->counts.next_id = saved->id + 1;
	return 0;
}

void alarm_book_reserve(struct alarm_book *book, uint64_t next_id)
{
	if (next_id > book->counts.next_id)
		book->counts.next_id = next_id;
}

struct alarm_counts alarm_book_counts(const struct alarm_book *book)
{
	return book->counts;
}
