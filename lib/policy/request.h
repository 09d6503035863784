/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_REQUEST_H
#define EGRESSD_POLICY_REQUEST_H

#include "base/address.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What people asked for at run time, without a file: an address takes a role (assign), a host may
 * initiate something for a while (permit), nothing that a host sends goes anywhere (quarantine),
 * connections that are older than the kernel's table of them are picked up for a while (pickup).
 * The daemon may ask for the last two itself. A request is plain words and outlives every policy;
 * runtime.h binds all of them to the policy in force.
 */

#define REQUEST_WHY_MAX  160   /* bytes of a reason given */
#define REQUEST_USER_MAX 64    /* bytes of a user's name */
#define REQUESTS_MAX     65536 /* of all kinds together */

#define REQUEST_USER_OWN    "egressd"  /* the daemon itself asked */
#define REQUEST_UID_UNKNOWN UINT32_MAX /* no user's: who asked is known by name at most */

enum request_kind {
	REQUEST_ASSIGN,
	REQUEST_PERMIT,
	REQUEST_QUARANTINE,
	REQUEST_PICKUP, /* there is one at most */
};
#define REQUEST_KIND_COUNT (REQUEST_PICKUP + 1)

/* Owns its strings. */
struct request_entry {
	enum request_kind kind;
	uint64_t id;  /* unique for good; permits are revoked by it */
	usec_t since; /* when it was asked for */
	usec_t until; /* when the kernel ends it, whole seconds after since; 0: never (no permit,
	               * no pickup) */
	uint32_t uid; /* who asked, by the credentials of the connection; REQUEST_UID_UNKNOWN */
	char *user;   /* the name of that uid, or its number */
	char *why;    /* or NULL (no permit) */
	struct address address; /* REQUEST_ASSIGN */
	char *role;             /* REQUEST_ASSIGN: its name */
	char *host;             /* REQUEST_PERMIT, _QUARANTINE: a host's name or an address */
	char *service;          /* REQUEST_PERMIT: a name or a literal */
	char *to;               /* REQUEST_PERMIT: as in the configuration; NULL: anywhere */
	bool automatic;         /* REQUEST_QUARANTINE: the daemon's own, for what the host did */
};

/* In the order in which they were asked for. Start from {.next_id = 1}. */
struct requests {
	ARRAY(struct request_entry) list;
	uint64_t next_id;
	usec_t as_of; /* it was that late when the list was kept last; 0: not known */
	/* The pickup window was open, and connections of then may be: their rules stay in the
	 * table. Not kept in a file: the table itself tells. */
	bool picked_up;
};

/* Releases what is held; the struct may be used again. */
void requests_done(struct requests *requests);

/* Releases the strings of one that is in no list. */
void request_done(struct request_entry *request);

/*
 * Adds a request and gives it an id if it has none; it takes the place of requests_before(). Its
 * strings then belong to the list, and are gone from *request. 0, -ENOMEM, or
 * -ENOSPC when there are REQUESTS_MAX; then all is as before.
 */
int requests_add(struct requests *requests, struct request_entry *request);

/* The same for one that takes nobody's place, as the caller knows: it is not searched for. */
int requests_append(struct requests *requests, struct request_entry *request);

/* The one whose place that request takes: an assignment of the same address, a quarantine of the
 * same host or address, the pickup; or NULL. */
struct request_entry *requests_before(const struct requests *requests,
                                      const struct request_entry *request);

/* The assignment of that address, the quarantine of that host or address as it was asked for, the
 * pickup, the request of that id; NULL when there is none. */
struct request_entry *requests_assignment(const struct requests *requests,
                                          const struct address *address);
struct request_entry *requests_quarantine(const struct requests *requests, const char *host);
struct request_entry *requests_pickup(const struct requests *requests);
struct request_entry *requests_by_id(const struct requests *requests, uint64_t id);

/* Takes one out of the list and releases it. */
void requests_remove(struct requests *requests, uint64_t id);

/* The earliest end of any, or 0 when none ends. */
usec_t requests_next_end(const struct requests *requests);

#endif
