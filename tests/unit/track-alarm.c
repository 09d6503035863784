/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/alarm_book.h"
#include "track/alarm_text.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR  (3600 * USEC_PER_SEC)
#define START ((usec_t)1020521531 * USEC_PER_SEC) /* 2002-05-04 14:12:11 UTC */
#define TCP   6
#define UDP   17

/* Who looks after alarms. */
static const struct person watch = {.user = "alice", .uid = 1000};

/* What the listener heard. */
struct heard {
	unsigned count;
	enum alarm_change last;
	uint64_t id;
};

static void hear(const struct alarm *alarm, enum alarm_change change, void *userdata)
{
	struct heard *heard = userdata;
	heard->count++;
	heard->last = change;
	heard->id = alarm->id;
}

static struct alarm_book *new_book(size_t max, uint64_t next_id, struct heard *heard)
{
	struct alarm_book *book = NULL;
	ck_assert_int_eq(alarm_book_new(max, next_id, heard ? hear : NULL, heard, &book), 0);
	return book;
}

static struct address address_of(const char *text)
{
	struct address address;
	ck_assert_int_eq(address_parse(text, &address), 0);
	return address;
}

static struct endpoint endpoint_of(const char *address, uint8_t protocol, uint16_t port)
{
	return (struct endpoint){
	        .address = address_of(address), .port = port, .protocol = protocol, .has_port = 1};
}

/* An alarm about the n-th desk, of one attempt. */
static struct alarm news_of(enum alarm_kind kind, enum severity severity, unsigned n, usec_t now)
{
	char text[ADDRESS_TEXT_MAX];
	snprintf(text, sizeof(text), "192.168.%u.%u", n / 256, n % 256);
	struct address source = address_of(text);
	struct alarm news = {
	        .cause = alarm_host_cause(kind, "office", false, &source),
	        .severity = severity,
	        .source = source,
	        .has_source = true,
	        .destination = endpoint_of("203.0.113.9", TCP, 21),
	        .has_destination = true,
	        .attempts = 1,
	        .first = now,
	        .last = now,
	        .quiet = HOUR,
	};
	alarm_name(news.host, sizeof(news.host), "office");
	alarm_name(news.role, sizeof(news.role), "desk");
	struct evidence_attempt attempt = {now, source, news.destination, 40000};
	evidence_note(&news.evidence, &attempt);
	return news;
}

static const struct alarm *raise_one(struct alarm_book *book, enum alarm_kind kind,
                                     enum severity severity, unsigned n, usec_t now)
{
	struct alarm news = news_of(kind, severity, n, now);
	return alarm_book_raise(book, &news);
}

START_TEST(one_cause_is_one_alarm_that_counts)
{
	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, &heard);
	const struct alarm *a = raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START);
	ck_assert_uint_eq(a->id, 1);
	ck_assert_int_eq(a->state, ALARM_OPEN);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_OPENED);
	ck_assert_uint_eq(heard.id, 1);

	for (unsigned i = 1; i < 100; i++) {
		ck_assert_ptr_eq(raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + i), a);
		ck_assert_int_eq(heard.last, ALARM_CHANGE_UPDATED);
	}
	ck_assert_uint_eq(a->attempts, 100);
	ck_assert_uint_eq(a->first, START);
	ck_assert_uint_eq(a->last, START + 99);
	ck_assert_uint_eq(a->evidence.attempt_count, EVIDENCE_ATTEMPTS);
	ck_assert_uint_eq(a->evidence.attempts[0].time, START + 99);
	ck_assert_uint_eq(a->evidence.services[0].attempts, 100);

	ck_assert_uint_eq(raise_one(book, ALARM_TRIPWIRE, SEVERITY_WARNING, 1, START)->id, 2);
	ck_assert_uint_eq(raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 2, START)->id, 3);
	ck_assert_uint_eq(alarm_book_counts(book).open[ALARM_SCAN], 2);
	ck_assert_uint_eq(alarm_book_counts(book).next_id, 4);
}
END_TEST

START_TEST(attempts_that_are_only_counted_move_the_counts_on_and_tell_nobody)
{
	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, &heard);
	const struct alarm *a = raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START);
	struct endpoint known = endpoint_of("203.0.113.10", TCP, 21);
	struct endpoint other = endpoint_of("203.0.113.10", TCP, 4444);
	struct alarm before = *a;
	ck_assert(alarm_book_tally(book, a, &known, true, START + 5));
	ck_assert(
	        alarm_book_tally(book, a, &known, false, START + 3)); /* they overtook each other */
	ck_assert(!alarm_book_tally(book, a, &other, true, START + 6));
	ck_assert_uint_eq(heard.count, 1);

	before.attempts += 3;
	before.passed += 2;
	before.evidence.services[0].passed += 1;
	before.last = START + 6;
	before.evidence.services[0].attempts += 2;
	ck_assert_mem_eq(a, &before, sizeof(before));
	ck_assert(evidence_knows(&a->evidence, &known));
	ck_assert(!evidence_knows(&a->evidence, &other));
}
END_TEST

