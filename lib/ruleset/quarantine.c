/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/request_text.h"
#include "policy/runtime.h"
#include "ruleset/compile.h"
#include "ruleset/compiler.h"
#include "ruleset/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/*
 * What is in quarantine is dropped before conntrack sees it, which costs half of what a drop in the
 * forward hook does, and needs no flow to be judged. The chains are there only while somebody is in
 * quarantine, for each packet from inside goes through them. Plain sets of addresses, one for each
 * role, so that each role's counter has what its hosts send.
 */

/* linux/netfilter_ipv4.h: NF_IP_PRI_RAW; fragments are put together before. */
#define PRIORITY_RAW (-300)

#define CHAIN_QUARANTINED CHAIN_QUARANTINE ".from_inside"
#define CHAIN_PASSES      CHAIN_QUARANTINE ".passes"
#define CHAIN_NOBODYS     CHAIN_QUARANTINE ".unassigned"

#define SET_DHCP CHAIN_QUARANTINE ".dhcp"
#define SET_ND   CHAIN_QUARANTINE ".neighbours"

static const struct location nowhere;

/* One address, range or MAC, and whose it is. */
struct held {
	const struct role *role; /* NULL: an address of nobody */
	enum set_type type;      /* SET_IPV4, SET_IPV6, SET_ETHER */
	bool interval;
	struct address_range range;
	struct mac mac;
	const struct quarantine *quarantine;
};

struct held_list {
	ARRAY(struct held) list;
};

static void hold(struct compiler *c, struct held_list *all, const struct held *held)
{
	struct held *slot = ARRAY_ADD(&all->list);
	if (slot)
		*slot = *held;
	else
		c->builder.error = -ENOMEM;
}

static struct held held_range(const struct role *role, struct address_range range,
                              const struct quarantine *quarantine)
{
	return (struct held){.role = role,
	                     .type = range.from.family == FAMILY_IPV4 ? SET_IPV4 : SET_IPV6,
	                     .range = range,
	                     .quarantine = quarantine};
}

/* All that belongs to the host after the most specific won; a single address is what is left of
 * its range there, and as that may take a role at run time. */
static void hold_ranges(struct compiler *c, struct held_list *all,
                        const struct quarantine *quarantine)
{
	for (int family = 0; family < FAMILY_COUNT; family++) {
		const struct segments *segments = segments_for(c, (enum family)family, true);
		ARRAY_FOREACH (segment, &segments->list) {
			if (segment->host != quarantine->host)
				continue;
			struct held held =
			        held_range(segment->host->role, segment->range, quarantine);
			held.interval = true;
			hold(c, all, &held);
		}
	}
}

static void hold_host(struct compiler *c, struct held_list *all,
                      const struct quarantine *quarantine)
{
	const struct host *host = quarantine->host;
	if (can_lose_addresses(c, host, NULL)) {
		hold_ranges(c, all, quarantine);
		return;
	}
	for (size_t i = 0; i < host->range_count; i++) {
		struct held held = held_range(host->role, host->ranges[i].range, quarantine);
		hold(c, all, &held);
	}
	for (size_t i = 0; !host->range_count && i < host->mac_count; i++)
		hold(c, all,
		     &(struct held){.role = host->role,
		                    .type = SET_ETHER,
		                    .mac = host->macs[i],
		                    .quarantine = quarantine});
}

/* Equal ones of a set side by side, that which ends last first. */
static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	int order = x->type == SET_ETHER ? memcmp(&x->mac, &y->mac, sizeof(x->mac))
	                                 : address_compare(&x->range.from, &y->range.from);
	if (order)
		return order;
	if (x->interval != y->interval)
		return x->interval ? 1 : -1;
	usec_t x_end = x->quarantine->until - 1, y_end = y->quarantine->until - 1; /* 0 is last */
	return (x_end < y_end) - (x_end > y_end);
}

static void hold_all(struct compiler *c, struct held_list *all)
{
	const struct runtime *runtime = c->policy->runtime;
	for (size_t i = 0; runtime && i < runtime->quarantines.count && !c->builder.error; i++) {
		const struct quarantine *quarantine = &runtime->quarantines.items[i];
		const struct address *address = &quarantine->address;
		if (!in_force(c, quarantine->until))
			continue;
		if (quarantine->host) {
			hold_host(c, all, quarantine);
			continue;
		}
		const struct host *host = policy_host_at(c->policy, address);
		struct held held =
		        held_range(host ? host->role : NULL,
		                   (struct address_range){*address, *address}, quarantine);
		hold(c, all, &held);
	}
	if (all->list.count)
		qsort(all->list.items, all->list.count, sizeof(*all->list.items), compare_held);
}

/* "quarantined_ROLE_4", "quarantined_ROLE_range4", "quarantined_ROLE_mac"; "quarantined4". */
static const char *set_for(struct compiler *c, const struct role *role, enum set_type type,
                           bool interval)
{
	const char *kind = type == SET_ETHER ? "mac" : type == SET_IPV4 ? "4" : "6";
	if (!role)
		return build_name(&c->builder, SET_QUARANTINED "%s", kind);
	return build_name(&c->builder, SET_QUARANTINED "_%s_%s%s", role->name,
	                  interval ? "range" : "", kind);
}

