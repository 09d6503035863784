/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/revoked.h"

#include "kernel/flow_set.h"
#include "ruleset/names.h"

static const struct flow_set revoked = {.name = set_revoked, .seconds = REVOKED_SECONDS};

int revoked_add(struct kernel *kernel, const struct flow *flows, size_t count)
{
	int r = flow_set_add(kernel, &revoked, flows, count);
	return r == FLOW_SET_FULL ? REVOKED_FULL : r;
}
