/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_RULESET_H
#define EGRESSD_RULESET_RULESET_H

#include "base/address.h"
#include "base/arena.h"
#include "base/array.h"
#include "base/location.h"
#include "ruleset/bytecode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One nftables table as plain data: the treaty between what the operator meant and what the kernel
 * is told. compile.h makes one from a policy, the kernel room reads one back, diff.h compares two.
 * A ruleset owns an arena; everything below it, strings included, lives there.
 */

#define TABLE_NAME "egressd" /* always family inet */

/* Key types of sets; a "." joins the fields of a concatenation, each padded to four bytes. */
enum set_type {
	SET_IFNAME,       /* ifname, 16 bytes, padded with zeros */
	SET_IPV4,         /* ipv4_addr */
	SET_IPV6,         /* ipv6_addr */
	SET_PROTOCOL,     /* inet_proto */
	SET_PORT,         /* inet_service, big endian */
	SET_ICMP_TYPE,    /* icmp_type */
	SET_ICMPV6_TYPE,  /* icmpv6_type */
	SET_ETHER,        /* ether_addr */
	SET_SERVICE,      /* inet_proto . inet_service */
	SET_IPV4_SERVICE, /* ipv4_addr . inet_proto . inet_service */
	SET_IPV6_SERVICE, /* ipv6_addr . inet_proto . inet_service */
	SET_IPV4_ETHER,   /* ipv4_addr . ether_addr */
	SET_IPV6_ETHER,   /* ipv6_addr . ether_addr */
	/* Only sets whose elements are not ours have these types: keys are longer than SET_KEY_MAX.
	 * A pair: source and destination. A flow: source, protocol, source port, destination,
	 * destination port. */
	SET_IPV4_PAIR,
	SET_IPV6_PAIR,
	SET_IPV4_FLOW,
	SET_IPV6_FLOW,
};
#define SET_TYPE_COUNT (SET_IPV6_FLOW + 1)
#define SET_KEY_MAX    24 /* of a set that has elements of ours */

/* Bytes of a key of that type as the kernel has it (padding of concatenations included). */
size_t set_key_length(enum set_type type);

/* The nft spelling, as "ipv4_addr . inet_proto . inet_service". */
const char *set_type_name(enum set_type type);

/* How long an element of a timed set stays, and why it is there. */
struct life {
	uint32_t timeout;    /* seconds from its adding until the kernel takes it away; 0: never */
	uint32_t left;       /* of them, begun ones count, when it was read back; else 0 */
	const char *comment; /* or NULL */
	const char *chain;   /* in a map: as of an element that is not timed */
};

/* A copy in the arena, with a comment of its own; NULL without memory. */
const struct life *life_copy(struct arena *arena, const struct life *life);

/*
 * An element: a key, or in an interval set the range from..to, both included, whose type is one of
 * SET_IPV4, SET_IPV6, SET_PORT. Bytes past what is used are zero. There may be hundreds of
 * thousands, so that nothing has room of its own that no element has beside the other.
 */
struct element {
	union {
		uint8_t key[SET_KEY_MAX];
		struct {
			uint8_t from[16];
			uint8_t to[16];
		};
		uint8_t bytes[32]; /* all of it, by which elements are ordered */
	};
	union {
		const char *chain;       /* in a map: the chain that `goto` leads to; or NULL */
		const struct life *life; /* in a timed set, be it a map or not */
	};
	/* Where it is written, in half the room of a struct location; see element_location(). */
	uint32_t line;
	uint32_t file; /* the how manieth of ruleset->files; 0: no line at all */
};

/*
 * A token bucket that each element of a set has: it holds `burst` packets and gains `rate` of them
 * in `unit` seconds. nft knows these units: second, minute, hour, day and week.
 */
struct limit {
	uint64_t rate; /* 0: no limit */
	uint64_t unit;
	uint32_t burst;
};

/* "second" to "week"; NULL for any other unit. */
const char *limit_unit_name(uint64_t unit);

struct set {
	const char *name;
	enum set_type type;
	bool interval;       /* rbtree of disjoint ranges */
	bool map;            /* elements carry `goto CHAIN` */
	bool dynamic;        /* elements come and go, and are not ours to compare */
	bool timed;          /* elements are ours, but each may have an end of its own */
	uint32_t timeout;    /* dynamic: seconds that an element stays; 0: always, with a counter */
	bool learning;       /* dynamic, with a timeout: rules add the elements */
	struct limit limit;  /* learning: each element has one */
	uint32_t size;       /* a hard cap, and the hash's size; 0: none given (interval sets) */
	const char *comment; /* or NULL */
	ARRAY(struct element) elements; /* sorted by element_compare(), no two equal */
	struct location at;
	bool foreign; /* read back with something that no field above can say: never equal */
	bool counted; /* read back: the kernel told how many elements there are */
	uint32_t count;
	/* Read back, of a set too large for that: so many of its elements were looked up, and the
	 * others are taken to be those that we put there. */
	size_t looked_up;
	bool unread; /* read back: too large, and nothing is known of its elements: never equal */
};