START_TEST(the_book_knows_how_many_more_may_be_open)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(3, 0, NULL);
	ck_assert_uint_eq(alarm_book_counts(book).free, 3);
	for (unsigned i = 0; i < 5; i++) {
		raise_one(book, ALARM_SCAN, SEVERITY_WARNING, i, START + i);
		ck_assert_uint_eq(alarm_book_counts(book).free, i < 3 ? 2 - i : 0);
	}
	alarm_book_acknowledge(book, 4, &watch, START + 5);
	ck_assert_uint_eq(alarm_book_counts(book).free, 0);
	struct alarm saved = *alarm_book_get(book, 4);
	alarm_book_clear(book, 4, NULL, START + 6);
	ck_assert_uint_eq(alarm_book_counts(book).free, 1);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 3, START + 7);
	ck_assert_uint_eq(alarm_book_counts(book).free, 0);

	_cleanup_(alarm_book_freep) struct alarm_book *other = new_book(3, 0, NULL);
	ck_assert_int_eq(alarm_book_restore(other, &saved), 0);
	ck_assert_uint_eq(alarm_book_counts(other).free, 2);
}
END_TEST

START_TEST(beacons_of_one_host_are_told_apart_by_destination_and_port)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, NULL);
	struct alarm news = news_of(ALARM_BEACON, SEVERITY_WARNING, 1, START);
	static const uint16_t ports[] = {25, 25, 26};
	static const uint64_t ids[] = {1, 1, 2};
	for (unsigned i = 0; i < 3; i++) {
		news.cause.destination = endpoint_of("203.0.113.9", TCP, ports[i]);
		news.cause.has_destination = true;
		ck_assert_uint_eq(alarm_book_raise(book, &news)->id, ids[i]);
	}
}
END_TEST

START_TEST(a_host_of_one_machine_is_known_by_its_name_whatever_its_address)
{
	struct address four = address_of("192.0.2.80");
	struct address six = address_of("2001:db8::80");
	struct alarm_cause a = alarm_host_cause(ALARM_SCAN, "www1", true, &four);
	struct alarm_cause b = alarm_host_cause(ALARM_SCAN, "www1", true, &six);
	ck_assert_mem_eq(&a, &b, sizeof(a));
	b = alarm_host_cause(ALARM_SCAN, "www1", false, &four);
	ck_assert_mem_ne(&a, &b, sizeof(a));
	a = alarm_host_cause(ALARM_SCAN, NULL, true, &four);
	ck_assert_mem_eq(&a, &b, sizeof(a));
}
END_TEST

START_TEST(an_acknowledged_alarm_counts_in_silence_and_a_cleared_one_comes_up_again)
{
	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, &heard);
	const struct alarm *a = raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START);
	ck_assert_int_eq(alarm_book_acknowledge(book, 1, &watch, START + 5), 0);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_ACKNOWLEDGED);
	ck_assert_int_eq(alarm_book_acknowledge(book, 1, &watch, START + 5), -ENOENT);
	ck_assert_uint_eq(a->changed, START + 5);
	ck_assert_uint_eq(a->acknowledged.time, START + 5);
	ck_assert_uint_eq(a->acknowledged.uid, 1000);
	ck_assert_str_eq(a->acknowledged.user, "alice");

	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + 6);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_UPDATED);
	ck_assert_int_eq(a->state, ALARM_ACKNOWLEDGED);
	ck_assert_uint_eq(a->attempts, 2);

	ck_assert_int_eq(alarm_book_clear(book, 1, NULL, START + 7), 0);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_CLEARED);
	ck_assert_msg(!a->cleared.time, "by nobody");
	ck_assert_uint_eq(a->acknowledged.time, START + 5);
	ck_assert_int_eq(alarm_book_clear(book, 1, NULL, START + 7), -ENOENT);
	ck_assert_int_eq(alarm_book_acknowledge(book, 1, &watch, START + 7), -ENOENT);
	ck_assert_ptr_null(alarm_book_find(book, &a->cause));
	ck_assert_uint_eq(alarm_book_counts(book).open[ALARM_SCAN], 0);

	ck_assert_ptr_eq(raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + 8), a);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_REOPENED);
	ck_assert_uint_eq(a->id, 1);
	ck_assert_uint_eq(a->attempts, 1);
	ck_assert_uint_eq(a->first, START + 8);
	ck_assert_msg(!a->acknowledged.time, "that was the one before");
	ck_assert_uint_eq(alarm_book_counts(book).open[ALARM_SCAN], 1);

	ck_assert_int_eq(alarm_book_acknowledge(book, 99, &watch, START), -ENOENT);
	ck_assert_int_eq(alarm_book_clear(book, 99, NULL, START), -ENOENT);
}
END_TEST

