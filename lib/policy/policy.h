/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_POLICY_H
#define EGRESSD_POLICY_POLICY_H

#include "base/address.h"
#include "base/arena.h"
#include "base/location.h"
#include "base/time.h"
#include "policy/detection.h"
#include "policy/helpers.h"

#include <stdbool.h>
#include <stddef.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>

/*
 * The policy: what the operator meant. load.h fills in what was written (the "words"), check.h
 * resolves names and adds what follows from them; after that a policy never changes, but for the
 * requests of run time that are part of it, and for the helpers that the running kernel lacks.
 * Everything below it lives in its arena; all pointers
 * between its parts are borrowed.
 */

#define NAME_MAX_BYTES        63 /* of host, role, service and network */
#define NFLOG_GROUP_DEFAULT   100
#define CONTACT_GROUP_DEFAULT 101

/* How long a start picks up older connections, and how long that may be at most. */
#define PICKUP_SPAN_DEFAULT (2 * 60 * USEC_PER_SEC)
#define PICKUP_SPAN_MAX     (60 * 60 * USEC_PER_SEC)

enum mode {
	MODE_UNSET,   /* not said here; taken from the next level up */
	MODE_ENFORCE, /* what is not permitted is blocked */
	MODE_AUDIT,   /* judged, counted and logged, but let pass */
};

enum refuse {
	REFUSE_REJECT, /* TCP: a reset; everything else: ICMP administratively prohibited */
	REFUSE_DROP,   /* silence */
};

/* When it is checked that a source address belongs behind the interface it came in on. */
enum check_source {
	CHECK_SOURCE_CONNECTION, /* when a connection is initiated */
	CHECK_SOURCE_PACKET,     /* with every packet from inside, which costs a route look-up */
};

/* A string of the configuration and where it stands. */
struct word {
	const char *text;
	struct location at;
};

struct words {
	struct word *items;
	size_t count;
};

/*
 * Traffic that one service item stands for: a protocol and, where it has them, destination ports
 * from..to; for icmp and icmpv6 from == to is the type; 0..0 for protocols that have neither.
 */
struct service_item {
	uint8_t protocol;
	uint16_t from;
	uint16_t to;
	/* The conntrack helper that a permitted connection gets, in the families that
	 * policy_helper_families() says; or NULL. */
	const char *helper;
};

struct service_items {
	struct service_item *items;
	size_t count;
};

struct service {
	const char *name;
	struct location at;
	struct words ports; /* literals ("tcp/587") and names of other services */
	const char *helper; /* as written here, or NULL */
	bool shipped;       /* from the built-in services.conf */

	/* By check: every name followed to its literals; the helper of the service that spells the
	 * literal out, or of an outer one that adds its own. */
	struct service_items resolved;
};

struct network {
	const char *name;
	struct location at;
	struct words addresses; /* literals as written */
	struct words files;     /* list files as written */

	/* By load: what the list files hold, in file order, and how much each of them. */
	struct address_range *listed;
	size_t listed_count;
	size_t *file_counts;

	/* By check: literals and list files together, sorted, merged to disjoint ranges. */
	struct address_range *ranges;
	size_t range_count;
};

enum peer_kind {
	PEER_RANGE,   /* a literal */
	PEER_NETWORK, /* a named network */
	PEER_HOST,    /* "host:NAME": the addresses that belong to that host */
	PEER_ROLE,    /* "role:NAME": those of the hosts of exactly that role */
};

/* One entry of a to, from or blocklist. */
struct peer {
	enum peer_kind kind;
	struct address_range range;    /* PEER_RANGE */
	const struct network *network; /* PEER_NETWORK */
	const struct host *host;       /* PEER_HOST */
	const struct role *role;       /* PEER_ROLE */
	struct location at;
};