static void add_held(struct compiler *c, const struct held *held)
{
	struct builder *b = &c->builder;
	const char *set = set_for(c, held->role, held->type, held->interval);
	const struct quarantine *quarantine = held->quarantine;
	const char *comment = quarantine->comment;
	char mark[REQUEST_TEXT_MAX];

	/* Whose address it is: the table can tell who is in quarantine when nothing else can. */
	if (quarantine->host)
		comment = request_mark(quarantine->host->name, comment, mark);
	build_set(b, &(struct set){.name = set,
	                           .type = held->type,
	                           .interval = held->interval,
	                           .timed = true});
	set_life(c, quarantine->until, comment);
	if (held->type == SET_ETHER)
		build_element(b, set, held->mac.bytes, sizeof(held->mac.bytes), NULL, nowhere);
	else if (held->interval)
		build_range(b, set, held->range.from.bytes, held->range.to.bytes,
		            family_length(held->range.from.family), NULL, nowhere);
	else
		build_element(b, set, held->range.from.bytes,
		              family_length(held->range.from.family), NULL, nowhere);
}

/* The sets with all that is in quarantine; of one that is so twice, the longer one counts. */
static void make_sets(struct compiler *c)
{
	struct held_list all = {};
	struct life before = c->builder.life;

	hold_all(c, &all);
	for (size_t i = 0; i < all.list.count && !c->builder.error; i++) {
		const struct held *held = &all.list.items[i], *last = i ? held - 1 : NULL;
		bool again = last && last->type == held->type && last->interval == held->interval &&
		             (held->type == SET_ETHER
		                      ? memcmp(&last->mac, &held->mac, sizeof(held->mac)) == 0
		                      : address_compare(&last->range.from, &held->range.from) == 0);
		if (!again)
			add_held(c, held);
	}
	c->builder.life = before;
	ARRAY_DONE(&all.list);
}

/* Its address it may keep, and the gateway as a neighbour: what goes no further than to it. */
static const char *compile_passes(struct compiler *c)
{
	struct builder *b = &c->builder;
	static const uint8_t types[] = {133, 134, 135, 136}; /* RFC 4861 */
	static const uint16_t ports[] = {67, 547};           /* RFC 2131, RFC 8415 */
	if (b->error || ruleset_chain(b->ruleset, CHAIN_PASSES))
		return CHAIN_PASSES;

	build_set(b, &(struct set){.name = SET_DHCP, .type = SET_PORT});
	for (size_t i = 0; i < ELEMENTS_OF(ports); i++) {
		uint16_t port = htons(ports[i]);
		build_element(b, SET_DHCP, &port, sizeof(port), NULL, nowhere);
	}
	build_set(b, &(struct set){.name = SET_ND, .type = SET_ICMPV6_TYPE});
	for (size_t i = 0; i < ELEMENTS_OF(types); i++)
		build_element(b, SET_ND, &types[i], sizeof(types[i]), NULL, nowhere);
	build_chain(b, CHAIN_PASSES, "DHCP and neighbour discovery, as far as the gateway",
	            nowhere);
	RULE(b, CHAIN_PASSES, NULL, nowhere, {.kind = MATCH_FIB_UNICAST}, {.kind = VERDICT_RETURN});
	RULE(b, CHAIN_PASSES, NULL, nowhere,
	     {.kind = MATCH_PORT_SET, .value = IPPROTO_UDP, .name = SET_DHCP},
	     {.kind = VERDICT_ACCEPT});
	RULE(b, CHAIN_PASSES, NULL, nowhere, {.kind = MATCH_ICMPV6_TYPE_SET, .name = SET_ND},
	     {.kind = VERDICT_ACCEPT});
	return CHAIN_PASSES;
}

/* "quarantine_ROLE": counted, logged and dropped, whatever the mode. */
static const char *compile_end(struct compiler *c, const struct role *role)
{
	struct builder *b = &c->builder;
	struct location at = role ? role->at : nowhere;
	const char *name = role ? build_name(b, CHAIN_QUARANTINE "_%s", role->name) : CHAIN_NOBODYS;
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, NULL, at);
	RULE(b, name, NULL, at, to_chain(VERDICT_JUMP, compile_passes(c)));
	RULE(b, name, NULL, at, count_blocked(c, REASON_QUARANTINE, role),
	     log_blocked(c, REASON_QUARANTINE, role), to_chain(VERDICT_JUMP, CHAIN_COUNT_SOURCE));
	RULE(b, name, NULL, at, {.kind = VERDICT_DROP});
	return name;
}