START_TEST(quiet_time_clears_and_none_never_does)
{
	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, &heard);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 2, START + HOUR / 2);
	struct alarm forever = news_of(ALARM_TAMPER, SEVERITY_CRITICAL, 3, START);
	forever.quiet = 0;
	alarm_book_raise(book, &forever);

	ck_assert_uint_eq(alarm_book_expire(book, START + HOUR, START + HOUR), 0);
	ck_assert_uint_eq(alarm_book_expire(book, START + HOUR + 1, START + HOUR + 1), 1);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_CLEARED);
	ck_assert_uint_eq(heard.id, 1);
	ck_assert_uint_eq(alarm_book_expire(book, START - HOUR, START - HOUR), 0);
	ck_assert_uint_eq(alarm_book_expire(book, START + 1000 * HOUR, START + 1000 * HOUR), 1);
	ck_assert_int_eq(alarm_book_get(book, 3)->state, ALARM_OPEN);
}
END_TEST

#define YEAR (365 * 24 * HOUR)
#define BOOT (60 * USEC_PER_SEC) /* the steady time at START */

/* The clocks go on for so long; the time of day is off by some. */
static size_t pass(struct alarm_book *book, usec_t passed, int64_t off)
{
	return alarm_book_expire(book, START + passed + (usec_t)off, BOOT + passed);
}

START_TEST(a_clock_that_was_ahead_keeps_no_alarm_open)
{
	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, &heard);
	pass(book, 0, 10 * YEAR);
	const struct alarm *a = raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + 10 * YEAR);
	ck_assert_uint_eq(pass(book, HOUR / 2, 0), 0);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + HOUR / 2);
	ck_assert_uint_eq(a->last, START + HOUR / 2);
	ck_assert_uint_eq(a->first, START + HOUR / 2);
	ck_assert_uint_eq(pass(book, HOUR + HOUR / 2, 0), 0);
	ck_assert_uint_eq(pass(book, HOUR + HOUR / 2 + 1, 0), 1);
	ck_assert_int_eq(a->state, ALARM_CLEARED);
}
END_TEST

START_TEST(a_clock_that_was_ahead_only_at_an_attempt_delays_nothing)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, NULL);
	pass(book, 0, 0);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + 10 * YEAR);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 2, START - 10 * YEAR);
	ck_assert_uint_eq(pass(book, 5 * USEC_PER_SEC, 0), 0);
	ck_assert_uint_eq(pass(book, HOUR, 0), 0);
	ck_assert_uint_eq(pass(book, HOUR + 6 * USEC_PER_SEC, 0), 2);
}
END_TEST

START_TEST(a_clock_that_was_1970_first_clears_and_reopens_nothing)
{
	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, &heard);
	pass(book, 0, -(int64_t)START);
	const struct alarm *a = raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, USEC_PER_SEC);
	ck_assert_int_eq(alarm_book_acknowledge(book, a->id, &watch, 2 * USEC_PER_SEC), 0);
	ck_assert_uint_eq(pass(book, 5 * USEC_PER_SEC, 0), 0);
	ck_assert_uint_eq(pass(book, HOUR, 0), 0);
	unsigned told = heard.count;
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + HOUR);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_UPDATED);
	ck_assert_uint_eq(heard.count, told + 1);
	ck_assert_int_eq(a->state, ALARM_ACKNOWLEDGED);
	ck_assert_uint_eq(a->last, START + HOUR);
	ck_assert_uint_eq(pass(book, 2 * HOUR, 0), 0);
	ck_assert_uint_eq(pass(book, 2 * HOUR + 1, 0), 1);
}
END_TEST

START_TEST(time_in_suspend_is_quiet_time_and_a_step_of_an_hour_is_none)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, NULL);
	pass(book, 0, 0);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START);
	ck_assert_uint_eq(pass(book, USEC_PER_SEC, (int64_t)HOUR), 0);
	ck_assert_uint_eq(pass(book, 2 * USEC_PER_SEC, 0), 0);
	ck_assert_uint_eq(pass(book, 8 * HOUR, 0), 1); /* one jump of both clocks */
}
END_TEST

