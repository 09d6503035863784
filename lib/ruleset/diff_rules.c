/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/comparison.h"

#include <errno.h>
#include <string.h>

/* A rule that uses a set or helper which is built anew has to be built anew as well. */
static bool rule_can_stay(const struct comparison *c, const struct rule *have)
{
	if (c->sets_stay && c->helpers_stay)
		return true;
	for (size_t i = 0; i < have->code.count; i++) {
		const struct op *op = &have->code.ops[i];
		if (op->kind == OP_LOOKUP || op->kind == OP_DYNSET) {
			const struct set *set = ruleset_set(c->have, op->name);
			if (!set || !staying_set(c, set))
				return false;
		}
		if (op->kind == OP_HELPER && !helper_stays(c, op->name))
			return false;
	}
	return true;
}

static bool rule_equal(const struct comparison *c, const struct rule *have,
                       const struct rule *wanted)
{
	return (have == wanted || bytecode_equal(&have->code, &wanted->code)) &&
	       rule_can_stay(c, have);
}

/* The rules of a chain that count in the phase of its ruleset. */
struct rules {
	const struct rule **items;
	size_t count;
};

static struct rules rules_of(struct comparison *c, const struct ruleset *ruleset,
                             const struct chain *chain)
{
	struct rules rules = {};
	if (!chain || !chain->rules.count)
		return rules; /* or they are unread */
	rules.items = arena_alloc(c->delta->arena, chain->rules.count, sizeof(*rules.items));
	if (!rules.items) {
		c->error = -ENOMEM;
		return rules;
	}
	ARRAY_FOREACH (rule, &chain->rules)
		if (rule_counts(ruleset, rule))
			rules.items[rules.count++] = rule;
	return rules;
}

static void delete_rule(struct comparison *c, struct rule_changes *changes,
                        const struct chain *chain, const struct rule *rule)
{
	struct step *slot = ARRAY_ADD(&changes->deleted);
	if (!slot) {
		c->error = -ENOMEM;
		return;
	}
	*slot = (struct step){.kind = STEP_DELETE_RULE,
	                      .chain = chain,
	                      .rule = rule,
	                      .handle = rule ? rule->handle : 0,
	                      .all = !rule};
}

static void add_rule(struct comparison *c, struct rule_changes *changes, const struct chain *chain,
                     const struct rule *rule, uint64_t before, bool fresh)
{
	struct step *slot = ARRAY_ADD(&changes->added);
	if (!slot) {
		c->error = -ENOMEM;
		return;
	}
	*slot = (struct step){.kind = STEP_ADD_RULE,
	                      .chain = chain,
	                      .rule = rule,
	                      .handle = before,
	                      .fresh = fresh,
	                      .at = rule->at};
}

/* What stays at the start and at the end of a chain; between them all is replaced. */
static void compare_chain(struct comparison *c, const struct chain *have,
                          const struct chain *wanted, struct rule_changes *changes)
{
	struct rules h = rules_of(c, c->have, have), w = rules_of(c, c->wanted, wanted);
	size_t least = have && wanted ? h.count < w.count ? h.count : w.count : 0;
	size_t first = 0, last = 0;

	if (c->error)
		return;
	while (first < least && rule_equal(c, h.items[first], w.items[first]))
		first++;
	while (last < least - first &&
	       rule_equal(c, h.items[h.count - last - 1], w.items[w.count - last - 1]))
		last++;

	if (have && have->unread && !have->foreign)
		delete_rule(c, changes, have, NULL);
	uint64_t before = last ? h.items[h.count - last]->handle : 0;
	for (size_t i = first; i + last < h.count; i++)
		delete_rule(c, changes, have, h.items[i]);
	for (size_t i = first; i + last < w.count; i++)
		add_rule(c, changes, wanted, w.items[i], before, !have);
}

void compare_rules(struct comparison *c, struct rule_changes *changes)
{
	ARRAY_FOREACH (chain, &c->have->chains)
		if (!staying_chain(c, chain))
			compare_chain(c, chain, NULL, changes);
	ARRAY_FOREACH (chain, &c->wanted->chains)
		compare_chain(c, chain_there(c, chain), chain, changes);
}
