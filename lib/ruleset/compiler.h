/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_COMPILER_H
#define EGRESSD_RULESET_COMPILER_H

#include "base/reason.h"
#include "base/time.h"
#include "ruleset/build.h"
#include "ruleset/hosts.h"

/*
 * What the parts of the compilation share. Chains of a role exist once for the role's own mode;
 * a host with a mode of its own gets a second set of them, marked ".audit" or ".enforce".
 */
struct compiler {
	const struct policy *policy;
	struct builder builder;
	/* By segments_for(), made when somebody first asks: without single addresses, and with. */
	struct segments segments[FAMILY_COUNT][2];
	usec_t now;              /* for what the kernel ends by itself */
	bool *roles_with_ranges; /* by role->index; NULL until somebody asks for it */
};

/*
 * compile.c: begins a ruleset; and ends it, whatever came of it until then (r: 0 or a negative
 * errno): 0 with the ruleset, which is finished, or a negative errno. After either there is nothing
 * to release in it.
 */
int compiler_begin(struct compiler *c, const struct policy *policy, usec_t now);
int compiler_end(struct compiler *c, int r, struct ruleset **ret_ruleset);

/* sources.c: what segments_of() makes of a family's claims, and the release of all that it made. */
const struct segments *segments_for(struct compiler *c, enum family family, bool with_singles);
void segments_done(struct compiler *c);

/* Names of fixed chains, in one place because several parts lead to them. */
#define CHAIN_FROM_INSIDE    "from_inside"
#define CHAIN_INBOUND        "inbound"
#define CHAIN_NOT_JUDGED     "not_judged"
#define CHAIN_COUNT_SOURCE   "count_source"
#define CHAIN_COUNT_INSIDE   "count_inside"
#define CHAIN_REFUSE         "refuse"
#define CHAIN_REFUSE_INBOUND "refuse_inbound"
#define CHAIN_LET_PASS       "let_pass"
#define CHAIN_PASS_ON        "pass_on"
#define CHAIN_REFUSE_REVOKED "refuse_revoked"

/* Where the line of a blocked connection leads, once counted and logged. */
#define CHAIN_AFTER(mode) ((mode) == MODE_AUDIT ? CHAIN_LET_PASS : CHAIN_REFUSE)

/* "" for the role's own mode, else ".audit" or ".enforce". */
const char *variant_suffix(const struct role *role, enum mode mode);

/* True when some role says who may reach it: then the inbound chains exist, of every such role,
 * for an address may be assigned to it at any time. */
bool inbound_is_judged(const struct policy *policy);

/* roles.c: "revoked_ROLE" (NULL: "revoked") counts packets of cut flows and refuses them. */
const char *compile_revoked(struct compiler *c, const struct role *role);

/* roles.c: the chains of a role for hosts in that mode; made when they are not there yet. */
const char *compile_role(struct compiler *c, const struct role *role, enum mode mode);
const char *compile_impostor(struct compiler *c, const struct role *role, enum mode mode);
const char *compile_inbound(struct compiler *c, const struct role *role, enum mode mode);

/* roles.c: "permitted_ROLE", where all ends that the role permits; the rules of such a chain, of a
 * role or nobody (NULL); and rules that return where the blocklist has the destination. */
const char *compile_permitted(struct compiler *c, const struct role *role);
void write_permitted(struct compiler *c, const char *chain, const struct role *role);
void return_blocked(struct compiler *c, const char *chain, enum side side);

/* contacts.c: a rule that leads first contacts of the role to where they are told, if they are. */
void write_contact(struct compiler *c, const char *chain, const struct role *role);

/* assignments.c: whether something that ends then is still in force, and if so, what elements of
 * timed sets get from now on. The comment is copied. */
bool in_force(const struct compiler *c, usec_t until);
void set_life(struct compiler *c, usec_t until, const char *comment);

/* throttle.c: where the rules of a role lead to that permit something: "permitted_ROLE", or
 * "throttle_ROLE" for hosts in that mode, which leads there what is within the limit. */
const char *compile_admission(struct compiler *c, const struct role *role, enum mode mode);

/*
 * assignments.c: rules that lead the assigned addresses of a family to the chains of their roles,
 * or as destinations to who may reach them; a rule for each role to which some are assigned. These
 * are plain sets, for the kernel walks all maps of verdicts when one gets an element, and that
 * takes it longer than all else about an assignment. And whether there is one to the role.
 */
void write_assigned(struct compiler *c, const char *chain, enum family family, enum side side);
bool role_is_assigned(struct compiler *c, const struct role *role, enum family family);

/* assignments.c: "the address is not assigned" and "the address is assigned to that role"; and
 * whether addresses of the host, or else of the hosts of the role, can be assigned to another: not
 * those that the configuration names one by one. */
struct statement not_assigned(struct compiler *c, enum family family, enum side side);
struct statement assigned_to(struct compiler *c, const struct role *role, enum family family,
                             enum side side);
bool can_lose_addresses(struct compiler *c, const struct host *host, const struct role *role);

/* assignments.c: true when a rule of the chain looks for an address or MAC in that set. */
bool chain_asks(const struct ruleset *have, const char *chain, const char *set);

/* quarantine.c: what is dropped before conntrack, and its counters; and rules that return for a
 * destination that is in quarantine by its address. */
