/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_BINDING_H
#define EGRESSD_POLICY_BINDING_H

#include "policy/checker.h"
#include "policy/runtime.h"

/* Inside the room: requests of run time on their way to a policy. */

/* In which file their mistakes stand: none. */
#define REQUEST_AT_ASSIGN     "assign"
#define REQUEST_AT_PERMIT     "permit"
#define REQUEST_AT_QUARANTINE "quarantine"
#define REQUEST_AT_PICKUP     "pickup"

/*
 * The names are those of the policy, but what the checker makes of them lives in an arena of the
 * caller's and goes with it.
 */
struct binding {
	struct policy view;     /* the policy, with that arena */
	struct checker checker; /* hosts are indexed only when somebody names one in a `to` */
};

/* 0 or -ENOMEM; release by binding_done(). The policy must outlive the binding. */
int binding_begin(struct binding *binding, const struct policy *policy, struct arena *arena,
                  struct problems *problems);
void binding_done(struct binding *binding);

/* The role asked for; NULL: something is wrong with the request, and that was reported. */
const struct role *check_assignment(struct checker *checker, const struct request_entry *request);

/*
 * Finds the host or address and the permission of a permit; what is wrong with the request goes to
 * the checker's problems, and only without any *ret_permit means something. 0 or -ENOMEM.
 */
int check_permit(struct checker *checker, const struct request_entry *request,
                 struct permit *ret_permit);

/* The same of the host or address of a quarantine. */
int check_quarantine(struct checker *checker, const struct request_entry *request,
                     struct quarantine *ret_quarantine);

/* What is wrong with a pickup goes to the checker's problems: one that does not end, or late. */
void check_pickup(struct checker *checker, const struct request_entry *request);

#endif
