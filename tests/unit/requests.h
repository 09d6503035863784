/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_REQUESTS_H
#define EGRESSD_TESTS_REQUESTS_H

#include "policy/runtime.h"

#include <check.h>
#include <string.h>

/* For tests: requests of run time, by alice, at a time that all tests share. */

#define ASKED_AT (UINT64_C(1795000000) * USEC_PER_SEC) /* 2026-11-18 10:53:20 UTC */
#define HOUR     (3600 * USEC_PER_SEC)

static inline struct address address_of(const char *text)
{
	struct address address = {};
	ck_assert_int_eq(address_parse(text, &address), 0);
	return address;
}

static inline char *copy_of(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	ck_assert(!text || copy);
	return copy;
}

/* until: after ASKED_AT; 0: never. */
static inline struct request_entry assignment_of(const char *address, const char *role,
                                                 usec_t until)
{
	return (struct request_entry){
	        .kind = REQUEST_ASSIGN,
	        .since = ASKED_AT,
	        .until = until ? ASKED_AT + until : 0,
	        .uid = 1000,
	        .user = copy_of("alice"),
	        .address = address_of(address),
	        .role = copy_of(role),
	};
}

static inline struct request_entry permit_of(const char *host, const char *service, const char *to,
                                             usec_t until)
{
	return (struct request_entry){
	        .kind = REQUEST_PERMIT,
	        .since = ASKED_AT,
	        .until = until ? ASKED_AT + until : 0,
	        .uid = 1000,
	        .user = copy_of("alice"),
	        .why = copy_of("the audit"),
	        .host = copy_of(host),
	        .service = copy_of(service),
	        .to = copy_of(to),
	};
}

/* host: a name or an address; until: after ASKED_AT; 0: never. */
static inline struct request_entry quarantine_of(const char *host, usec_t until)
{
	return (struct request_entry){
	        .kind = REQUEST_QUARANTINE,
	        .since = ASKED_AT,
	        .until = until ? ASKED_AT + until : 0,
	        .uid = 1000,
	        .user = copy_of("alice"),
	        .why = copy_of("a worm"),
	        .host = copy_of(host),
	};
}

/* until: after ASKED_AT. */
static inline struct request_entry pickup_of(usec_t until)
{
	return (struct request_entry){
	        .kind = REQUEST_PICKUP,
	        .since = ASKED_AT,
	        .until = ASKED_AT + until,
	        .uid = 1000,
	        .user = copy_of("alice"),
	        .why = copy_of("a fail-over"),
	};
}

static inline uint64_t ask(struct requests *requests, struct request_entry request)
{
	ck_assert_int_eq(requests_add(requests, &request), 0);
	return request.id;
}

/* Makes all of them part of the policy; nothing may be wrong with any. */
static inline void bind_all(struct policy *policy, const struct requests *requests, usec_t now)
{
	struct problems problems = {};
	struct runtime *runtime = NULL;
	ck_assert_int_eq(runtime_bind(policy, requests, now, &problems, &runtime), 0);
	problems_print(&problems, stdout);
	ck_assert(problems_empty(&problems));
	runtime_free(policy_use_runtime(policy, runtime));
	problems_done(&problems);
}

#endif