void compile_quarantine(struct compiler *c);
void return_quarantined(struct compiler *c, const char *chain);

/*
 * pickup.c: true when the table has rules for connections that are older than it; when the window
 * is open, too; those rules; and the rule that leads there: first of all from what comes from
 * outside, and from a chain of what is not permitted for that reason (role: the source's, or for
 * REASON_INBOUND the destination's). Blocked: it would not pass, as it does in audit.
 */
bool connections_are_picked_up(const struct compiler *c);
bool pickup_window_is_open(const struct compiler *c);
void compile_pickup(struct compiler *c);
void write_outside_pickup(struct compiler *c, const char *chain);
void write_pickup(struct compiler *c, const char *chain, enum reason reason,
                  const struct role *role, bool blocked);

/* permits.c: jumps to the permits that stand in that place, at the end of `from`. The role and mode
 * count in a role's chain only. */
enum permit_place {
	PERMIT_IN_ROLE,         /* in the chain of the role that the address has */
	PERMIT_WITHOUT_ADDRESS, /* where an address belongs to nobody: by it, or by MAC */
	PERMIT_OF_SELF,         /* in the output hook */
};
void write_permits(struct compiler *c, const char *from, enum permit_place where,
                   const struct role *role, enum mode mode);

/* permits.c: jumps to the permits of the role's hosts (NULL: of addresses of nobody) with the ends
 * of the packet swapped, which lead to `permitted`. */
void write_swapped_permits(struct compiler *c, const char *from, const struct role *role,
                           const char *permitted);

/* sources.c: from a source address or MAC to the chain of its role; from a destination to who may
 * reach it. */
void compile_sources(struct compiler *c);
void compile_destinations(struct compiler *c);

/* sources.c: from the address of that side of a packet whose ends are swapped to the chain that
 * `compile` makes for its role; for hosts with MACs to that of `bound`. */
typedef const char *(*compile_chain_t)(struct compiler *c, const struct role *role, enum mode mode);
void compile_swapped_ends(struct compiler *c, const char *chain, enum side side,
                          compile_chain_t compile, compile_chain_t bound);

/* interfaces.c: the set of inside interfaces, unless only one is named; `iifname @inside [MORE]
 * LAST`, or with the only name, and a rule more for each wildcard, which a hash cannot hold; and a
 * statement about one interface, by name or wildcard. */
void make_inside_set(struct compiler *c);
void from_inside_rules(struct compiler *c, const char *chain, const struct statement *more,
                       struct statement last);
struct statement match_interface(struct compiler *c, enum statement_kind kind,
                                 const struct word *interface);

/* ends.c: the chains in which a blocked connection ends once it is counted and logged. */
void compile_ends(struct compiler *c);

/* permissions.c: the rules of a role's outbound or inbound, at the end of `chain`; each ends in
 * `permitted`. */
enum direction {
	DIRECTION_OUTBOUND,
	DIRECTION_INBOUND,
};
void compile_permissions(struct compiler *c, const struct role *role, enum direction direction,
                         const char *chain, struct statement permitted);

/* The same rules once more, for packets whose ends are swapped: they ask the sets that the rules
 * above have made. TCP and UDP only. */
void compile_swapped(struct compiler *c, const struct role *role, enum direction direction,
                     const char *chain, struct statement permitted);
void compile_swapped_permit(struct compiler *c, const struct permission *permission,
                            const char *permit, const char *chain, struct statement permitted);

/* The same for the one permission of a permit; its services are in timed sets, which get the life
 * that is set. */
void compile_permit_rules(struct compiler *c, const struct permission *permission,
                          const char *chain, struct statement permitted);

/* peers.c: the interval sets `NAME4` and `NAME6` of a peer's addresses, made when they are not
 * there yet. A family in which the peer has no address gets none, and NULL. */
struct peer_sets {
	const char *set[FAMILY_COUNT];
};
struct peer_sets compile_peer(struct compiler *c, const struct peer *peer);
struct peer_sets compile_ranges(struct compiler *c, const char *name,
                                const struct address_range *ranges, size_t count,
                                struct location at);

/* A peer's addresses as disjoint ranges, owned by the ruleset's arena or the policy. */
void peer_ranges(struct compiler *c, const struct peer *peer,
                 const struct address_range **ret_ranges, size_t *ret_count);

/* Statements that several parts use. */
static inline struct statement to_chain(enum statement_kind kind, const char *name)
{
	return (struct statement){.kind = kind, .name = name};
}

static inline struct statement match_address(enum family family, enum side side, const char *set)
{
	return (struct statement){
	        .kind = MATCH_ADDRESS_SET, .family = family, .side = side, .name = set};
}

/* `counter name "..." log prefix "..." group ...`, the two that every blocked packet meets. */
struct statement count_blocked(struct compiler *c, enum reason reason, const struct role *role);
struct statement log_blocked(struct compiler *c, enum reason reason, const struct role *role);

/*
 * The end of a chain for what is blocked: counted, logged, and on to `last`. Packets of a flow that
 * a change of policy cut are no attempts; in enforcement they are sorted out first.
 */
void write_blocked(struct compiler *c, const char *chain, enum reason reason,
                   const struct role *role, enum mode mode, struct statement last);

#endif