/*
 * How many elements the kernel tells that such a set has: of an interval set half as many as ends
 * of ranges (nft_rbtree_usize() in nft_set_rbtree.c); one up to the last key has but one end.
 */
size_t set_kernel_count(const struct set *set);

/* The chain that an element of the set leads to, or NULL. */
static inline const char *element_chain(const struct set *set, const struct element *element)
{
	return set->timed ? element->life->chain : element->chain;
}

struct ruleset;

/* Where an element of the ruleset is written. */
struct location element_location(const struct ruleset *ruleset, const struct element *element);

/* Order of elements within a set: by their bytes. */
int element_compare(const struct element *a, const struct element *b);

/* Sorts a set's elements and drops repetitions of the same key (the first one stays). */
void set_sort(struct set *set);

struct counter {
	const char *name;
	struct location at;
};

/*
 * A conntrack helper object: `ct helper NAME { type "KIND" protocol PROTOCOL; l3proto FAMILIES }`.
 * The kernel reads back the families that it has the helper for, and not those asked for: an object
 * that asks for more never compares equal.
 */
struct helper {
	const char *name;
	const char *kind; /* as the kernel module calls itself, "ftp" */
	uint8_t protocol;
	uint8_t families; /* FAMILY_BIT()s, at least one: both are "inet" */
	struct location at;
};

/* Any other object, as a quota. */
struct object {
	const char *name;
	uint32_t type; /* NFT_OBJECT_* */
};

enum statement_kind {
	/* Matches: the rule goes on only where they hold. */
	MATCH_CT_ESTABLISHED, /* ct state established */
	MATCH_CT_KNOWN,       /* ct state established,related */
	MATCH_CT_NEW,         /* ct state new */
	MATCH_CT_REPLY,       /* ct direction reply */
	MATCH_CT_HELPER,      /* ct helper "name": the kind of helper of the master connection */
	MATCH_IIFNAME,        /* iifname "name", with wildcard "name*" */
	MATCH_OIFNAME,        /* oifname "name", with wildcard "name*" */
	MATCH_IIFNAME_SET,    /* iifname @name */
	MATCH_FIB_MISSING,    /* fib saddr . iif oif missing */
	MATCH_FIB_OIFNAME,    /* fib saddr oifname "name", with wildcard "name*" */
	MATCH_FIB_UNICAST,    /* fib daddr type unicast: it would be forwarded */
	MATCH_FIB_OWN,        /* fib saddr type local */
	MATCH_FAMILY,         /* meta nfproto ipv4 | ipv6, by family */
	MATCH_PROTOCOL,       /* meta l4proto value */
	MATCH_PROTOCOL_SET,   /* meta l4proto @name */
	MATCH_TCP_ACK,        /* tcp flags & (fin | syn | rst | ack) == ack */
	MATCH_TCP_NO_SYN,     /* tcp flags & syn == 0x0 */
	/* These three ask the source port instead of dport where the rule is swapped. */
	MATCH_SERVICE_SET,         /* meta l4proto . th dport @name */
	MATCH_PORT_SET,            /* <protocol value> dport @name */
	MATCH_ICMP_TYPE_SET,       /* icmp type @name */
	MATCH_ICMPV6_TYPE_SET,     /* icmpv6 type @name */
	MATCH_ADDRESS_SET,         /* ip|ip6 saddr|daddr @name, inverted: != @name */
	MATCH_ADDRESS_SERVICE_SET, /* ip|ip6 saddr|daddr . meta l4proto . th dport @name */
	MATCH_ADDRESS_ETHER_SET,   /* ip|ip6 saddr . ether saddr @name */
	MATCH_ETHER_SET,           /* ether saddr @name */
	/* ip|ip6 saddr . meta l4proto . th sport . ip|ip6 daddr . th dport @name, by family; with
	 * side SIDE_DESTINATION the other way round, for the flow's replies. */
	MATCH_FLOW_SET,
	MATCH_PAIR_SET, /* ip|ip6 saddr . ip|ip6 daddr @name, by family */
	/* Verdicts out of a map; the rule goes on where the map has no entry. */
	VMAP_ADDRESS, /* ip|ip6 saddr|daddr vmap @name */
	VMAP_ETHER,   /* ether saddr vmap @name */
	/* Actions: always go on, but for those that add to a set, which stop their rule when it is
	 * full; ACTION_LIMIT_SOURCE also when the source is over the limit of its element. */
	ACTION_COUNTER,      /* counter name "name" */
	ACTION_LOG,          /* log prefix "name" group value snaplen LOG_SNAPLEN */
	ACTION_COUNT_SOURCE, /* add @name { ip|ip6 saddr }, by family */
	ACTION_LIMIT_SOURCE, /* update @name { ip|ip6 saddr }, by family: its time begins anew */
	ACTION_ADD_PAIR,     /* add @name { ip|ip6 saddr . ip|ip6 daddr }, by family */
	ACTION_UPDATE_FLOW,  /* update @name { the key of MATCH_FLOW_SET }, by family */
	ACTION_HELPER,       /* ct helper set "name" */
	/* Verdicts: end the rule. */
	VERDICT_ACCEPT,
	VERDICT_DROP,
	VERDICT_RETURN,
	VERDICT_JUMP,         /* jump name */
	VERDICT_GOTO,         /* goto name */
	VERDICT_REJECT_RESET, /* reject with tcp reset */
	VERDICT_REJECT_ADMIN, /* reject with icmpx admin-prohibited */
};

