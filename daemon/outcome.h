/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_OUTCOME_H
#define EGRESSD_OUTCOME_H

#include "base/problems.h"
#include "base/time.h"
#include "kernel/apply.h"
#include "revocation.h"
#include "ruleset/tampering.h"

#include <stdbool.h>

enum load_result {
	LOAD_DONE,     /* the policy is in force, and the kernel's table was read back as wanted */
	LOAD_REJECTED, /* the configuration has mistakes: outcome.problems */
	/* Not in force: the kernel did not take the table, or it did not read back as wanted and
	 * was taken back: outcome.applied.refusal. */
	LOAD_REFUSED,
	LOAD_FAILED, /* not in force, for outcome.error, a negative errno */
	/* In force and not verified: the kernel took the table, but it could neither be read back
	 * as wanted nor be taken back: outcome.applied.refusal, outcome.stuck. */
	LOAD_UNVERIFIED,
};

#define STUCK_TEXT_MAX   384
#define OUTCOME_TEXT_MAX (REFUSAL_TEXT_MAX + STUCK_TEXT_MAX + 256)

/*
 * What came of a change. Unless outcome_in_force(), the policy before is still in force, or is
 * again; `unverified` tells whether that was verified.
 */
struct outcome {
	enum load_result result;
	int error;
	struct problems problems;
	struct problems warnings; /* of the policy that is in force since; no mistakes */
	struct problems over;     /* requests of run time that the policy leaves no room for */
	bool fallback;            /* the policy is an older one, for want of one without mistakes */
	bool changed;             /* the kernel's table is another than before */
	bool touched; /* a batch was taken, or may have been; `taken`: one with all of the change */
	bool taken;
	bool taken_back; /* the change was taken back, since it could not be verified */
	/* What is enforced now was not read back as wanted, whichever policy that is. */
	bool unverified;
	char stuck[STUCK_TEXT_MAX]; /* why the change was not taken back, or that is not verified */
	struct standing difference; /* by which it is, when the result is LOAD_DONE */
	/* What differed was left by a change of ours that is not finished, or by requests that have
	 * ended. */
	bool own_doing;
	/* The difference as what somebody else did; empty when there was nothing. */
	char tampering[TAMPERING_TEXT_MAX];
	/* At a start: a table of ours was there, and `tampering` is nothing that came of a kill. */
	bool inherited;
	bool woken;  /* the table was dormant; beside what `tampering` says */
	usec_t done; /* CLOCK_MONOTONIC, when the table was first read back as wanted; 0: never */
	struct applied applied; /* the last commit */
	char *refused_file;     /* of refusal.at, whose own string went with the candidate */
	double milliseconds;    /* from opening the file to the verified table */
	/* A change that can deny something is made in two phases; all zero for any other. */
	struct revocation revocation;
	int flows_error; /* negative errno: flows not all judged, or the fast path did not come back
	                  */
	double judging_milliseconds; /* until the new policy was in force, without the fast path */
	double cutting_milliseconds; /* to judge the flows in conntrack, and cut those denied */
	double closing_milliseconds; /* until the fast path was back */
};
void outcome_done(struct outcome *outcome);

/* True when what was to come into force is what the kernel enforces, verified or not. */
bool outcome_in_force(const struct outcome *outcome);

/*
 * What became of a change that is not LOAD_DONE or LOAD_REJECTED, and what is enforced instead, as
 * a sentence without its full stop.
 */
const char *outcome_text(const struct outcome *outcome, char buffer[static OUTCOME_TEXT_MAX]);

/* True when others changed rules all the while, so that nobody knows whether ours are as wanted. */
bool outcome_is_unseen(const struct outcome *outcome);

/* It is LOAD_FAILED for that negative errno. */
void outcome_fail(struct outcome *outcome, int error);

/* It is LOAD_REFUSED, by `applied.refusal`; the file that names is copied. */
void outcome_refuse(struct outcome *outcome);

/* The same for what others do, which keeps the table from us, in such words. */
void outcome_refuse_others(struct outcome *outcome, int error, const char *text);

#endif