/* One entry of a role's outbound or inbound: what may be initiated, and to (from) whom. */
struct permission {
	struct location at;
	struct words services; /* names and literals; one for a plain entry, more in a group */
	struct words peers;    /* to or from as written */
	bool any_peer;         /* no to or from was given: anybody */
	bool group;            /* written as { service; to | from } */

	/* By check. */
	struct service_items resolved;
	struct peer *resolved_peers;
	size_t peer_count;
};

struct permissions {
	struct permission *items;
	size_t count;
};

/* Permissions of a role and of all it inherits from; each pointer borrowed from its own role. */
struct permission_list {
	const struct permission **items;
	size_t count;
};

/*
 * How many destinations that are new to it a host of a role may contact in a span of time, each of
 * its addresses by itself. A destination that was contacted is known for THROTTLE_KNOWN_SECONDS.
 */
struct throttle {
	uint32_t destinations; /* 0: no throttle */
	usec_t per;
	const char *role; /* in which it is written */
	struct location at;
};
#define THROTTLE_KNOWN_SECONDS        300
#define THROTTLE_DESTINATIONS_DEFAULT 100
#define THROTTLE_DESTINATIONS_MOST    1000000
#define THROTTLE_PER_DEFAULT          (10 * USEC_PER_SEC)
#define THROTTLE_PER_LEAST            (100 * USEC_PER_MSEC)
#define THROTTLE_PER_MOST             (60 * 60 * USEC_PER_SEC)

/* Alarms that may put a host in quarantine without anybody's word: what only itself can have done.
 */
enum quarantine_cause {
	QUARANTINE_ON_TRIPWIRE,
	QUARANTINE_ON_BEACON,
	QUARANTINE_ON_SCAN,
	QUARANTINE_ON_PORTSCAN,
	QUARANTINE_ON_THROTTLE,
};
#define QUARANTINE_CAUSE_COUNT (QUARANTINE_ON_THROTTLE + 1)

/* The word for it, as of the alarm. */
const char *quarantine_cause_name(enum quarantine_cause cause);

/* When hosts of a role are put in quarantine by what they do. */
struct self_quarantine {
	bool on[QUARANTINE_CAUSE_COUNT];
	usec_t span;        /* for so long */
	uint32_t most;      /* so many hosts or addresses of the role at a time */
	struct location at; /* line 0: nothing is said */
};
#define QUARANTINE_SPAN_DEFAULT (60 * 60 * USEC_PER_SEC)
#define QUARANTINE_SPAN_LEAST   USEC_PER_SEC
#define QUARANTINE_SPAN_MOST    (365 * 24 * 60 * 60 * USEC_PER_SEC)
#define QUARANTINE_MOST_DEFAULT 8
#define QUARANTINE_MOST_MOST    1000

struct role {
	const char *name;
	struct location at;
	struct words inherits;
	struct permissions outbound;
	struct permissions inbound;
	bool has_inbound;                  /* inbound was written here, perhaps empty */
	enum mode mode;                    /* as written here; not inherited */
	bool tripwire;                     /* as written here */
	struct detection detection;        /* likewise; not inherited, as the mode */
	struct throttle throttle;          /* as written here */
	struct self_quarantine quarantine; /* as written here */

	/* By check: the union with everything inherited, own entries first. */
	struct permission_list may_initiate;
	struct permission_list may_be_reached;
	bool judged_inbound; /* has_inbound here or in any role inherited */
	bool is_tripwire;
	const struct throttle *throttled; /* own, else that of the roles inherited; NULL: none */
	const struct self_quarantine *quarantined; /* likewise */
	enum mode effective_mode;                  /* own, else the gateway's; never MODE_UNSET */
	size_t index;                              /* in policy->roles */
};

/* An address, prefix or range of a host. */
struct host_range {
	struct address_range range;
	unsigned line; /* where it is written, in the file in which its host is */
};

/*
 * There may be a hundred thousand hosts, and each packet's is looked up: one has the size of a line
 * of the cache, 64 bytes, and what was written of it is kept in no other form.
 */
