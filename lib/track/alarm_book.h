/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_ALARM_BOOK_H
#define EGRESSD_TRACK_ALARM_BOOK_H

#include "base/cleanup.h"
#include "base/person.h"
#include "track/alarm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The alarms there are, one for each cause. The book is bounded: when it is full, the alarm that
 * was cleared longest ago makes room, else the least severe one, of those an acknowledged one
 * first, of those the one longest quiet. A new alarm that would itself be the one to go is not
 * taken.
 */
struct alarm_book;

/* What happened to an alarm. */
enum alarm_change {
	ALARM_CHANGE_OPENED,
	ALARM_CHANGE_REOPENED, /* the same cause came up again after it had been cleared */
	ALARM_CHANGE_WORSENED, /* its severity or danger level rose, or it has a new service */
	ALARM_CHANGE_UPDATED,  /* its counts and times moved on; nothing worth telling */
	ALARM_CHANGE_ACKNOWLEDGED,
	ALARM_CHANGE_CLEARED,
};

/* Called for each change, after it was made; it must not change the book. */
typedef void (*alarm_listener_t)(const struct alarm *alarm, enum alarm_change change,
                                 void *userdata);

/*
 * A book for max alarms, of which the first gets the id next_id, or 1 for 0. All memory is taken
 * here. 0, -EINVAL for a max of 0, -ENOMEM, or the failure of getrandom(2). listener may be NULL.
 */
int alarm_book_new(size_t max, uint64_t next_id, alarm_listener_t listener, void *userdata,
                   struct alarm_book **ret_book);

/*
 * Called before an alarm gets an id that was not set aside: sets ids aside, from *id on, which it
 * may raise, and returns the first behind them. So ids can be kept from being given out twice,
 * whatever happens to the process. Without such a function all ids are set aside.
 */
typedef uint64_t (*alarm_reserve_t)(uint64_t *id, void *userdata);
void alarm_book_on_reserve(struct alarm_book *book, alarm_reserve_t reserve, void *userdata);

/* Takes NULL, returns NULL. */
struct alarm_book *alarm_book_free(struct alarm_book *book);
DEFINE_CLEANUP(struct alarm_book *, alarm_book_free)

/* The alarm of that cause that is open or acknowledged; NULL when there is none. */
const struct alarm *alarm_book_find(const struct alarm_book *book, const struct alarm_cause *cause);

/* How many alarms of that kind are open or acknowledged: without any, none need be looked for. */
size_t alarm_book_open(const struct alarm_book *book, enum alarm_kind kind);

/*
 * Raises an alarm. When there is none of that cause, or only a cleared one, it opens with all that
 * `news` says (the id and state of which do not matter), at news->last. While it is open or
 * acknowledged it has one attempt more, or those of `news`, which passed if those of `news` did:
 * `last` and `expected` move on, the newest attempt of news->evidence is noted, what `news` has of
 * names, detail and addresses, period, score, distinct and span takes the place of what was known,
 * and severity, danger and quiet can only rise. Returns the alarm, or NULL when there was no room
 * for it.
 */
const struct alarm *alarm_book_raise(struct alarm_book *book, const struct alarm *news);

/* True when it is an alarm about a port scan, and one of its targets that are known has that
 * address. */
bool alarm_has_target(const struct alarm *alarm, const struct address *address);

/*
 * One attempt more of an alarm that alarm_book_find() gave, for when there are too many to note
 * them all: moves only `attempts`, `passed`, `last` and the attempts of its service on, and nobody
 * is told. False when its evidence knows nothing of that service.
 */
bool alarm_book_tally(struct alarm_book *book, const struct alarm *alarm,
                      const struct endpoint *destination, bool passed, usec_t now);

/* Somebody acknowledges an alarm that is open. 0, or -ENOENT when there is none such. */
int alarm_book_acknowledge(struct alarm_book *book, uint64_t id, const struct person *by,
                           usec_t now);

/*
 * Clears an alarm that is not cleared yet; by is NULL when nobody does. 0, or -ENOENT when there is
 * none such.
 */
int alarm_book_clear(struct alarm_book *book, uint64_t id, const struct person *by, usec_t now);

/*
 * Clears all that were quiet for long enough, and returns how many; to be called now and then, and
 * once before the first alarm. Ages go by `steady`, a time that never jumps: `now` is the time of
 * day, which somebody may set. Both are of the same moment.
 */
size_t alarm_book_expire(struct alarm_book *book, usec_t now, usec_t steady);

/* For how long an alarm of the book was quiet at the last alarm_book_expire(). */
usec_t alarm_book_silence(const struct alarm_book *book, const struct alarm *alarm);

/* The alarm with that id, NULL when there is none. */
const struct alarm *alarm_book_get(const struct alarm_book *book, uint64_t id);

/*
 * The alarm with the lowest id over that one, NULL behind the last; so the book may change within
 * the loop:
 *
 *	for (a = alarm_book_next(book, 0); a; a = alarm_book_next(book, a->id)) ...
 */
const struct alarm *alarm_book_next(const struct alarm_book *book, uint64_t id);

/*
 * Puts an alarm back that was saved; ids given out later are higher. It has been quiet for as long
 * as its `silence` says; the time between does not count. Nobody is told. 0, -EEXIST
 * when its id or cause is there already, -EINVAL when it is none that a book could have held,
 * -ENOSPC when there is no room.
 */
int alarm_book_restore(struct alarm_book *book, const struct alarm *saved);

/* Ids given out from now on are no lower, as when those below may have been in use. */
void alarm_book_reserve(struct alarm_book *book, uint64_t next_id);

struct alarm_counts {
	size_t open[ALARM_KIND_COUNT]; /* open or acknowledged */
	size_t free;                   /* so many more could be open before one has to be dropped */
	uint64_t next_id;              /* to be kept for the next book */
	uint64_t dropped;              /* made room before they were cleared, or found none */
};
struct alarm_counts alarm_book_counts(const struct alarm_book *book);

#endif
