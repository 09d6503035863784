/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/tampering.h"

#include "base/printable.h"
#include "ruleset/names.h"

#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_MOST     3
#define NAME_MAX_TEXT 40

struct tale {
	FILE *out;
	size_t told, untold;
};

static void tell(struct tale *tale, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct tale *tale, const char *format, ...)
{
	va_list arguments;

	if (tale->told == TOLD_MOST) {
		tale->untold++;
		return;
	}
	if (tale->told++)
		fputs(", ", tale->out);
	va_start(arguments, format);
	vfprintf(tale->out, format, arguments);
	va_end(arguments);
}

/* How many steps of that kind are about that chain, from that step on. */
static size_t rule_steps(const struct delta *delta, enum step_kind kind, const char *chain)
{
	size_t count = 0;

	ARRAY_FOREACH (step, &delta->steps)
		count += step->kind == kind && strcmp(step->chain->name, chain) == 0;
	return count;
}

static const struct step *chain_step(const struct delta *delta, enum step_kind kind,
                                     const char *name)
{
	ARRAY_FOREACH (step, &delta->steps)
		if (step->kind == kind && strcmp(step->chain->name, name) == 0)
			return step;
	return NULL;
}

static const struct step *set_step(const struct delta *delta, enum step_kind kind, const char *name)
{
	ARRAY_FOREACH (step, &delta->steps)
		if (step->kind == kind && strcmp(step->set->name, name) == 0)
			return step;
	return NULL;
}

static bool is_made_anew(const struct delta *delta, const struct helper *helper)
{
	ARRAY_FOREACH (step, &delta->steps)
		if (step->kind == STEP_ADD_HELPER && strcmp(step->helper->name, helper->name) == 0)
			return true;
	return false;
}

/* A rule that is to go was added, and the other way round; each chain is told of once. */
static void tell_rules(struct tale *tale, const struct delta *delta, const struct step *step)
{
	const char *chain = step->chain->name;
	size_t added = rule_steps(delta, STEP_DELETE_RULE, chain);
	size_t deleted = rule_steps(delta, STEP_ADD_RULE, chain);
	char name[NAME_MAX_TEXT];

	if (chain_step(delta, STEP_DELETE_CHAIN, chain) || chain_step(delta, STEP_ADD_CHAIN, chain))
		return; /* the chain itself is told of */
	if (chain_step(delta, added ? STEP_DELETE_RULE : STEP_ADD_RULE, chain) != step)
		return;
	printable(chain, name, sizeof(name));
	if (added && deleted)
		tell(tale, "changed rules of chain %s", name);
	else if (added)
		tell(tale, "added %zu rule%s to chain %s", added, added == 1 ? "" : "s", name);
	else
		tell(tale, "deleted %zu rule%s of chain %s", deleted, deleted == 1 ? "" : "s",
		     name);
}

static void tell_elements(struct tale *tale, const struct delta *delta, const struct step *step)
{
	bool added = step->kind == STEP_DELETE_ELEMENTS;
	char name[NAME_MAX_TEXT];
	size_t count = 0;

	if (set_step(delta, STEP_ADD_SET, step->set->name) ||
	    set_step(delta, STEP_DELETE_SET, step->set->name) ||
	    set_step(delta, step->kind, step->set->name) != step)
		return;
	ARRAY_FOREACH (other, &delta->steps)
		if (other->kind == step->kind && strcmp(other->set->name, step->set->name) == 0)
			count += other->element_count;
	tell(tale, "%s %zu element%s %s set %s", added ? "added" : "deleted", count,
	     count == 1 ? "" : "s", added ? "to" : "of",
	     printable(step->set->name, name, sizeof(name)));
}