struct host {
	const char *name;
	struct location at;
	const struct role *role;   /* by check */
	struct host_range *ranges; /* in the order written, not merged; NULL: none is written */
	struct mac *macs;
	uint32_t range_count; /* 0 as well if one of those written is a mistake */
	uint32_t mac_count;
	unsigned role_line; /* where the name of its role is written, in the file as above */
	bool self;          /* the gateway itself: judged in the output hook */
	bool one_machine;   /* by check: it has single addresses, or only MACs; wider is many */
	enum mode mode : 8; /* as written here */
	enum mode effective_mode : 8; /* by check: own, else the role's, else the gateway's; never
	                               * MODE_UNSET */
};

/*
 * A piece of a long host list, as it was read: where it is written alike, the next loading takes
 * its hosts from here instead of having them read once more.
 */
struct host_piece {
	char digest[65];     /* SHA-256 in hex of its text, comments and white space left out */
	size_t first, count; /* of its hosts in policy->hosts */
	unsigned line;       /* in which it begins */
	bool as_before;      /* its hosts were taken from the policy before this one */
};

/*
 * A stretch of addresses claimed by a host. All claims of a family, sorted by first address and
 * then widest first, nest like brackets: check refuses equal and crossing ones.
 */
struct claim {
	const struct host *host;
	const struct host_range *written; /* one of the host's */
	ptrdiff_t parent;                 /* index of the innermost claim around this one, or -1 */
};

/* Where a claim is written. */
static inline struct location claim_location(const struct claim *claim)
{
	return (struct location){claim->host->at.file, claim->written->line};
}

/* See soles.h. */
struct soles {
	struct sole *items;
	size_t size;
	bool all; /* there are no other claims */
};

struct claims {
	struct claim *items;
	size_t count;
	uint64_t *starts; /* address_start() of each, which together are quick to search */
	struct soles soles;
};

/* The first 64 bits of an address as a number: IPv4 addresses differ in it, IPv6 ones mostly. */
static inline uint64_t address_start(const struct address *address)
{
	uint64_t start;
	memcpy(&start, address->bytes, sizeof(start));
	return be64toh(start);
}

/* How much is remembered of what was blocked, before the least useful makes room. */
struct ledger_limits {
	uint32_t entries;  /* of what is listed: source, destination, service and reason each */
	uint32_t attempts; /* recent ones, by which packets sent again are told from new attempts */
};
#define LEDGER_ENTRIES_DEFAULT  16384
#define LEDGER_ATTEMPTS_DEFAULT 65536
#define LEDGER_LIMIT_LEAST      64
#define LEDGER_LIMIT_MOST       1048576

/* A MAC by which alone a host is told: one that has no address. */
struct sole_mac {
	struct mac mac;
	const struct host *host;
};

struct runtime;

struct gateway {
	struct location at;
	struct words inside;            /* interface names; a trailing * is a wildcard */
	enum mode mode;                 /* MODE_ENFORCE unless written otherwise */
	enum refuse refuse;             /* REFUSE_REJECT unless written otherwise */
	enum check_source check_source; /* CHECK_SOURCE_CONNECTION unless written otherwise */
	uint16_t nflog_group;           /* NFLOG_GROUP_DEFAULT unless written otherwise */
	uint16_t contact_group;         /* CONTACT_GROUP_DEFAULT unless written otherwise */
	bool own_table; /* others may not change it; true unless written otherwise */
	struct ledger_limits ledger;
	bool processes; /* the process behind an attempt of the gateway itself is looked for */
	struct location processes_at;
	/* How long the pickup window is open after the first start of a boot, see runtime.h; 0: it
	 * is not. PICKUP_SPAN_DEFAULT unless written otherwise. */
	usec_t pickup;
};