#define LOG_SNAPLEN 128 /* bytes: IPv6 with a few extension headers and the whole TCP header */

enum side {
	SIDE_SOURCE,
	SIDE_DESTINATION,
};

/* One match or action of a rule; which fields count depends on the kind, see above. */
struct statement {
	enum statement_kind kind : 8; /* of each role there are dozens: they are kept small */
	enum family family : 8;
	enum side side : 8;
	bool wildcard : 1;
	bool inverted : 1; /* MATCH_ADDRESS_SET: the address is not in the set */
	bool swapped : 1;  /* the packet's ends are swapped: its source port is the service */
	uint32_t value;
	const char *name;
};

#define STATEMENTS_MAX 8 /* of one rule */

/*
 * A change that may deny something is made in two phases: first the table in which every packet in
 * original direction is judged again, then, when flows no longer permitted are cut, the usual one
 * with the fast path for established flows.
 */
enum phase {
	PHASE_FAST,
	PHASE_JUDGING,
};

/* In which phases a compiled rule is part of its chain. */
enum rule_when {
	RULE_ALWAYS,
	RULE_JUDGING,
};

struct rule {
	enum rule_when when;
	const struct statement *statements; /* NULL in a ruleset that was read back */
	size_t statement_count;
	const char *comment;  /* or NULL */
	struct bytecode code; /* what the kernel has or is to have */
	uint64_t handle;      /* the kernel's name of it; 0 in a compiled ruleset */
	struct location at;
};

enum hook {
	HOOK_NONE, /* a chain that is only jumped to */
	HOOK_PREROUTING,
	HOOK_FORWARD,
	HOOK_OUTPUT,
};

struct chain {
	const char *name;
	const char *comment; /* or NULL */
	enum hook hook;
	int32_t priority; /* of a base chain: nft's "filter" is 0, "raw" -300 */
	bool policy_drop; /* of a base chain: what happens at its end; else accept */
	ARRAY(struct rule) rules;
	struct location at;
	bool foreign; /* read back with something that no field above can say: never equal */
	bool unread;  /* nothing is known of its rules: all of them go, whichever they are */
};

struct ruleset {
	struct arena *arena;
	bool exists;         /* read back: the table is there. Compiled: true */
	uint32_t flags;      /* NFT_TABLE_F_* */
	uint32_t owner;      /* read back: the netlink port of who owns it; 0: nobody */
	enum phase phase;    /* compiled: which of its rules count */
	const char *comment; /* or NULL */
	ARRAY(struct counter) counters;
	ARRAY(struct helper) helpers;
	ARRAY(struct set) sets;
	ARRAY(struct chain) chains;
	ARRAY(const char *) files; /* in which it is written, those of all its locations */
	/* Read back, and never wanted. Flowtables by name: they are reported and not touched. */
	ARRAY(struct object) objects;
	ARRAY(const char *) foreign;
	struct ruleset_names *names; /* how the look-ups below find things */
	unsigned references;         /* that many ruleset_free() release it */
	struct ruleset *of;          /* whose objects it has, see ruleset_in_phase(); or NULL */
};

/* True for a rule that is part of its chain in the ruleset's phase. */
bool rule_counts(const struct ruleset *ruleset, const struct rule *rule);

/* An empty ruleset, or NULL without memory. */
struct ruleset *ruleset_new(void);

/* Releases a ruleset; takes NULL, returns NULL. */
struct ruleset *ruleset_free(struct ruleset *ruleset);
DEFINE_CLEANUP(struct ruleset *, ruleset_free)

/* The same ruleset for one owner more, who releases it as well; nobody may change it meanwhile. */
struct ruleset *ruleset_hold(const struct ruleset *ruleset);

/*
 * A table that has the same objects, not copies of them, in a phase of its own; `of` lasts as long
 * as it does and is not to be changed any more but for its phase. NULL without memory.
 */
struct ruleset *ruleset_in_phase(struct ruleset *of, enum phase phase);

/* Look-ups by name; NULL when there is none. A name is not changed once it was looked for. */
struct set *ruleset_set(const struct ruleset *ruleset, const char *name);
struct chain *ruleset_chain(const struct ruleset *ruleset, const char *name);
struct counter *ruleset_counter(const struct ruleset *ruleset, const char *name);
const char **ruleset_file(const struct ruleset *ruleset, const char *name);
struct helper *ruleset_helper(const struct ruleset *ruleset, const char *name);

#endif
