/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_ALARM_H
#define EGRESSD_TRACK_ALARM_H

#include "base/address.h"
#include "base/time.h"
#include "track/endpoint.h"
#include "track/evidence.h"
#include "track/rita.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an operator should look at: its kinds, and the card that a hunt begins with. */

enum alarm_kind {
	ALARM_TRIPWIRE,   /* a host initiated something that has no reason ever to */
	ALARM_BEACON,     /* it tries the same again and again at regular times */
	ALARM_SCAN,       /* it looks for hosts */
	ALARM_PORTSCAN,   /* it looks for ports of a host */
	ALARM_TRW,        /* its first contacts fail as those of scanners do */
	ALARM_THROTTLE,   /* it contacts new destinations faster than people do */
	ALARM_UNASSIGNED, /* a sender that is no host of the policy */
	ALARM_IMPOSTOR,   /* the right address with the wrong MAC */
	ALARM_QUARANTINE, /* a host was put in quarantine */
	ALARM_TAMPER,     /* somebody else changed the table */
};
#define ALARM_KIND_COUNT (ALARM_TAMPER + 1)

enum severity {
	SEVERITY_NOTICE,
	SEVERITY_WARNING,
	SEVERITY_CRITICAL,
};
#define SEVERITY_COUNT (SEVERITY_CRITICAL + 1)

enum alarm_state {
	ALARM_OPEN,
	ALARM_ACKNOWLEDGED, /* somebody looks after it; it goes on counting in silence */
	ALARM_CLEARED,      /* it was quiet for long, or somebody said that it is over */
};
#define ALARM_STATE_COUNT (ALARM_CLEARED + 1)

#define ALARM_NAME_BYTES   64 /* with the NUL; longer names are cut */
#define ALARM_DETAIL_BYTES 256
#define ALARM_EXPECTED     3
#define ALARM_TARGETS      16

/*
 * What an alarm is about; there is one alarm for each. Compared as bytes: start from {} and set
 * names by alarm_name(). A host of one machine is known by its name, any other by its address or
 * MAC; a beacon has its destination besides. All that does not apply stays zero.
 */
struct alarm_cause {
	char host[ALARM_NAME_BYTES];
	struct address source;
	struct endpoint destination;
	struct mac mac;
	uint8_t kind; /* an enum alarm_kind */
	uint8_t has_source;
	uint8_t has_destination;
	uint8_t has_mac;
	uint8_t many; /* not one sender, but all those for whom there was no room */
	uint8_t unused;
};
_Static_assert(sizeof(struct alarm_cause) ==
                       ALARM_NAME_BYTES + 2 * sizeof(struct address) + 4 + 6 + 6,
               "cause has padding");

/* What somebody did with an alarm. Without a time nobody did, as far as is known. */
struct alarm_deed {
	usec_t time;
	uint32_t uid;
	char user[ALARM_NAME_BYTES];
};

/* How an alarm worsened the last time. */
struct alarm_worsening {
	enum severity severity; /* that it had before */
	unsigned danger;        /* that its source had before */
	bool service;           /* it had not tried services[0] of its evidence before */
	bool target;            /* nor the host of `destination` */
};

/* A host whose ports somebody looks for. */
struct alarm_target {
	struct address address;
	uint64_t attempts;
};

/* It borrows nothing: it is copied, and kept for long after the policy that named it is gone. */
struct alarm {
	uint64_t id; /* never that of another alarm */
	struct alarm_cause cause;
	enum severity severity;
	enum alarm_state state;

	/* Who; names may be empty. */
	char host[ALARM_NAME_BYTES];
	char role[ALARM_NAME_BYTES];
	char interface[ALARM_NAME_BYTES];
	/* What the role may initiate; for a quarantine or tampering, what happened. May be empty.
	 */
	char detail[ALARM_DETAIL_BYTES];
	struct address source; /* of the last attempt */
	struct endpoint destination;
	struct mac mac;
	bool has_source;
	bool has_destination;
	bool has_mac;
	bool has_origin;
	struct endpoint origin; /* the destination of the first attempt */

	uint64_t attempts;
	uint64_t passed; /* of these, those that audit let pass */
	usec_t first;
	usec_t last;
	usec_t changed; /* when it got its state */
	usec_t quiet;   /* it clears after so long without an attempt; 0: never by itself */
	usec_t silence; /* of a saved one only: see alarm_book_silence() */
	struct alarm_deed acknowledged;
	struct alarm_deed cleared;        /* not by itself */
	struct alarm_worsening worsening; /* is news, and not kept */

	/* A beacon's; zero for others. */
	usec_t period;
	usec_t until;  /* the last attempt that was as regular; 0 while it is so */
	usec_t scored; /* when it had that score */
	usec_t expected[ALARM_EXPECTED]; /* its next attempts */
	bool has_score;
	bool strobe;
	struct rita_score score;

	/* A scan's: so many hosts or ports within that span; a throttle's: so many new hosts are
	 * permitted in it. Of a TRW alarm so many first contacts failed, and succeeded, on the way
	 * to its last verdict. */
	unsigned distinct;
	unsigned succeeded;
	usec_t span;

	/* A port scan's: the first hosts, and how many there are in all. In news, all_targets says
	 * whether the host of `destination` is a new one. */
	unsigned target_count;
	unsigned all_targets;
	struct alarm_target targets[ALARM_TARGETS];

	unsigned danger; /* psad's level of the source */
	struct evidence evidence;
};

/* "tripwire", "beacon", ..., "notice", ..., "open", ...; never NULL. */
const char *alarm_kind_name(enum alarm_kind kind);
const char *severity_name(enum severity severity);
const char *alarm_state_name(enum alarm_state state);

/* The value of that name; 0, or -EINVAL when there is none. */
int alarm_kind_parse(const char *name, enum alarm_kind *ret_kind);
int severity_parse(const char *name, enum severity *ret_severity);
int alarm_state_parse(const char *name, enum alarm_state *ret_state);

/* Copies a string as far as it fits and fills up with zeros; NULL is the empty string. */
void alarm_name(char *buffer, size_t size, const char *string);

/*
 * The cause of an alarm about a host: its name where it is a single machine, else the address.
 * host may be NULL.
 */
struct alarm_cause alarm_host_cause(enum alarm_kind kind, const char *host, bool one_machine,
                                    const struct address *source);

#endif
