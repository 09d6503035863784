/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inherited.h"

#include "kernel/view.h"
#include "ruleset/compile.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define JUDGING_RULES_MAX 4 /* of one chain */

bool inherited_decides(const struct ruleset *table)
{
	const struct chain *forward = ruleset_chain(table, "forward");
	return table->exists && !ruleset_is_closed(table) &&
	       !(table->flags & NFT_TABLE_F_DORMANT) && forward && forward->hook == HOOK_FORWARD &&
	       forward->policy_drop && forward->rules.count > 0;
}

/* All that is in it can be written as it was read. */
static bool is_known(const struct ruleset *table)
{
	ARRAY_FOREACH (set, &table->sets)
		if (set->foreign || set->unread || set->looked_up)
			return false;
	ARRAY_FOREACH (chain, &table->chains) {
		if (chain->foreign || chain->unread)
			return false;
		ARRAY_FOREACH (rule, &chain->rules)
			for (size_t i = 0; i < rule->code.count; i++)
				if (rule->code.ops[i].kind == OP_FOREIGN)
					return false;
	}
	return table->objects.count == 0;
}

struct ruleset *inherited_hold(struct kernel *kernel)
{
	uint32_t generation;
	const struct ruleset *view = kernel_view(kernel, &generation);
	return view && inherited_decides(view) && is_known(view) ? ruleset_hold(view) : NULL;
}

/* What was left of the time of an element is what it gets. */
static int take_up_times(struct ruleset *table)
{
	ARRAY_FOREACH (set, &table->sets) {
		if (!set->timed)
			continue;
		ARRAY_FOREACH (element, &set->elements) {
			if (!element->life->timeout || !element->life->left)
				continue;
			struct life *life =
			        arena_copy(table->arena, element->life, 1, sizeof(*life));
			if (!life)
				return -ENOMEM;
			life->timeout = life->left;
			element->life = life;
		}
	}
	return 0;
}

/* Where the rule of the compiled chain is in the other one; its number of rules: nowhere. */
static size_t find_rule(const struct chain *chain, const struct rule *rule)
{
	size_t at = 0;
	while (at < chain->rules.count &&
	       !bytecode_equal(&chain->rules.items[at].code, &rule->code))
		at++;
	return at;
}

/* A rule that borrows nothing, as if it had been read. */
static int copy_rule(struct arena *arena, const struct rule *rule, struct rule *ret_copy)
{
	struct op *ops = arena_copy(arena, rule->code.ops, rule->code.count, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	for (size_t i = 0; i < rule->code.count; i++)
		if (op_has_name(ops[i].kind) && ops[i].name &&
		    !(ops[i].name = arena_strdup(arena, ops[i].name)))
			return -ENOMEM;
	*ret_copy = (struct rule){
	        .when = rule->when,
	        .code = {.ops = ops, .count = rule->code.count},
	        .comment = rule->comment ? arena_strdup(arena, rule->comment) : NULL,
	};
	return rule->comment && !ret_copy->comment ? -ENOMEM : 0;
}

/* Puts those rules of the compiled chain, which count while it is judged, before that one. */
static int insert(struct arena *arena, struct chain *chain, size_t at, const struct rule *rules,
                  size_t count)
{
	struct rule copies[JUDGING_RULES_MAX];
	if (count > ELEMENTS_OF(copies))
		return -ENOTSUP;
	for (size_t i = 0; i < count; i++)
		if (copy_rule(arena, &rules[i], &copies[i]) < 0)
			return -ENOMEM;
	if (ARRAY_RESERVE(&chain->rules, chain->rules.count + count) < 0)
		return -ENOMEM;
	struct rule *place = &chain->rules.items[at];
	memmove(place + count, place, (chain->rules.count - at) * sizeof(*place));
	memcpy(place, copies, count * sizeof(*place));
	chain->rules.count += count;
	return 0;
}

/* The same of one chain: the rules of judging stand before the fast path. */
static int prepare_chain(struct ruleset *table, const struct chain *compiled)
{
	size_t first = 0, count = 0;
	while (first < compiled->rules.count && compiled->rules.items[first].when != RULE_JUDGING)
		first++;
	while (first + count < compiled->rules.count &&
	       compiled->rules.items[first + count].when == RULE_JUDGING)
		count++;
	if (!count)
		return 0;
	const struct rule *rules = &compiled->rules.items[first];
	struct chain *chain = ruleset_chain(table, compiled->name);
	if (!chain)
		return 0; /* it has no fast path there */
	/* A run may have died between its phases. */
	size_t at = find_rule(chain, &rules[count - 1]);
	if (find_rule(chain, &rules[0]) < at && at < chain->rules.count) {
		for (size_t i = 0; i < count; i++)
			chain->rules.items[at - i].when = RULE_JUDGING;
		return 0;
	}
	at = first + count < compiled->rules.count ? find_rule(chain, &rules[count])
	                                           : chain->rules.count;
	return at < chain->rules.count ? insert(table->arena, chain, at, rules, count) : -ENOTSUP;
}

int inherited_prepare(struct ruleset *table, const struct ruleset *compiled)
{
	int r = take_up_times(table);
	ARRAY_FOREACH (chain, &compiled->chains)
		if (r == 0)
			r = prepare_chain(table, chain);
	return r;
}