START_TEST(a_saved_alarm_goes_on_being_quiet_where_it_was)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, NULL);
	pass(book, 0, 0);
	struct alarm saved = news_of(ALARM_SCAN, SEVERITY_WARNING, 1, START - YEAR);
	saved.id = 1;
	saved.silence = HOUR - USEC_PER_SEC; /* longer than this machine runs */
	ck_assert_int_eq(alarm_book_restore(book, &saved), 0);
	ck_assert_uint_eq(pass(book, USEC_PER_SEC, 0), 0);
	ck_assert_uint_eq(alarm_book_silence(book, alarm_book_get(book, 1)), HOUR);
	ck_assert_uint_eq(pass(book, USEC_PER_SEC + 1, 0), 1);

	saved.id = 2;
	saved.cause.kind = ALARM_PORTSCAN;
	saved.silence = UINT64_MAX;
	ck_assert_int_eq(alarm_book_restore(book, &saved), -EINVAL);
}
END_TEST

START_TEST(what_grows_worse_is_told)
{
	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, &heard);
	struct alarm news = news_of(ALARM_SCAN, SEVERITY_WARNING, 1, START);
	const struct alarm *a = alarm_book_raise(book, &news);
	news.severity = SEVERITY_CRITICAL;
	alarm_book_raise(book, &news);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_WORSENED);
	news.severity = SEVERITY_NOTICE;
	news.danger = 2;
	alarm_book_raise(book, &news);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_WORSENED);
	news.danger = 1;
	alarm_book_raise(book, &news);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_UPDATED);
	ck_assert_int_eq(a->severity, SEVERITY_CRITICAL);
	ck_assert_uint_eq(a->danger, 2);

	news.evidence.attempts[0].destination.port = 4444;
	alarm_book_raise(book, &news);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_WORSENED);
	alarm_book_raise(book, &news);
	ck_assert_int_eq(heard.last, ALARM_CHANGE_UPDATED);
}
END_TEST

START_TEST(what_matters_least_makes_room_and_is_counted)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(4, 0, NULL);
	raise_one(book, ALARM_SCAN, SEVERITY_CRITICAL, 1, START);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 2, START + 1);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 3, START + 2);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 4, START + 3);
	alarm_book_clear(book, 4, NULL, START + 4);

	/* What is cleared goes first, and is no loss. */
	raise_one(book, ALARM_SCAN, SEVERITY_NOTICE, 5, START + 5);
	ck_assert_ptr_null(alarm_book_get(book, 4));
	ck_assert_uint_eq(alarm_book_counts(book).dropped, 0);

	/* Then the least severe. */
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 6, START + 6);
	ck_assert_ptr_null(alarm_book_get(book, 5));
	ck_assert_uint_eq(alarm_book_counts(book).dropped, 1);

	/* Of those an acknowledged one, else the one longest quiet. */
	alarm_book_acknowledge(book, 3, &watch, START + 7);
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 7, START + 8);
	ck_assert_ptr_null(alarm_book_get(book, 3));
	raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 8, START + 9);
	ck_assert_ptr_null(alarm_book_get(book, 2));

	/* A notice finds no room among warnings, and takes no id. */
	ck_assert_ptr_null(raise_one(book, ALARM_SCAN, SEVERITY_NOTICE, 9, START + 10));
	ck_assert_uint_eq(alarm_book_counts(book).dropped, 4);
	ck_assert_uint_eq(alarm_book_counts(book).next_id, 9);
	ck_assert_uint_eq(alarm_book_counts(book).open[ALARM_SCAN], 4);
	ck_assert_ptr_nonnull(alarm_book_get(book, 1));

	uint64_t order[] = {1, 6, 7, 8};
	unsigned n = 0;
	for (const struct alarm *a = alarm_book_next(book, 0); a; a = alarm_book_next(book, a->id))
		ck_assert_uint_eq(a->id, order[n++]);
	ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(a_book_full_many_times_over_still_finds_each_alarm_it_has)
{
	enum { MAX = 100, HOSTS = 5000 };
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(MAX, 0, NULL);
	for (unsigned i = 0; i < HOSTS; i++)
		ck_assert_uint_eq(raise_one(book, ALARM_SCAN, SEVERITY_WARNING, i, START + i)->id,
		                  i + 1);
	for (unsigned i = 0; i < HOSTS; i++) {
		struct alarm news = news_of(ALARM_SCAN, SEVERITY_WARNING, i, START);
		const struct alarm *a = alarm_book_find(book, &news.cause);
		if (i < HOSTS - MAX)
			ck_assert_ptr_null(a);
		else
			ck_assert_uint_eq(a->id, i + 1);
	}
	ck_assert_uint_eq(alarm_book_counts(book).dropped, HOSTS - MAX);
	ck_assert_uint_eq(alarm_book_counts(book).open[ALARM_SCAN], MAX);
}
END_TEST

