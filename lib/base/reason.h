/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_REASON_H
#define EGRESSD_BASE_REASON_H

/*
 * Why a connection was blocked. The order is the order of judgement: of several reasons that
 * apply, the first is the one that is counted.
 */
enum reason {
	REASON_QUARANTINE, /* the source was put in quarantine */
	REASON_SPOOFED,    /* the source address does not belong behind that interface */
	REASON_UNASSIGNED, /* the source address is no host of the policy */
	REASON_IMPOSTOR,   /* the right address with the wrong MAC */
	REASON_BLOCKLIST,  /* nobody may initiate to that destination */
	REASON_ROLE,       /* the source's role does not permit it */
	REASON_THROTTLE,   /* too many new destinations */
	REASON_INBOUND,    /* the destination's role does not permit it */
};
#define REASON_COUNT (REASON_INBOUND + 1)

/* The word for a reason, as in configuration, tool and journal; never NULL. */
const char *reason_name(enum reason reason);

/* The reason of that name; 0, or -EINVAL when there is none. */
int reason_parse(const char *name, enum reason *ret_reason);

#endif
