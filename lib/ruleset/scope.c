/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/scope.h"

#include <errno.h>
#include <stdlib.h>

void scope_done(struct scope *scope)
{
	ARRAY_DONE(&scope->ranges);
	*scope = (struct scope){};
}

/* The family of the address with which keys of that type begin; false when they have none. */
static bool key_family(enum set_type type, enum family *ret_family)
{
	switch (type) {
	case SET_IPV4:
	case SET_IPV4_SERVICE:
	case SET_IPV4_ETHER:
		*ret_family = FAMILY_IPV4;
		return true;
	case SET_IPV6:
	case SET_IPV6_SERVICE:
	case SET_IPV6_ETHER:
		*ret_family = FAMILY_IPV6;
		return true;
	case SET_IFNAME:
	case SET_PROTOCOL:
	case SET_PORT:
	case SET_ICMP_TYPE:
	case SET_ICMPV6_TYPE:
	case SET_ETHER:
	case SET_SERVICE:
	case SET_IPV4_PAIR:
	case SET_IPV6_PAIR:
	case SET_IPV4_FLOW:
	case SET_IPV6_FLOW:
		return false;
	}
	abort(); /* no other value is ever made */
}

static int add_elements(struct scope *scope, const struct step *step)
{
	enum family family;

	if (!key_family(step->set->type, &family)) {
		scope->all = true;
		return 0;
	}
	for (size_t i = 0; i < step->element_count; i++) {
		const struct element *element = &step->elements[i];
		struct address_range *range = ARRAY_ADD(&scope->ranges);
		if (!range)
			return -ENOMEM;
		range->from = address_from_bytes(family, element->from);
		range->to =
		        step->set->interval ? address_from_bytes(family, element->to) : range->from;
	}
	return 0;
}

int delta_scope(const struct delta *delta, struct scope *ret_scope)
{
	struct scope scope = {};
	int r = 0;

	ARRAY_FOREACH (step, &delta->steps) {
		if (!step_can_deny(delta, step))
			continue;
		if (step->kind == STEP_ADD_ELEMENTS || step->kind == STEP_DELETE_ELEMENTS)
			r = add_elements(&scope, step);
		else
			scope.all = true;
		if (r < 0 || scope.all)
			break;
	}
	if (r < 0 || scope.all)
		ARRAY_DONE(&scope.ranges);
	if (r < 0)
		return r;
	scope.ranges.count = ranges_merge(scope.ranges.items, scope.ranges.count);
	*ret_scope = scope;
	return 0;
}

bool scope_contains(const struct scope *scope, const struct address *address)
{
	size_t low = 0, high = scope->ranges.count;

	if (scope->all)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&scope->ranges.items[middle].from, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low && range_contains(&scope->ranges.items[low - 1], address);
}