START_TEST(saved_alarms_come_back_and_ids_go_on_behind_them)
{
	_cleanup_(alarm_book_freep) struct alarm_book *old = new_book(8, 41, NULL);
	struct alarm saved = *raise_one(old, ALARM_SCAN, SEVERITY_WARNING, 1, START);
	ck_assert_uint_eq(saved.id, 41);
	alarm_book_acknowledge(old, 41, &watch, START + 1);
	saved = *alarm_book_get(old, 41);

	struct heard heard = {};
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(2, 7, &heard);
	ck_assert_int_eq(alarm_book_restore(book, &saved), 0);
	ck_assert_uint_eq(heard.count, 0);
	const struct alarm *a = alarm_book_get(book, 41);
	ck_assert_mem_eq(a, &saved, sizeof(saved));
	ck_assert_uint_eq(alarm_book_counts(book).open[ALARM_SCAN], 1);
	ck_assert_int_eq(alarm_book_restore(book, &saved), -EEXIST);
	struct alarm other = news_of(ALARM_TRW, SEVERITY_WARNING, 1, START);
	other.id = 41;
	ck_assert_int_eq(alarm_book_restore(book, &other), -EEXIST);

	/* It goes on where it was. */
	ck_assert_ptr_eq(raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 1, START + 9), a);
	ck_assert_uint_eq(a->attempts, 2);
	ck_assert_uint_eq(raise_one(book, ALARM_SCAN, SEVERITY_WARNING, 2, START)->id, 42);

	other.id = 50;
	other.severity = SEVERITY_NOTICE;
	ck_assert_int_eq(alarm_book_restore(book, &other), -ENOSPC);
}
END_TEST

