/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_QUESTION_H
#define EGRESSD_QUESTION_H

#include "policy/judge.h"
#include "policy/literal.h"

#include <net/if.h>

/* What is asked of the policy: one connection but for its service, which may stand for several. */
struct question {
	const struct policy *policy;
	struct connection connection;
	const char *service;      /* as it was asked for */
	const char *interface;    /* that was given, or NULL */
	bool absent;              /* there is no such interface now */
	char routed[IF_NAMESIZE]; /* by which the source is reached; empty: by none */
	bool ends_here;           /* the destination is an address of the gateway */
	bool picked_up;           /* it is that of the client of a connection picked up */
	struct service_item literal;
	const struct service_item *items;
	size_t item_count;
};

/*
 * Where would such a packet come from? The interface says it (NULL: none is given), or else the
 * route to its source. A host without any route, as on a gateway still being set up, is taken to be
 * where it belongs. The text is borrowed. 0 or a negative errno.
 */
int question_find_origin(struct question *question, const char *interface);

/* Whether the destination is an address of the gateway. 0 or a negative errno. */
int question_find_end(struct question *question);

/* The MAC that was given (NULL: none), or the one that the source ought to have. 0 or -EINVAL. */
int question_find_mac(struct question *question, const char *mac);

/* The service, by name or literal; the text is borrowed. 0 or -EINVAL. */
int question_find_service(struct question *question, const char *service);

/* Judges what is asked; the first offence ends it. -EINVAL: the family has no such service. */
int question_judge(struct question *question, struct judgement *ret_judgement);

/* The verdict on a connection that the table lets by without a look at its host or service. */
struct judgement question_unjudged(const struct question *question);

/*
 * Whether nobody asks what the source may initiate nor by whom the destination may be reached: it
 * comes in on an interface that is not inside, and ends at no host that has an inbound.
 */
bool question_is_unjudged(const struct question *question, const struct judgement *judgement);

#endif