struct policy {
	struct arena *arena;
	const char *file; /* the main file, as it was named */
	char digest[65];  /* SHA-256 of all files read, in order, in hex */
	struct gateway gateway;
	struct {
		struct service *items;
		size_t count;
	} services;
	struct {
		struct network *items;
		size_t count;
	} networks;
	struct {
		struct role *items;
		size_t count;
	} roles;
	struct {
		struct host *items;
		size_t count;
	} hosts;
	struct {
		struct host_piece *items;
		size_t count;
	} pieces;
	struct words blocklist;     /* networks and literals as written */
	struct detection detection; /* of all roles that say nothing else */
	struct on_alarm on_alarm;

	/* By check. */
	struct peer *blocked_peers; /* PEER_RANGE and PEER_NETWORK only */
	size_t blocked_peer_count;
	struct claims claims[FAMILY_COUNT];
	struct sole_mac *sole_macs; /* sorted by MAC */
	size_t sole_mac_count;
	const struct host *self; /* the host with self = true, or NULL */

	/* Helpers that the running kernel lacks, which judge and compile leave out; {} if nobody
	 * asked the kernel. */
	struct helper_set lacking_helpers;

	struct runtime *runtime; /* what was asked for at run time, see runtime.h; or NULL */
};

/* Releases a policy; takes NULL, returns NULL. */
struct policy *policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free)

/*
 * True when first contacts of hosts of the role are judged by how many fail (the random walk of
 * detection.trw, its own or that of all), for which permitted ones have to be told. NULL: of any
 * role.
 */
bool policy_tells_contacts(const struct policy *policy, const struct role *role);

/* "enforce" or "audit"; "unset" for MODE_UNSET. */
const char *mode_name(enum mode mode);

/* The role, host, network or service of that name, or NULL. Linear: for people, not for packets. */
const struct role *policy_role(const struct policy *policy, const char *name);
const struct host *policy_host(const struct policy *policy, const char *name);
const struct network *policy_network(const struct policy *policy, const char *name);
const struct service *policy_service(const struct policy *policy, const char *name);

/* The name of the host, or service, that is most like it, or NULL when none is near. Linear. */
const char *policy_nearest_host(const struct policy *policy, const char *name);
const char *policy_nearest_service(const struct policy *policy, const char *name);

/*
 * The narrowest claim of the configuration around an address (logarithmic), or NULL. Needs the
 * claims that check made.
 */
const struct claim *policy_claim_at(const struct policy *policy, const struct address *address);

/*
 * The host that an address belongs to: the one to which it was assigned at run time, which is a
 * host of its own, else the one with the narrowest claim around it; NULL when there is neither.
 */
const struct host *policy_host_at(const struct policy *policy, const struct address *address);

/* The same for POLICY_AT_ONCE addresses at most, which takes less time than one after the other. */
#define POLICY_AT_ONCE 32
void policy_hosts_at(const struct policy *policy, const struct address *const *addresses,
                     size_t count, const struct host **ret_hosts);

/* True for a host of the configuration, and not one that an address was made at run time. */
static inline bool policy_has_host(const struct policy *policy, const struct host *host)
{
	return host >= policy->hosts.items && host < policy->hosts.items + policy->hosts.count;
}

/* The host without addresses that lists this MAC, or NULL (logarithmic). */
const struct host *policy_host_by_mac(const struct policy *policy, const struct mac *mac);

/*
 * The service that names the protocol and port (or ICMP type) most closely: the narrowest port
 * range, then the fewest items, then the operator's own before shipped ones; NULL when none does.
 */
const struct service *policy_service_for(const struct policy *policy, uint8_t protocol,
                                         uint16_t port);

/* True when the item covers that protocol and port (or ICMP type). */
bool service_item_covers(const struct service_item *item, uint8_t protocol, uint16_t port);

/* The first word of gateway.inside that names the interface, wildcards included, or NULL. */
const struct word *policy_inside_entry(const struct policy *policy, const char *interface);

/* True when the interface name is one of gateway.inside, wildcards included. */
bool policy_is_inside(const struct policy *policy, const char *interface);

#endif
