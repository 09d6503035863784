/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/diff.h"

#include <errno.h>
#include <stdlib.h>

/* True for a step that makes what nothing leads to before another step does. */
static bool prepares(const struct step *step)
{
	switch (step->kind) {
	case STEP_ADD_COUNTER:
	case STEP_ADD_HELPER:
	case STEP_ADD_SET:
		return true;
	case STEP_ADD_CHAIN:
		return step->chain->hook == HOOK_NONE;
	case STEP_ADD_ELEMENTS:
		return step->fresh;
	case STEP_ADD_RULE:
		return step->fresh && step->chain->hook == HOOK_NONE;
	case STEP_ADD_TABLE:
	case STEP_SET_POLICY:
	case STEP_DELETE_RULE:
	case STEP_DELETE_ELEMENTS:
	case STEP_DELETE_SET:
	case STEP_DELETE_CHAIN:
	case STEP_DELETE_COUNTER:
	case STEP_DELETE_HELPER:
	case STEP_DELETE_OBJECT:
	case STEP_DELETE_TABLE:
		return false;
	}
	abort(); /* no other value is ever made */
}

static bool is_needed(const struct delta *delta)
{
	bool chains = false, leads = false;

	ARRAY_FOREACH (step, &delta->steps) {
		/* Without a table no packets; and a set must not be made beside its namesake. */
		if ((step->kind == STEP_ADD_TABLE && step->fresh) ||
		    step->kind == STEP_DELETE_TABLE || step->kind == STEP_DELETE_SET)
			return false;
		chains = chains || (step->kind == STEP_ADD_CHAIN && prepares(step));
		leads = leads ||
		        (step->kind == STEP_ADD_ELEMENTS && step->set->map && !step->fresh);
	}
	return chains && leads;
}

static void count(struct delta *delta, const struct step *step)
{
	delta->sets_added += step->kind == STEP_ADD_SET;
	delta->chains_added += step->kind == STEP_ADD_CHAIN;
	delta->rules_added += step->kind == STEP_ADD_RULE;
	if (step->kind == STEP_ADD_ELEMENTS)
		delta->elements_added += step->element_count;
}

int delta_preparation(const struct delta *delta, struct delta **ret_preparation)
{
	_cleanup_(delta_freep) struct delta *preparation = NULL;

	if (!is_needed(delta)) {
		*ret_preparation = NULL;
		return 0;
	}
	preparation = calloc(1, sizeof(*preparation));
	if (!preparation)
		return -ENOMEM;
	ARRAY_FOREACH (step, &delta->steps) {
		if (!prepares(step))
			continue;
		struct step *slot = ARRAY_ADD(&preparation->steps);
		if (!slot)
			return -ENOMEM;
		*slot = *step;
		count(preparation, step);
	}
	*ret_preparation = TAKE_POINTER(preparation);
	return 0;
}
