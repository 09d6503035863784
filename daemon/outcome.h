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
	LOAD_REFUSED,  /* the kernel did not take the table: outcome.applied.refusal */
	LOAD_FAILED,   /* neither could be found out: outcome.error, a negative errno */
};

/* What came of loading. Unless it is LOAD_DONE, the policy before is still in force. */
struct outcome {
	enum load_result result;
	int error;
	struct problems problems;
	struct problems warnings; /* of the policy that is in force since; no mistakes */
	struct problems over;     /* requests of run time that the policy leaves no room for */
	bool fallback;            /* the policy is an older one, for want of one without mistakes */
	bool changed;             /* the kernel's table is another than before */
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

/* True when others changed rules all the while, so that nobody knows whether ours are as wanted. */
bool outcome_is_unseen(const struct outcome *outcome);

/* It is LOAD_FAILED for that negative errno. */
void outcome_fail(struct outcome *outcome, int error);

/* It is LOAD_REFUSED, by `applied.refusal`; the file that names is copied. */
void outcome_refuse(struct outcome *outcome);

/* The same for what others do, which keeps the table from us, in such words. */
void outcome_refuse_others(struct outcome *outcome, int error, const char *text);

#endif
