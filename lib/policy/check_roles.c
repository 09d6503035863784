/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/checker.h"

#include "base/cleanup.h"
#include "policy/references.h"

#include <errno.h>
#include <string.h>

int check_permission(struct checker *checker, struct permission *permission)
{
	item_array items = {};
	int r = 0;
	for (size_t i = 0; r == 0 && i < permission->services.count; i++)
		r = check_service_word(checker, &permission->services.items[i], NULL, &items);
	if (r == 0)
		r = check_keep_items(checker, &items, &permission->resolved);
	ARRAY_DONE(&items);
	if (r < 0)
		return r;
	return check_peers(checker, &permission->peers, true, &permission->resolved_peers,
	                   &permission->peer_count);
}

static int resolve_permissions(struct checker *checker, struct permissions *permissions)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < permissions->count; i++)
		r = check_permission(checker, &permissions->items[i]);
	return r;
}

static void report_unknown(struct checker *checker, const struct role *role,
                           const struct word *word)
{
	if (checker->partial)
		return;
	const char *nearest = names_nearest(&checker->roles, word->text, checker->problems);
	if (nearest)
		problems_add(checker->problems, word->at,
		             "role \"%s\" inherits the unknown role \"%s\"; did you mean \"%s\"?",
		             role->name, word->text, nearest);
	else
		problems_add(checker->problems, word->at,
		             "role \"%s\" inherits the unknown role \"%s\"", role->name,
		             word->text);
}

/* The roles that one role names in inherits. */
static int collect(struct checker *checker, const struct role *role, struct referrer *ret_referrer)
{
	struct referrer referrer = {.name = role->name};
	if (role->inherits.count) {
		referrer.items = arena_alloc(checker->policy->arena, role->inherits.count,
		                             sizeof(*referrer.items));
		if (!referrer.items)
			return -ENOMEM;
	}
	for (size_t i = 0; i < role->inherits.count; i++) {
		const struct word *word = &role->inherits.items[i];
		size_t index;
		if (names_find(&checker->roles, word->text, &index))
			referrer.items[referrer.count++] =
			        (struct reference){.to = index, .at = word->at};
		else
			report_unknown(checker, role, word);
	}
	*ret_referrer = referrer;
	return 0;
}

/* A role and all that it inherits from, each once, in the order in which they are met. */
struct lineage {
	const struct referrer *referrers;
	size_t *seen; /* seen[role] == mark: met for the present role */
	size_t mark;
	size_t *members;
	size_t count;
};

static void lineage_add(struct lineage *lineage, size_t role)
{
	if (lineage->seen[role] == lineage->mark)
		return;
	lineage->seen[role] = lineage->mark;
	lineage->members[lineage->count++] = role;
}

static void lineage_of(struct lineage *lineage, size_t role)
{
	lineage->mark = role + 1;
	lineage->count = 0;
	lineage_add(lineage, role);
	for (size_t i = 0; i < lineage->count; i++) {
		const struct referrer *referrer = &lineage->referrers[lineage->members[i]];
		for (size_t j = 0; j < referrer->count; j++)
			if (!referrer->items[j].loops)
				lineage_add(lineage, referrer->items[j].to);
	}
}

static int list_new(struct arena *arena, size_t count, struct permission_list *ret_list)
{
	*ret_list = (struct permission_list){};
	if (!count)
		return 0;
	ret_list->items = arena_alloc(arena, count, sizeof(*ret_list->items));
	return ret_list->items ? 0 : -ENOMEM;
}

static void list_add(struct permission_list *list, const struct permissions *permissions)
{
	for (size_t i = 0; i < permissions->count; i++)
		list->items[list->count++] = &permissions->items[i];
}

static int unite(struct policy *policy, const struct lineage *lineage, struct role *role)
{
	size_t outbound = 0, inbound = 0;
	for (size_t i = 0; i < lineage->count; i++) {
		const struct role *member = &policy->roles.items[lineage->members[i]];
		outbound += member->outbound.count;
		inbound += member->inbound.count;
		role->judged_inbound |= member->has_inbound;
		role->is_tripwire |= member->tripwire;
	}

	int r = list_new(policy->arena, outbound, &role->may_initiate);
	if (r == 0)
		r = list_new(policy->arena, inbound, &role->may_be_reached);
	for (size_t i = 0; r == 0 && i < lineage->count; i++) {
		const struct role *member = &policy->roles.items[lineage->members[i]];
		list_add(&role->may_initiate, &member->outbound);
		list_add(&role->may_be_reached, &member->inbound);
	}
	return r;
}

