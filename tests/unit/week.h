/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TEST_WEEK_H
#define EGRESSD_TEST_WEEK_H

#include "base/array.h"
#include "random.h"
#include "scene.h"

/*
 * What detectors must not name: a week of people at work, with all that a gateway blocks of them.
 * Pages contact 11 hosts in the median and 35 at the 90th percentile.
 */
#define DESKS    35
#define LAPTOPS  10 /* of these */
#define DAYS     7
#define WORKDAYS 5
#define DAY      86400.0
#define PRINTER  200

struct event {
	double time;
	uint32_t to;
	uint16_t port;
	uint8_t desk;
	uint8_t protocol;
	bool permitted;
};

struct week {
	bool meetings; /* people have them */
	bool pages;    /* they browse; what of it is blocked counts for nothing anyway */
	bool contacts; /* the permitted ones are wanted too */
	ARRAY(struct event) events;
	struct random random;
};

static inline void put(struct week *week, unsigned desk, uint8_t protocol, uint16_t port,
                       uint32_t to, bool permitted, double time)
{
	struct event *event = ARRAY_ADD(&week->events);
	ck_assert_ptr_nonnull(event);
	*event = (struct event){time, to, port, (uint8_t)desk, protocol, permitted};
}

static inline void block(struct week *week, unsigned desk, uint8_t protocol, uint16_t port,
                         uint32_t to, double time)
{
	put(week, desk, protocol, port, to, false, time);
}

/* Log-normal, by its median and 90th percentile. */
static inline double page_hosts(struct random *random)
{
	double u = 1 - random_unit(random);
	double normal = sqrt(-2 * log(u)) * cos(2 * M_PI * random_unit(random));
	return 11 * exp(normal * log(35.0 / 11) / 1.2816);
}

/* Hosts of the web are visited the more often the better known they are. */
static inline uint32_t web_host(struct random *random)
{
	return (uint32_t)(5000 * pow(random_unit(random), 3));
}

/* A page: its hosts are permitted by tcp, and a third of them are tried by QUIC before. */
static inline void browse(struct week *week, unsigned desk, double time)
{
	unsigned hosts = (unsigned)fmin(page_hosts(&week->random), 120);
	for (unsigned i = 0; i <= hosts; i++) {
		uint32_t host = web_host(&week->random);
		double at = time + random_between(&week->random, 0, 3);
		if (random_unit(&week->random) < 0.33)
			block(week, desk, UDP, 443, host, at);
		if (week->contacts)
			put(week, desk, TCP, 443, host, true, at + 0.3);
	}
}

/* A person who loads a page again some times, and then lets it be. */
static inline void insist(struct week *week, unsigned desk, uint16_t port, uint32_t to, double time)
{
	unsigned tries = 1 + random_below(&week->random, 6);
	for (unsigned i = 0; i < tries; i++) {
		block(week, desk, TCP, port, to, time);
		time += 2 + random_exponential(&week->random, 8);
	}
}

/* A chat program: waits longer each time, by chance, and gives up. */
static inline void back_off(struct week *week, unsigned desk, uint16_t port, uint32_t to,
                            double time)
{
	double wait = 2;
	for (unsigned i = 0; i < 8; i++, wait *= 2) {
		block(week, desk, TCP, port, to, time);
		time += wait * random_between(&week->random, 0.5, 1.5);
	}
}

/* A clock that is not answered: all its servers once, and again after 15, 30, 60, ... minutes. */
static inline void ask_time(struct week *week, unsigned desk, uint32_t servers, double time,
                            double until)
{
	for (double wait = 900; time < until; time += wait, wait *= 2)
		for (unsigned i = 0; i < 4; i++)
			block(week, desk, UDP, 123, servers + i, time + i * 2);
}

/* A meeting looks for a way through by four servers at once. */
static inline void meet(struct week *week, unsigned desk, double time)
{
	for (unsigned i = 0; i < 4; i++)
		block(week, desk, UDP, i % 2 ? 3478 : 19302, 20000 + i, time + i * 0.05);
}

static inline void work(struct week *week, unsigned desk, double morning)
{
	struct random *r = &week->random;
	double begin = morning + 3600 * random_between(r, 7.5, 9.5);
	double end = begin + 3600 * random_between(r, 7.5, 9.5);
	for (double at = begin; week->pages && at < end; at += 5 + random_exponential(r, 400))
		browse(week, desk, at);
	for (double at = begin; at < end; at += random_exponential(r, 2.5 * 3600))
		insist(week, desk, (uint16_t)(random_unit(r) < 0.5 ? 8080 : 8443),
		       30000 + random_below(r, 500), at);
	for (double at = begin; week->meetings && at < end; at += random_exponential(r, 3 * 3600))
		meet(week, desk, at);
	back_off(week, desk, 5222, 21000, begin + 20);
	if (desk < LAPTOPS) {
		uint32_t servers = 22000 + random_below(r, 400) * 4;
		double lunch = begin + 4 * 3600;
		ask_time(week, desk, servers, begin, lunch);
		ask_time(week, desk, servers, lunch + 2400, end);
	}
}

static inline int compare_events(const void *a, const void *b)
{
	const struct event *x = a;
	const struct event *y = b;
	return (x->time > y->time) - (x->time < y->time);
}

static inline void live(struct week *week, uint64_t seed)
{
	week->random = (struct random){seed};
	for (unsigned day = 0; day < WORKDAYS; day++)
		for (unsigned desk = 0; desk < DESKS; desk++)
			work(week, desk, day * DAY);
	qsort(week->events.items, week->events.count, sizeof(struct event), compare_events);
}

/* How the week went for the detectors. */
static inline void show(struct scene *scene, const struct week *week,
                        const struct detect_facts *facts)
{
	ARRAY_FOREACH (event, &week->events) {
		struct address source = scene_pc(event->desk);
		struct address to = scene_outside(event->to);
		const struct stream stream = {
		        .source = source,
		        .destination = {.address = to, .port = event->port, .protocol = TCP}};
		usec_t now = SCENE_START + (usec_t)(event->time * (double)USEC_PER_SEC);
		alarm_book_expire(scene->book, now, now);
		if (event->permitted)
			detect_contact(scene->detect, &stream, facts, now);
		else
			scene_try(scene, facts, &source, &to, event->protocol, event->port,
			          event->time);
	}
}

static inline void poll_of_printer(struct scene *scene, const struct detect_facts *printer)
{
	struct address source = scene_pc(PRINTER);
	struct address maker = scene_address("198.51.100.7");
	for (double at = 0; at < DAYS * DAY; at += 60)
		scene_try(scene, printer, &source, &maker, TCP, 443, at);
}

/* One bit for each desk that is in the book. */
static inline uint64_t desks_named(const struct alarm_book *book)
{
	uint64_t named = 0;
	for (const struct alarm *a = alarm_book_next(book, 0); a; a = alarm_book_next(book, a->id))
		named |= (uint64_t)1 << a->source.bytes[3];
	return named;
}

#endif
