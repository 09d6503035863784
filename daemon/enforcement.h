/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ENFORCEMENT_H
#define EGRESSD_ENFORCEMENT_H

#include "base/problems.h"
#include "base/time.h"
#include "clock.h"
#include "counts.h"
#include "outcome.h"
#include "policy/load.h"
#include "policy/request.h"

/* What one change of the kernel's table came to. */
struct change {
	usec_t time;
	size_t elements_added, elements_deleted;
	size_t rules_added, rules_deleted;
	size_t flows_cut, flows_kept;
	double milliseconds; /* from opening the configuration to the verified table */
};

/*
 * From the configuration file to the table in the kernel, and what is in force. One function loads,
 * for the first start, SIGHUP, a change of the file and `egressctl reload` alike.
 */
struct enforcement {
	const char *file;      /* the main configuration file; borrowed */
	struct kernel *kernel; /* owned */
	/*
	 * Owned; NULL until it is needed. It stays open: whoever closes a socket of netfilter right
	 * after a commit waits until the kernel has cleared up what the commit took away.
	 */
	struct conntrack *conntrack;
	struct policy *policy;      /* whose table the kernel enforces, owned; NULL: none yet */
	usec_t loaded;              /* when it came into force */
	struct change change;       /* the last one of the table; time 0: none since the start */
	struct requests requests;   /* of run time: in force, as far as they fit the policy */
	struct lasting_clock clock; /* by which they end */
	bool closed;                /* without a policy, by our own table */
	/*
	 * The kernel took the table that it enforces, by all that its answers tell, but that table
	 * was not read back as wanted. Each further change and repair tries to verify it.
	 */
	bool unverified;
	bool judge_flows; /* some ended by themselves: flows that they permitted may be left */
	bool changing; /* a change was begun and not finished: what differs may be our own doing */
	/* The pickup window for which all flows were judged since it and the table are there; 0:
	 * none. */
	uint64_t window;
	int flows_error; /* negative errno: what kept the fast path from coming back; 0: it is there
	                  */
	/* Conntrack helpers that the kernel is known to have. */
	struct helper_set found_helpers;
	/* What was blocked before by roles that a later policy has no more. */
	struct count vanished[REASON_COUNT];
};

/* Opens the way to the kernel; 0 or a negative errno. */
int enforcement_init(struct enforcement *enforcement, const char *file);
void enforcement_done(struct enforcement *enforcement);

/* How many packets were blocked in all, by roles of earlier policies too; 0 or a negative errno. */
int enforcement_blocked(const struct enforcement *enforcement, uint64_t *ret_packets);

/*
 * Called between a policy that is found good and its commit; what it returns is of no consequence
 * for the commit.
 */
typedef void (*enforcement_prepare_t)(const struct policy *candidate, void *userdata);

/*
 * Loads the configuration from there and makes it the table, with those of the requests of run time
 * that fit it; outcome.over says which do not, and why. What was replaced is handed out (NULL:
 * nothing), because others may still point into it.
 */
void enforcement_load(struct enforcement *enforcement, const struct policy_origin *origin,
                      enforcement_prepare_t prepare, void *userdata, struct policy **ret_replaced,
                      struct outcome *ret_outcome);

/*
 * Puts the table right that somebody else may have changed, by the policy in force. Without one,
 * the closed table is put right, and a table of before that is gone is replaced by it. With `whole`
 * nothing that is known of the table is believed. Outcome as above: `changed`, `difference` and
 * `tampering` tell what it took.
 */
void enforcement_repair(struct enforcement *enforcement, bool whole, struct outcome *ret_outcome);

/*
 * Puts the policy in force once more with these requests of run time, of which only `only` (an
 * assignment or quarantine) is there, or is not there, unlike before (NULL: any may differ).
 * Outcome as above; unless outcome_in_force(), those of enforcement->requests are still in force.
 * The list stays the caller's, who makes it enforcement->requests when it is in force. Without a
 * policy nothing is done, and the requests wait for one.
 */
void enforcement_rebind(struct enforcement *enforcement, const struct requests *requests,
                        const struct request_entry *only, struct outcome *ret_outcome);

/*
 * For a start without a policy that is verified: true in *ret_standing when a table from before is
 * in the kernel and stays; else the closed table is committed, and what it replaced is handed out
 * (NULL: nothing), because others may still point into it. Outcome as above, never LOAD_REJECTED.
 */
void enforcement_close(struct enforcement *enforcement, bool *ret_standing,
                       struct policy **ret_replaced, struct outcome *ret_outcome);

#endif