static void tell_step(struct tale *tale, const struct delta *delta, const struct ruleset *have,
                      const struct step *step)
{
	char name[NAME_MAX_TEXT];

	switch (step->kind) {
	case STEP_ADD_TABLE:
		if (have->flags & NFT_TABLE_F_DORMANT)
			tell(tale, "made the table dormant");
		return;
	case STEP_SET_POLICY:
		tell(tale, "set the policy of chain %s to %s", step->chain->name,
		     step->chain->policy_drop ? "accept" : "drop");
		return;
	case STEP_DELETE_CHAIN:
		printable(step->chain->name, name, sizeof(name));
		if (chain_step(delta, STEP_ADD_CHAIN, step->chain->name))
			tell(tale, "changed chain %s", name);
		else
			tell(tale, "added chain %s", name);
		return;
	case STEP_ADD_CHAIN:
		if (!chain_step(delta, STEP_DELETE_CHAIN, step->chain->name))
			tell(tale, "deleted chain %s", step->chain->name);
		return;
	case STEP_DELETE_SET:
		printable(step->set->name, name, sizeof(name));
		if (set_step(delta, STEP_ADD_SET, step->set->name))
			tell(tale, "changed set %s", name);
		else
			tell(tale, "added set %s", name);
		return;
	case STEP_ADD_SET:
		if (!set_step(delta, STEP_DELETE_SET, step->set->name))
			tell(tale, "deleted set %s", step->set->name);
		return;
	case STEP_DELETE_RULE:
	case STEP_ADD_RULE:
		tell_rules(tale, delta, step);
		return;
	case STEP_DELETE_ELEMENTS:
	case STEP_ADD_ELEMENTS:
		tell_elements(tale, delta, step);
		return;
	case STEP_ADD_COUNTER:
		tell(tale, "deleted counter %s", step->counter->name);
		return;
	case STEP_DELETE_COUNTER:
		tell(tale, "added counter %s", printable(step->counter->name, name, sizeof(name)));
		return;
	case STEP_ADD_HELPER:
		tell(tale, "deleted or changed ct helper %s", step->helper->name);
		return;
	case STEP_DELETE_HELPER:
		if (!is_made_anew(delta, step->helper))
			tell(tale, "added ct helper %s",
			     printable(step->helper->name, name, sizeof(name)));
		return;
	case STEP_DELETE_OBJECT:
		tell(tale, "added object %s", printable(step->object->name, name, sizeof(name)));
		return;
	case STEP_DELETE_TABLE:
		return; /* never to put anything right */
	}
	abort(); /* no other value is ever made */
}

const char *tampering_text(const struct delta *delta, const struct ruleset *have,
                           char buffer[static TAMPERING_TEXT_MAX])
{
	struct tale tale = {.out = fmemopen(buffer, TAMPERING_TEXT_MAX, "w")};

	buffer[0] = '\0';
	if (!tale.out)
		return buffer;
	if (!have || !have->exists) {
		tell(&tale, "deleted the table");
	} else {
		ARRAY_FOREACH (step, &delta->steps)
			tell_step(&tale, delta, have, step);
	}
	if (tale.untold)
		fprintf(tale.out, " and %zu more", tale.untold);
	fclose(tale.out);
	buffer[TAMPERING_TEXT_MAX - 1] = '\0';
	return buffer;
}

bool delta_is_of_ends(const struct delta *delta, uint64_t seconds)
{
	ARRAY_FOREACH (step, &delta->steps) {
		if (step->kind != STEP_ADD_ELEMENTS || !step->set->timed)
			return false;
		for (size_t i = 0; i < step->element_count; i++) {
			uint32_t timeout = step->elements[i].life->timeout;
			if (!timeout || timeout > seconds)
				return false;
		}
	}
	return true;
}

/* Of a set of requests that comes or goes with this delta, as with the first of a role. */
static bool asks_set_of_requests(const struct delta *delta, const struct rule *rule)
{
	for (size_t i = 0; rule && i < rule->code.count; i++) {
		const struct op *op = &rule->code.ops[i];
		if (op->kind != OP_LOOKUP)
			continue;
		const struct step *step = set_step(delta, STEP_DELETE_SET, op->name);
		if (!step)
			step = set_step(delta, STEP_ADD_SET, op->name);
		if (step && step->set->timed)
			return true;
	}
	return false;
}

/* What is done for a request, but for a permit's chain. */
static bool step_is_of_requests(const struct delta *delta, const struct step *step)
{
	switch (step->kind) {
	case STEP_ADD_TABLE:
		return true;
	case STEP_ADD_SET:
	case STEP_DELETE_SET:
	case STEP_ADD_ELEMENTS:
	case STEP_DELETE_ELEMENTS:
		return step->set->timed;
	case STEP_ADD_RULE:
	case STEP_DELETE_RULE:
		return asks_set_of_requests(delta, step->rule);
	case STEP_ADD_CHAIN:
	case STEP_ADD_COUNTER:
	case STEP_ADD_HELPER:
	case STEP_SET_POLICY:
	case STEP_DELETE_CHAIN:
	case STEP_DELETE_COUNTER:
	case STEP_DELETE_HELPER:
	case STEP_DELETE_OBJECT:
	case STEP_DELETE_TABLE:
		return false;
	}
	abort(); /* no other value is ever made */
}

bool delta_is_of_requests(const struct delta *delta)
{
	bool others = false;
	ARRAY_FOREACH (step, &delta->steps) {
		if ((step->kind == STEP_DELETE_CHAIN || step->kind == STEP_ADD_CHAIN) &&
		    strncmp(step->chain->name, CHAIN_PERMIT, strlen(CHAIN_PERMIT)) == 0)
			return true;
		others |= !step_is_of_requests(delta, step);
	}
	return !others;
}
