/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_RUNTIME_H
#define EGRESSD_POLICY_RUNTIME_H

#include "base/problems.h"
#include "policy/policy.h"
#include "policy/request.h"

/*
 * The requests of run time as part of one policy. Whatever asks the policy who an address is, or
 * what a host may initiate, gets answers that include them.
 */

/* An address that took a role. It is a host of its own, named by its address. */
struct assignment {
	struct address address;
	struct host host;    /* one single range, no MACs; at is "assigned by USER", line 0 */
	const char *comment; /* request_describe() */
	usec_t until;        /* 0: never */
	uint64_t id;
};

/* A permission for a while, beside those of the role. */
struct permit {
	uint64_t id;
	const struct host *host; /* of the policy; NULL: only that address */
	struct address address;  /* without a host; may belong to a host's range, or to nobody */
	struct permission permission; /* resolved; at is "permitted by USER", line 0 */
	const char *comment;
	usec_t until;
};

/* What sends nothing any more: a host of the policy with all its addresses, or one address. */
struct quarantine {
	uint64_t id;
	const struct host *host; /* of the policy; NULL: only that address */
	struct address address;  /* without a host; may belong to one, or to nobody */
	struct location at;      /* "put in quarantine by USER", line 0 */
	const char *comment;
	usec_t until; /* 0: never */
	bool automatic;
};

/*
 * Connections that are older than the kernel's table of connections: until then a segment of one
 * passes if the policy permits it with its ends swapped.
 */
struct pickup {
	uint64_t id;         /* of the request; 0: no window is open */
	usec_t until;        /* when the window closes; 0: none is open */
	const char *comment; /* request_describe() */
	bool known;          /* some may have been picked up, and be open */
};

struct runtime {
	struct arena *arena;
	/* Sorted by address; those of one family follow each other. */
	struct {
		struct assignment *items;
		size_t count;
	} assignments;
	struct {
		struct permit *items; /* by id */
		size_t count;
	} permits;
	/* Those of an address by it, then those of a host by its index. */
	struct {
		struct quarantine *items;
		size_t count;
	} quarantines;
	struct pickup pickup;
};

/* Takes NULL, returns NULL. */
struct runtime *runtime_free(struct runtime *runtime);
DEFINE_CLEANUP(struct runtime *, runtime_free)

/*
 * Whether a request makes sense with that policy; each mistake goes to problems (file: "assign",
 * "permit", "quarantine" or "pickup", line 0): an unknown role, host, service or network with the
 * nearest known one; an address that the configuration names already, and where; the gateway
 * itself; an end that is not after the beginning. 0 or -ENOMEM.
 */
int request_check(const struct policy *policy, const struct request_entry *request,
                  struct problems *problems);

/*
 * Binds all requests that make sense with the policy; those that do not (the configuration changed)
 * are left out, with a problem each. Requests that ended at `now` or before are left out silently.
 * The policy is not changed: see policy_use_runtime(). 0 or -ENOMEM.
 */
int runtime_bind(const struct policy *policy, const struct requests *requests, usec_t now,
                 struct problems *problems, struct runtime **ret_runtime);

/*
 * Makes it part of the policy, which owns it from then on, and hands out what was there before
 * (NULL: nothing), because others may still point into it.
 */
struct runtime *policy_use_runtime(struct policy *policy, struct runtime *runtime);

/* The assignment of that address, or NULL; logarithmic. */
const struct assignment *policy_assignment(const struct policy *policy,
                                           const struct address *address);

/*
 * The quarantine of a sender: of its address, of the host that the address belongs to, or of the
 * host without addresses that has that MAC (NULL: not known). *ret_owner (NULL: not wanted) is the
 * host that it is told by, NULL for an address of nobody. NULL when it is in none. Logarithmic.
 */
const struct quarantine *policy_quarantine(const struct policy *policy,
                                           const struct address *address, const struct mac *mac,
                                           const struct host **ret_owner);

/* True when the request of that id is part of it: those left out by runtime_bind() are over. */
bool runtime_has(const struct runtime *runtime, uint64_t id);

#endif
