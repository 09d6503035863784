/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/diff.h"

#include <stdio.h>

static void print_step(const struct step *step, FILE *out)
{
	switch (step->kind) {
	case STEP_ADD_TABLE:
		fprintf(out, step->fresh ? "add table " TABLE_NAME "\n"
		                         : "set flags of table " TABLE_NAME "\n");
		return;
	case STEP_ADD_COUNTER:
		fprintf(out, "add counter %s\n", step->counter->name);
		return;
	case STEP_ADD_HELPER:
		fprintf(out, "add helper %s\n", step->helper->name);
		return;
	case STEP_ADD_CHAIN:
		fprintf(out, "add chain %s\n", step->chain->name);
		return;
	case STEP_SET_POLICY:
		fprintf(out, "set policy of chain %s to %s\n", step->chain->name,
		        step->chain->policy_drop ? "drop" : "accept");
		return;
	case STEP_ADD_SET:
		fprintf(out, "add set %s\n", step->set->name);
		return;
	case STEP_DELETE_RULE:
		fprintf(out, "delete %s of chain %s\n", step->all ? "all rules" : "a rule",
		        step->chain->name);
		return;
	case STEP_DELETE_ELEMENTS:
		fprintf(out, "delete %zu of set %s\n", step->element_count, step->set->name);
		return;
	case STEP_ADD_ELEMENTS:
		fprintf(out, "add %zu to set %s\n", step->element_count, step->set->name);
		return;
	case STEP_ADD_RULE:
		fprintf(out, "add a rule to chain %s%s\n", step->chain->name,
		        step->handle ? ", before another" : "");
		return;
	case STEP_DELETE_SET:
		fprintf(out, "delete set %s\n", step->set->name);
		return;
	case STEP_DELETE_CHAIN:
		fprintf(out, "delete chain %s\n", step->chain->name);
		return;
	case STEP_DELETE_COUNTER:
		fprintf(out, "delete counter %s\n", step->counter->name);
		return;
	case STEP_DELETE_HELPER:
		fprintf(out, "delete helper %s\n", step->helper->name);
		return;
	case STEP_DELETE_OBJECT:
		fprintf(out, "delete object %s\n", step->object->name);
		return;
	case STEP_DELETE_TABLE:
		fprintf(out, "delete table " TABLE_NAME "\n");
		return;
	}
}

void delta_print(const struct delta *delta, FILE *out)
{
	ARRAY_FOREACH (step, &delta->steps)
		print_step(step, out);
}