static bool throttle_equal(const struct throttle *a, const struct throttle *b)
{
	return a->destinations == b->destinations && a->per == b->per;
}

/*
 * Its own throttle, else the one that the roles which it inherits from have, who were seen to
 * before. Two of them that differ are no union: which one would be a guess.
 */
static void find_throttle(struct checker *checker, const struct referrer *referrer,
                          struct role *role)
{
	const struct role *roles = checker->policy->roles.items;
	if (role->throttle.destinations) {
		role->throttled = &role->throttle;
		return;
	}
	for (size_t i = 0; i < referrer->count; i++) {
		const struct throttle *other = roles[referrer->items[i].to].throttled;
		if (referrer->items[i].loops || !other)
			continue;
		if (!role->throttled)
			role->throttled = other;
		else if (!throttle_equal(role->throttled, other))
			problems_add(checker->problems, role->at,
			             "role \"%s\" inherits two throttles that differ, of %s:%u and "
			             "%s:%u; give it one of its own",
			             role->name, role->throttled->at.file, role->throttled->at.line,
			             other->at.file, other->at.line);
	}
}

static bool quarantine_equal(const struct self_quarantine *a, const struct self_quarantine *b)
{
	return memcmp(a->on, b->on, sizeof(a->on)) == 0 && a->span == b->span && a->most == b->most;
}

/* The same of its quarantine. */
static void find_quarantine(struct checker *checker, const struct referrer *referrer,
                            struct role *role)
{
	const struct role *roles = checker->policy->roles.items;
	if (role->quarantine.at.line) {
		role->quarantined = &role->quarantine;
		return;
	}
	for (size_t i = 0; i < referrer->count; i++) {
		const struct self_quarantine *other = roles[referrer->items[i].to].quarantined;
		if (referrer->items[i].loops || !other)
			continue;
		if (!role->quarantined)
			role->quarantined = other;
		else if (!quarantine_equal(role->quarantined, other))
			problems_add(checker->problems, role->at,
			             "role \"%s\" inherits two quarantines that differ, of %s:%u "
			             "and %s:%u; give it one of its own",
			             role->name, role->quarantined->at.file,
			             role->quarantined->at.line, other->at.file, other->at.line);
	}
}

static int inherit(struct checker *checker, struct referrer *referrers)
{
	struct policy *policy = checker->policy;
	size_t count = policy->roles.count;
	_cleanup_free_ size_t *order = calloc(count + 1, sizeof(*order));
	_cleanup_free_ size_t *seen = calloc(count + 1, sizeof(*seen));
	_cleanup_free_ size_t *members = calloc(count + 1, sizeof(*members));
	if (!order || !seen || !members)
		return -ENOMEM;

	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = collect(checker, &policy->roles.items[i], &referrers[i]);
	if (r == 0)
		r = references_order(referrers, count, "inherits", checker->problems, order);

	struct lineage lineage = {.referrers = referrers, .seen = seen, .members = members};
	for (size_t i = 0; r == 0 && i < count; i++) {
		lineage_of(&lineage, i);
		r = unite(policy, &lineage, &policy->roles.items[i]);
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		find_throttle(checker, &referrers[order[i]], &policy->roles.items[order[i]]);
	for (size_t i = 0; r == 0 && i < count; i++)
		find_quarantine(checker, &referrers[order[i]], &policy->roles.items[order[i]]);
	return r;
}

int check_roles(struct checker *checker)
{
	struct policy *policy = checker->policy;
	int r = 0;
	for (size_t i = 0; r == 0 && i < policy->roles.count; i++) {
		struct role *role = &policy->roles.items[i];
		r = resolve_permissions(checker, &role->outbound);
		if (r == 0)
			r = resolve_permissions(checker, &role->inbound);
	}
	if (r < 0)
		return r;

	_cleanup_free_ struct referrer *referrers =
	        calloc(policy->roles.count + 1, sizeof(*referrers));
	if (!referrers)
		return -ENOMEM;
	return inherit(checker, referrers);
}
