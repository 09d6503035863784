/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TEST_SCENE_H
#define EGRESSD_TEST_SCENE_H

#include "track/alarm_text.h"
#include "track/detect.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

/* Attempts in virtual time, and what was told about them. */

#define SCENE_START ((usec_t)1020520800 * USEC_PER_SEC) /* 2002-05-04 14:00:00 UTC */
#define SCENE_TOLD  64

enum {
	ICMP = 1,
	TCP = 6,
	UDP = 17,
};

struct scene {
	struct alarm_book *book;
	struct detect *detect;
	bool silent;         /* what is told is not printed */
	unsigned attempts;   /* made */
	unsigned told_count; /* alarms that opened or came up again */
	struct told_alarm {
		enum alarm_kind kind;
		enum severity severity;
		unsigned attempt; /* the number of the one that did it */
		char text[ALARM_TEXT_MAX];
	} told[SCENE_TOLD];
};

/* Who everybody is. */
static const struct detect_facts scene_desk __attribute__((unused)) = {
        .host = "office",
        .role = "desk",
        .interface = "lan0",
        .may = "http, https, ftp, pop3, dns",
        .may_use_https = true,
        .bytes = 60,
};
static const struct detect_facts scene_web __attribute__((unused)) = {
        .host = "www1",
        .role = "web",
        .interface = "dmz0",
        .one_machine = true,
        .tripwire = true,
        .bytes = 60,
};
static const struct detect_facts scene_nobody __attribute__((unused)) = {
        .interface = "lan0",
        .bytes = 60,
};

static inline void scene_hear(const struct alarm *alarm, enum alarm_change change, void *userdata)
{
	struct scene *scene = userdata;
	if (change != ALARM_CHANGE_OPENED && change != ALARM_CHANGE_REOPENED)
		return;
	ck_assert_uint_lt(scene->told_count, SCENE_TOLD);
	struct told_alarm *told = &scene->told[scene->told_count++];
	const struct alarm_reader reader = {.now = alarm->last};
	told->kind = (enum alarm_kind)alarm->cause.kind;
	told->severity = alarm->severity;
	told->attempt = scene->attempts;
	alarm_text(alarm, &reader, told->text);
	if (scene->silent)
		return;
	printf("%-8s %-10s %s\n", severity_name(told->severity), alarm_kind_name(told->kind),
	       told->text);
}

static inline void scene_begin(struct scene *scene)
{
	*scene = (struct scene){};
	ck_assert_int_eq(alarm_book_new(256, 0, scene_hear, scene, &scene->book), 0);
	ck_assert_int_eq(detect_new(&detect_sizes_standard, scene->book, &scene->detect), 0);
	detect_know_contacts(scene->detect, 0);
}

static inline void scene_end(struct scene *scene)
{
	detect_free(scene->detect);
	alarm_book_free(scene->book);
}

static inline struct address scene_address(const char *text)
{
	struct address address;
	ck_assert_int_eq(address_parse(text, &address), 0);
	return address;
}

/* 203.0.0.0/8 has room for everybody's victims. */
static inline struct address scene_outside(uint32_t n)
{
	const uint8_t bytes[] = {203, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	return address_from_bytes(FAMILY_IPV4, bytes);
}

static inline struct address scene_pc(unsigned n)
{
	const uint8_t bytes[] = {192, 168, (uint8_t)(n >> 8), (uint8_t)n};
	return address_from_bytes(FAMILY_IPV4, bytes);
}

/* An attempt that was blocked, so many seconds after the start. */
static inline void scene_block(struct scene *scene, const struct detect_facts *facts,
                               enum reason reason, const struct address *source,
                               const struct address *destination, uint8_t protocol, uint16_t port,
                               double seconds)
{
	const struct ledger_noted noted = {
	        .key = {.source = *source,
	                .destination = *destination,
	                .port = port,
	                .protocol = protocol,
	                .reason = (uint8_t)reason,
	                .has_port = 1},
	        .source_port = (uint16_t)(1024 + scene->attempts % 60000),
	};
	scene->attempts++;
	detect_attempt(scene->detect, &noted, facts,
	               SCENE_START + (usec_t)(seconds * (double)USEC_PER_SEC));
}

/* The same for the reason "role". */
static inline void scene_try(struct scene *scene, const struct detect_facts *facts,
                             const struct address *source, const struct address *destination,
                             uint8_t protocol, uint16_t port, double seconds)
{
	scene_block(scene, facts, REASON_ROLE, source, destination, protocol, port, seconds);
}

/* The n-th alarm that was told. */
static inline const struct told_alarm *scene_told(const struct scene *scene, unsigned n,
                                                  enum alarm_kind kind, enum severity severity)
{
	ck_assert_uint_lt(n, scene->told_count);
	ck_assert_str_eq(alarm_kind_name(scene->told[n].kind), alarm_kind_name(kind));
	ck_assert_str_eq(severity_name(scene->told[n].severity), severity_name(severity));
	return &scene->told[n];
}

#endif