START_TEST(what_no_book_ever_held_is_not_restored)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, NULL);
	struct alarm sound = news_of(ALARM_SCAN, SEVERITY_WARNING, 1, START);
	sound.id = 3;

	struct alarm a = sound;
	a.id = 0;
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a.id = UINT64_MAX; /* there would be no id behind it */
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a = sound;
	a.cause.kind = ALARM_KIND_COUNT;
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a = sound;
	a.severity = (enum severity)SEVERITY_COUNT;
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a = sound;
	a.state = (enum alarm_state)ALARM_STATE_COUNT;
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a = sound;
	a.evidence.attempt_count = EVIDENCE_ATTEMPTS + 1;
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a = sound;
	a.evidence.service_count = EVIDENCE_SERVICES + 1;
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a = sound;
	memset(a.host, 'x', sizeof(a.host));
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	a = sound;
	a.source.family = (enum family)FAMILY_COUNT;
	ck_assert_int_eq(alarm_book_restore(book, &a), -EINVAL);
	ck_assert_ptr_null(alarm_book_next(book, 0));
	ck_assert_int_eq(alarm_book_restore(book, &sound), 0);

	struct alarm_book *none = NULL;
	ck_assert_int_eq(alarm_book_new(0, 0, NULL, NULL, &none), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

START_TEST(names_are_read_back)
{
	for (unsigned i = 0; i < ALARM_KIND_COUNT; i++) {
		enum alarm_kind kind;
		ck_assert_int_eq(alarm_kind_parse(alarm_kind_name((enum alarm_kind)i), &kind), 0);
		ck_assert_uint_eq(kind, i);
	}
	for (unsigned i = 0; i < SEVERITY_COUNT; i++) {
		enum severity severity;
		ck_assert_int_eq(severity_parse(severity_name((enum severity)i), &severity), 0);
		ck_assert_uint_eq(severity, i);
	}
	for (unsigned i = 0; i < ALARM_STATE_COUNT; i++) {
		enum alarm_state state;
		ck_assert_int_eq(alarm_state_parse(alarm_state_name((enum alarm_state)i), &state),
		                 0);
		ck_assert_uint_eq(state, i);
	}
	enum alarm_kind kind;
	ck_assert_int_eq(alarm_kind_parse("worm", &kind), -EINVAL);
}
END_TEST

/* One alarm of each kind, as its listener would see it. */
static struct alarm example(enum alarm_kind kind)
{
	struct alarm a = news_of(kind, SEVERITY_CRITICAL, 77, START);
	alarm_name(a.host, sizeof(a.host), "pc7");
	alarm_name(a.interface, sizeof(a.interface), "lan0");
	a.attempts = 4;
	return a;
}

static void expect(const struct alarm *alarm, const char *text)
{
	const struct alarm_reader reader = {.now = START + 3 * HOUR, .zone = {.offset = -600}};
	char buffer[ALARM_TEXT_MAX];
	ck_assert_str_eq(alarm_text(alarm, &reader, buffer), text);
}

START_TEST(a_tired_person_understands_the_sentence)
{
	struct alarm a = example(ALARM_TRIPWIRE);
	alarm_name(a.host, sizeof(a.host), "www1");
	alarm_name(a.role, sizeof(a.role), "web");
	a.source = address_of("192.0.2.80");
	a.attempts = 3;
	expect(&a, "www1 (192.0.2.80, web) tried tcp/21 to 203.0.113.9: role web may initiate "
	           "nothing. 3 attempts since 14:02:11 -00:10.");
	a.evidence.service_count = 2;
	expect(&a, "www1 (192.0.2.80, web) tried tcp/21 to 203.0.113.9: role web may initiate "
	           "nothing. 3 attempts in all since 14:02:11 -00:10.");
	a.evidence.service_count = 1;
	alarm_name(a.detail, sizeof(a.detail), "syslog to 192.0.2.53");
	a.attempts = 1;
	expect(&a, "www1 (192.0.2.80, web) tried tcp/21 to 203.0.113.9: role web may initiate "
	           "only syslog to 192.0.2.53. 1 attempt since 14:02:11 -00:10.");
	alarm_name(a.role, sizeof(a.role), NULL);
	expect(&a, "www1 (192.0.2.80) tried tcp/21 to 203.0.113.9: it may initiate only syslog to "
	           "192.0.2.53. 1 attempt since 14:02:11 -00:10.");

	a = example(ALARM_BEACON);
	a.cause.destination = endpoint_of("203.0.113.9", TCP, 25);
	a.period = 30 * USEC_PER_SEC;
	expect(&a, "pc7 (192.168.0.77, desk) tries tcp/25 at 203.0.113.9 every 30 s: 4 attempts "
	           "since 14:02:11 -00:10.");
	a.period = 5400 * USEC_PER_SEC;
	a.cause.destination = endpoint_of("2001:db8::9", 58, 128);
	expect(&a, "pc7 (192.168.0.77, desk) tries icmpv6/echo-request at 2001:db8::9 every 1 h "
	           "30 min: 4 attempts since 14:02:11 -00:10.");

	a = example(ALARM_SCAN);
	a.distinct = 25;
	a.span = 300 * USEC_PER_SEC;
	a.evidence = (struct evidence){
	        .service_count = 3,
	        .services = {{4444, TCP, 1, 1}, {69, UDP, 1, 2}, {135, TCP, 1, 25}},
	};
	expect(&a, "pc7 (192.168.0.77, desk) looks for hosts: tcp/135 at 25 hosts or more within "
	           "5 min (also tcp/4444, udp/69). 4 attempts since 14:02:11 -00:10.");

	a = example(ALARM_PORTSCAN);
	a.distinct = 15;
	a.span = 300 * USEC_PER_SEC;
	expect(&a, "pc7 (192.168.0.77, desk) looks for services of 203.0.113.9: 15 ports or more "
	           "within 5 min. 4 attempts since 14:02:11 -00:10.");

	a = example(ALARM_TRW);
	a.distinct = 5;
	a.succeeded = 1;
	expect(&a, "pc7 (192.168.0.77, desk) makes first contacts that fail as those of a scanner "
	           "do: 5 failed and 1 succeeded until it was noticed; the last attempt was tcp/21 "
	           "to 203.0.113.9. 4 attempts "
	           "since 14:02:11 -00:10.");

	a = example(ALARM_THROTTLE);
	expect(&a, "pc7 (192.168.0.77, desk) contacts new hosts faster than its role may, tcp/21 "
	           "at 203.0.113.9 among them. 4 attempts since 14:02:11 -00:10.");
	a.distinct = 100;
	a.span = 10 * USEC_PER_SEC;
	expect(&a, "pc7 (192.168.0.77, desk) contacts new hosts faster than its role may (100 in "
	           "10 s), tcp/21 at 203.0.113.9 among them. 4 attempts since 14:02:11 -00:10.");
	a.distinct = 54;
	a.span = 100 * USEC_PER_MSEC;
	expect(&a, "pc7 (192.168.0.77, desk) contacts new hosts faster than its role may (54 in "
	           "100 ms), tcp/21 at 203.0.113.9 among them. 4 attempts since 14:02:11 -00:10.");

	a = example(ALARM_UNASSIGNED);
	a.has_mac = true;
	ck_assert_int_eq(mac_parse("52:54:00:12:34:56", &a.mac), 0);
	expect(&a, "192.168.0.77 with MAC 52:54:00:12:34:56 on lan0 is no host of the policy and "
	           "tried tcp/21 to 203.0.113.9. 4 attempts since 14:02:11 -00:10.");
	a.cause.many = true;
	expect(&a, "Many more senders on lan0 are no hosts of the policy, the last one "
	           "192.168.0.77. 4 attempts since 14:02:11 -00:10.");

	a.cause.kind = ALARM_IMPOSTOR;
	a.cause.many = false;
	expect(&a, "A sender with MAC 52:54:00:12:34:56 on lan0 uses the address 192.168.0.77 of "
	           "pc7 and tried tcp/21 to 203.0.113.9. 4 attempts since 14:02:11 -00:10.");

	a = example(ALARM_QUARANTINE);
	alarm_name(a.detail, sizeof(a.detail), "put there by anna");
	a.first -= 24 * HOUR;
	expect(&a, "pc7 (192.168.0.77, desk) is in quarantine: put there by anna. 4 attempts since "
	           "2002-05-03 14:02:11 -00:10.");

	a = (struct alarm){.cause = {.kind = ALARM_TAMPER}, .attempts = 2, .first = START};
	alarm_name(a.detail, sizeof(a.detail), "nft, pid 4711");
	expect(&a,
	       "Somebody else changed the table: nft, pid 4711. 2 changes since 14:02:11 -00:10.");
}
END_TEST

START_TEST(the_sentence_says_what_audit_let_pass)
{
	struct alarm a = example(ALARM_BEACON);
	a.cause.destination = endpoint_of("203.0.113.9", TCP, 25);
	a.period = 30 * USEC_PER_SEC;
	a.passed = 4;
	expect(&a, "pc7 (192.168.0.77, desk) tries tcp/25 at 203.0.113.9 every 30 s: 4 attempts "
	           "since 14:02:11 -00:10. They would be blocked, but audit let them pass.");
	a.passed = 1;
	expect(&a, "pc7 (192.168.0.77, desk) tries tcp/25 at 203.0.113.9 every 30 s: 4 attempts "
	           "since 14:02:11 -00:10. 1 would be blocked, but audit let it pass; 3 were "
	           "blocked.");
	a.passed = 3;
	expect(&a, "pc7 (192.168.0.77, desk) tries tcp/25 at 203.0.113.9 every 30 s: 4 attempts "
	           "since 14:02:11 -00:10. 3 would be blocked, but audit let them pass; 1 was "
	           "blocked.");
	a.attempts = a.passed = 1;
	expect(&a, "pc7 (192.168.0.77, desk) tries tcp/25 at 203.0.113.9 every 30 s: 1 attempt "
	           "since 14:02:11 -00:10. It would be blocked, but audit let it pass.");
}
END_TEST

START_TEST(an_alarm_counts_what_audit_let_pass_beside_all_attempts)
{
	_cleanup_(alarm_book_freep) struct alarm_book *book = new_book(8, 0, NULL);
	struct alarm news = news_of(ALARM_SCAN, SEVERITY_WARNING, 1, START);
	news.attempts = 25;
	news.passed = 5;
	const struct alarm *a = alarm_book_raise(book, &news);
	ck_assert_uint_eq(a->passed, 5);
	news.attempts = news.passed = 1;
	alarm_book_raise(book, &news);
	news.passed = 0;
	alarm_book_raise(book, &news);
	ck_assert_uint_eq(a->attempts, 27);
	ck_assert_uint_eq(a->passed, 6);
}
END_TEST

START_TEST(a_time_before_the_change_of_clocks_is_told_as_clocks_showed_it)
{
	const usec_t change = (usec_t)1792890000 * USEC_PER_SEC; /* 2026-10-25 01:00:00 UTC */
	char buffer[ALARM_TEXT_MAX];
	ck_assert_int_eq(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	tzset();
	struct zone zone = zone_here(change + 10 * HOUR);
	ck_assert_int_eq(zone.offset, 3600);
	ck_assert_int_eq(zone.before, 7200);
	ck_assert_uint_eq(zone.since, change);
	zone = zone_here(change - 1);
	ck_assert_int_eq(zone.offset, 7200);
	ck_assert_int_eq(zone.before, 3600);

	const struct alarm_reader reader = {.now = change + 10 * HOUR,
	                                    .zone = zone_here(change + 10 * HOUR)};
	struct alarm a = example(ALARM_THROTTLE);
	a.first = change - 2 * HOUR - HOUR / 2; /* 00:30 CEST */
	alarm_text(&a, &reader, buffer);
	ck_assert_ptr_nonnull(strstr(buffer, " since 00:30:00 +02:00."));
	a.first = change + HOUR / 2;
	alarm_text(&a, &reader, buffer);
	ck_assert_ptr_nonnull(strstr(buffer, " since 02:30:00 +01:00."));

	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	tzset();
	zone = zone_here(change);
	ck_assert_uint_eq(zone.since, 0);
	ck_assert_int_eq(zone_offset(&zone, 0), 0);
}
END_TEST

START_TEST(the_longest_of_everything_fits)
{
	struct alarm a = example(ALARM_SCAN);
	memset(a.host, 'h', sizeof(a.host) - 1);
	memset(a.role, 'r', sizeof(a.role) - 1);
	memset(a.detail, 'd', sizeof(a.detail) - 1);
	memset(a.interface, 'i', sizeof(a.interface) - 1);
	a.source = address_of("2001:db8:1111:2222:3333:4444:5555:6666");
	a.destination.address = a.source;
	a.cause.destination = a.destination;
	a.has_mac = true;
	a.span = UINT64_MAX;
	a.period = UINT64_MAX;
	a.attempts = UINT64_MAX;
	a.evidence.service_count = EVIDENCE_SERVICES;
	for (unsigned i = 0; i < EVIDENCE_SERVICES; i++)
		a.evidence.services[i] =
		        (struct evidence_service){(uint16_t)(60000 + i), 136, 1, UINT64_MAX};
	const struct alarm_reader reader = {.now = START + 400 * HOUR};
	for (unsigned kind = 0; kind < ALARM_KIND_COUNT; kind++) {
		char buffer[ALARM_TEXT_MAX];
		a.cause.kind = (uint8_t)kind;
		alarm_text(&a, &reader, buffer);
		ck_assert_uint_lt(strlen(buffer), ALARM_TEXT_MAX - 1);
		ck_assert_str_eq(buffer + strlen(buffer) - strlen("since 2002-05-04 14:12:11 UTC."),
		                 "since 2002-05-04 14:12:11 UTC.");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-alarm");
	TCase *c = tcase_create("book");
	tcase_add_test(c, one_cause_is_one_alarm_that_counts);
	tcase_add_test(c, attempts_that_are_only_counted_move_the_counts_on_and_tell_nobody);
	tcase_add_test(c, the_book_knows_how_many_more_may_be_open);
	tcase_add_test(c, beacons_of_one_host_are_told_apart_by_destination_and_port);
	tcase_add_test(c, a_host_of_one_machine_is_known_by_its_name_whatever_its_address);
	tcase_add_test(c, an_acknowledged_alarm_counts_in_silence_and_a_cleared_one_comes_up_again);
	tcase_add_test(c, quiet_time_clears_and_none_never_does);
	tcase_add_test(c, a_clock_that_was_ahead_keeps_no_alarm_open);
	tcase_add_test(c, a_clock_that_was_ahead_only_at_an_attempt_delays_nothing);
	tcase_add_test(c, a_clock_that_was_1970_first_clears_and_reopens_nothing);
	tcase_add_test(c, time_in_suspend_is_quiet_time_and_a_step_of_an_hour_is_none);
	tcase_add_test(c, a_saved_alarm_goes_on_being_quiet_where_it_was);
	tcase_add_test(c, what_grows_worse_is_told);
	tcase_add_test(c, what_matters_least_makes_room_and_is_counted);
	tcase_add_test(c, a_book_full_many_times_over_still_finds_each_alarm_it_has);
	tcase_add_test(c, saved_alarms_come_back_and_ids_go_on_behind_them);
	tcase_add_test(c, what_no_book_ever_held_is_not_restored);
	suite_add_tcase(suite, c);

	c = tcase_create("text");
	tcase_add_test(c, names_are_read_back);
	tcase_add_test(c, a_tired_person_understands_the_sentence);
	tcase_add_test(c, the_sentence_says_what_audit_let_pass);
	tcase_add_test(c, an_alarm_counts_what_audit_let_pass_beside_all_attempts);
	tcase_add_test(c, a_time_before_the_change_of_clocks_is_told_as_clocks_showed_it);
	tcase_add_test(c, the_longest_of_everything_fits);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
