/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/encode.h"

#include <stdio.h>

/* " ADDRESSES" for a set of addresses; other keys would tell nobody more than the set's name. */
static const char *element_text(const struct set *set, const struct element *element,
                                char buffer[static RANGE_TEXT_MAX + 2])
{
	struct address_range range;
	char text[RANGE_TEXT_MAX];
	enum family family = set->type == SET_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;

	buffer[0] = '\0';
	if (!element || (set->type != SET_IPV4 && set->type != SET_IPV6))
		return buffer;
	range.from = address_from_bytes(family, element->from);
	range.to = address_from_bytes(family, set->interval ? element->to : element->from);
	snprintf(buffer, RANGE_TEXT_MAX + 2, " %s", range_print(&range, text));
	return buffer;
}

const char *step_describe(const struct step *step, const struct element *element,
                          char buffer[static STEP_TEXT_MAX])
{
	char text[RANGE_TEXT_MAX + 2];

	switch (step->kind) {
	case STEP_ADD_TABLE:
		snprintf(buffer, STEP_TEXT_MAX, "%s the table " TABLE_NAME,
		         step->fresh ? "add" : "take over");
		return buffer;
	case STEP_ADD_COUNTER:
		snprintf(buffer, STEP_TEXT_MAX, "add the counter %s", step->counter->name);
		return buffer;
	case STEP_ADD_HELPER:
		snprintf(buffer, STEP_TEXT_MAX, "add the ct helper %s of type %s",
		         step->helper->name, step->helper->kind);
		return buffer;
	case STEP_ADD_CHAIN:
		snprintf(buffer, STEP_TEXT_MAX, "add the chain %s", step->chain->name);
		return buffer;
	case STEP_SET_POLICY:
		snprintf(buffer, STEP_TEXT_MAX, "set the policy of the chain %s",
		         step->chain->name);
		return buffer;
	case STEP_ADD_SET:
		snprintf(buffer, STEP_TEXT_MAX, "add the set %s", step->set->name);
		return buffer;
	case STEP_DELETE_RULE:
		if (!step->all)
			snprintf(buffer, STEP_TEXT_MAX,
			         "delete the rule with handle %llu of the chain %s",
			         (unsigned long long)step->handle, step->chain->name);
		else
			snprintf(buffer, STEP_TEXT_MAX, "delete the rules of the chain %s",
			         step->chain->name);
		return buffer;
	case STEP_DELETE_ELEMENTS:
		snprintf(buffer, STEP_TEXT_MAX, "delete the element%s of the set %s",
		         element_text(step->set, element, text), step->set->name);
		return buffer;
	case STEP_ADD_ELEMENTS:
		snprintf(buffer, STEP_TEXT_MAX, "add the element%s to the set %s",
		         element_text(step->set, element, text), step->set->name);
		return buffer;
	case STEP_ADD_RULE:
		snprintf(buffer, STEP_TEXT_MAX, "add a rule%s%s%s to the chain %s",
		         step->rule->comment ? " \"" : "",
		         step->rule->comment ? step->rule->comment : "",
		         step->rule->comment ? "\"" : "", step->chain->name);
		return buffer;
	case STEP_DELETE_SET:
		snprintf(buffer, STEP_TEXT_MAX, "delete the set %s", step->set->name);
		return buffer;
	case STEP_DELETE_CHAIN:
		snprintf(buffer, STEP_TEXT_MAX, "delete the chain %s", step->chain->name);
		return buffer;
	case STEP_DELETE_COUNTER:
		snprintf(buffer, STEP_TEXT_MAX, "delete the counter %s", step->counter->name);
		return buffer;
	case STEP_DELETE_HELPER:
		snprintf(buffer, STEP_TEXT_MAX, "delete the ct helper %s", step->helper->name);
		return buffer;
	case STEP_DELETE_OBJECT:
		snprintf(buffer, STEP_TEXT_MAX, "delete the object %s", step->object->name);
		return buffer;
	case STEP_DELETE_TABLE:
		snprintf(buffer, STEP_TEXT_MAX, "delete the table " TABLE_NAME);
		return buffer;
	}
	abort(); /* no other value is ever made */
}
