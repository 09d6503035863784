/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_HEALTH_H
#define EGRESSD_HEALTH_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

/* What can be less than whole while enforcement stands. */
enum fault {
	FAULT_POLICY,    /* there is none, or the last good one: else a table from before decides */
	FAULT_CONFIG,    /* the configuration on disk is not the one in force */
	FAULT_KERNEL,    /* the kernel did not take or keep the table that it was to have */
	FAULT_EVENTS,    /* blocked packets are not reported */
	FAULT_CONTACTS,  /* permitted contacts are not reported, though they are wanted */
	FAULT_WATCH,     /* changes of the configuration are not noticed */
	FAULT_FLOWS,     /* flows of before were not all judged by the policy in force */
	FAULT_TAMPER,    /* somebody changes the table again and again */
	FAULT_HELPERS,   /* the kernel lacks a conntrack helper that a service has */
	FAULT_FLOWTABLE, /* packets pass our rules by */
	FAULT_BRIDGE,    /* what comes in on an inside interface is not seen as that */
	FAULT_FOREIGN,   /* others keep objects in our table */
	FAULT_STATE,     /* what was asked for at run time will not outlive the daemon */
	FAULT_PAST,      /* alarms or what was blocked will not outlive the daemon */
	FAULT_PROCESS,   /* which process of the gateway made an attempt cannot be found out */
	FAULT_ON_ALARM,  /* nobody is told of alarms who should be */
	FAULT_REQUESTS,  /* what an earlier run kept of that could not be taken up */
	FAULT_KEPT,      /* there is no copy of the configuration in force to fall back on */
	FAULT_QUARANTINE, /* somebody should be in quarantine by himself, and a limit is reached */
};
#define FAULT_COUNT (FAULT_QUARANTINE + 1)

/* What an operator should know, though nothing is less than whole by it. */
enum notice {
	NOTICE_NOTRACK,
	NOTICE_CONNTRACK_FULL,
	NOTICE_CONNTRACK_LOST,
	NOTICE_BRIDGE,
	NOTICE_KERNEL,
	NOTICE_OWNER,
	NOTICE_CONTACTS,
	NOTICE_INSIDE, /* an inside interface is missing or not named, and hosts are not judged */
	NOTICE_ROUTE,  /* the default route leads through an inside interface */
	NOTICE_LOOSE,  /* conntrack picks up no connection */
	NOTICE_STATE,  /* others may write to the state directory */
	NOTICE_CONFIG, /* something in the configuration is hardly meant */
};
#define NOTICE_COUNT (NOTICE_CONFIG + 1)

enum state {
	STATE_CLOSED,   /* no policy: nothing is forwarded */
	STATE_DEGRADED, /* enforcing, but something is less than whole */
	STATE_AUDIT,    /* the gateway's mode is audit */
	STATE_ENFORCING,
};

/* The state that an operator sees, and since when. Start from {}; release with health_done(). */
struct health {
	char *faults[FAULT_COUNT]; /* a sentence each; NULL: none */
	char *notices[NOTICE_COUNT];
	bool has_policy;
	bool audit;
	enum state state;
	usec_t since;
};

/* Notes a fault with its sentence, or that it is over. */
void health_fault(struct health *health, enum fault fault, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void health_clear(struct health *health, enum fault fault);

/* Notes a notice, or that it is over (NULL). */
void health_notice(struct health *health, enum notice notice, const char *text);

/* Works out the state; true when it is another than before, which is so since now. */
bool health_update(struct health *health, usec_t now);

/* "closed", "degraded", "audit" or "enforcing". */
const char *state_name(enum state state);

void health_done(struct health *health);

#endif
