/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/diff.h"
#include "ruleset/names.h"

#include <stdlib.h>
#include <string.h>

/* What a rule at the end of its matches does: let pass what would have gone on to be blocked? */
static bool rule_permits(const struct rule *rule)
{
	if (!rule->statement_count)
		return false;

	const struct statement *last = &rule->statements[rule->statement_count - 1];
	if (last->kind == VERDICT_ACCEPT || last->kind == VERDICT_RETURN)
		return true;
	return (last->kind == VERDICT_GOTO || last->kind == VERDICT_JUMP) &&
	       chain_permits(last->name);
}

/* What it denies never comes to where flows are judged, and what it denied were no flows. */
static bool is_of_quarantine(const struct step *step)
{
	return (step->set && set_quarantines(step->set->name)) ||
	       (step->chain && chain_quarantines(step->chain->name));
}

/* What the window has let in is judged as what was picked up, whether it is open or not. */
static bool is_of_window(const struct step *step)
{
	return (step->kind == STEP_ADD_ELEMENTS || step->kind == STEP_DELETE_ELEMENTS) &&
	       strcmp(step->set->name, SET_PICKUP_WINDOW) == 0;
}

bool step_can_deny(const struct delta *delta, const struct step *step)
{
	if (is_of_quarantine(step) || is_of_window(step))
		return false;
	switch (step->kind) {
	case STEP_ADD_CHAIN:
		return step->chain->hook != HOOK_NONE;
	case STEP_ADD_COUNTER:
	case STEP_ADD_HELPER:
	case STEP_ADD_SET:
		return false; /* without effect until a rule or an element leads to it */
	case STEP_ADD_ELEMENTS:
		return !step->fresh && !set_permits(step->set->name);
	case STEP_ADD_RULE:
		return !step->fresh && !rule_permits(step->rule);
	case STEP_ADD_TABLE:
		return step->fresh; /* flows may be older than the table */
	case STEP_SET_POLICY:
	case STEP_DELETE_RULE:
	case STEP_DELETE_ELEMENTS:
	case STEP_DELETE_SET:
	case STEP_DELETE_CHAIN:
	case STEP_DELETE_COUNTER:
	case STEP_DELETE_HELPER:
	case STEP_DELETE_OBJECT:
	case STEP_DELETE_TABLE:
		return true;
	}
	abort(); /* no other value is ever made */
}

bool delta_can_deny(const struct delta *delta)
{
	ARRAY_FOREACH (step, &delta->steps)
		if (step_can_deny(delta, step))
			return true;
	return false;
}