/* From a set, if it was made, to the end of its role. */
static void write_rule_for(struct compiler *c, const struct role *role, enum set_type type,
                           bool interval)
{
	struct builder *b = &c->builder;
	enum family family = type == SET_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4;
	const char *set = set_for(c, role, type, interval);
	struct location at = role ? role->at : nowhere;
	if (b->error || !ruleset_set(b->ruleset, set))
		return;

	struct statement match = type == SET_ETHER ? to_chain(MATCH_ETHER_SET, set)
	                                           : match_address(family, SIDE_SOURCE, set);
	struct statement end = to_chain(VERDICT_GOTO, compile_end(c, role));
	/* An address that took a role at run time is a host of its own. */
	if (interval)
		RULE(b, CHAIN_QUARANTINED, NULL, at, not_assigned(c, family, SIDE_SOURCE), match,
		     end);
	else
		RULE(b, CHAIN_QUARANTINED, NULL, at, match, end);
}

static void write_rules(struct compiler *c)
{
	const struct policy *policy = c->policy;
	for (size_t i = 0; i <= policy->roles.count && !c->builder.error; i++) {
		const struct role *role = i < policy->roles.count ? &policy->roles.items[i] : NULL;
		for (int interval = 0; interval <= (role != NULL); interval++) {
			write_rule_for(c, role, SET_IPV4, interval);
			write_rule_for(c, role, SET_IPV6, interval);
		}
	}
	/* Only what no address told. */
	for (size_t i = 0; i < policy->roles.count && !c->builder.error; i++)
		write_rule_for(c, &policy->roles.items[i], SET_ETHER, false);
}

static void return_quarantined_of(struct compiler *c, const char *chain, const struct role *role,
                                  enum family family, bool interval)
{
	static const struct statement back = {.kind = VERDICT_RETURN};
	struct builder *b = &c->builder;
	const char *set = set_for(c, role, family == FAMILY_IPV4 ? SET_IPV4 : SET_IPV6, interval);
	if (b->error || !ruleset_set(b->ruleset, set))
		return;
	struct statement match = match_address(family, SIDE_DESTINATION, set);
	if (interval)
		RULE(b, chain, NULL, nowhere, not_assigned(c, family, SIDE_DESTINATION), match,
		     back);
	else
		RULE(b, chain, NULL, nowhere, match, back);
}

void return_quarantined(struct compiler *c, const char *chain)
{
	const struct policy *policy = c->policy;
	for (int family = 0; family < FAMILY_COUNT; family++) {
		return_quarantined_of(c, chain, NULL, (enum family)family, false);
		for (size_t i = 0; i < policy->roles.count; i++) {
			return_quarantined_of(c, chain, &policy->roles.items[i],
			                      (enum family)family, false);
			return_quarantined_of(c, chain, &policy->roles.items[i],
			                      (enum family)family, true);
		}
	}
}

void compile_quarantine(struct compiler *c)
{
	struct builder *b = &c->builder;

	/* What was counted stays when all are released. */
	for (size_t i = 0; i < c->policy->roles.count && !b->error; i++)
		(void)count_blocked(c, REASON_QUARANTINE, &c->policy->roles.items[i]);
	(void)count_blocked(c, REASON_QUARANTINE, NULL);
	if (!ruleset_quarantines(c->policy, c->now))
		return;

	make_sets(c);
	build_base_chain(b, CHAIN_QUARANTINE, "of what is in quarantine nothing goes anywhere",
	                 HOOK_PREROUTING, PRIORITY_RAW, false);
	build_chain(b, CHAIN_QUARANTINED, "who is in quarantine?", nowhere);
	write_rules(c);
	from_inside_rules(c, CHAIN_QUARANTINE, NULL, to_chain(VERDICT_GOTO, CHAIN_QUARANTINED));
}

bool ruleset_quarantines(const struct policy *policy, usec_t now)
{
	const struct compiler c = {.policy = policy, .now = now};
	const struct runtime *runtime = policy->runtime;
	for (size_t i = 0; runtime && i < runtime->quarantines.count; i++)
		if (in_force(&c, runtime->quarantines.items[i].until))
			return true;
	return false;
}

/* The sets alone, beside those that `have` has; -ENOENT when it takes more than elements. */
static int make_sets_for(struct compiler *c, const struct ruleset *have)
{
	struct builder *b = &c->builder;
	make_sets(c);
	ARRAY_FOREACH (set, &have->sets)
		if (set->timed && set_quarantines(set->name))
			build_set(b, &(struct set){.name = set->name,
			                           .type = set->type,
			                           .interval = set->interval,
			                           .timed = true});
	if (b->error)
		return b->error;
	ARRAY_FOREACH (set, &b->ruleset->sets)
		if (!ruleset_set(have, set->name) ||
		    !chain_asks(have, CHAIN_QUARANTINED, set->name))
			return -ENOENT;
	return 0;
}

int ruleset_quarantine_sets(const struct policy *policy, usec_t now, const struct ruleset *have,
                            struct ruleset **ret_ruleset)
{
	struct compiler c;
	int r = compiler_begin(&c, policy, now);
	if (r < 0)
		return r;
	c.builder.ruleset->flags = have->flags;
	r = ruleset_quarantines(policy, now) ? make_sets_for(&c, have) : -ENOENT;
	return compiler_end(&c, r, ret_ruleset);
}
