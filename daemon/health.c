/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void health_fault(struct health *health, enum fault fault, const char *format, ...)
{
	char *text;
	va_list arguments;
	va_start(arguments, format);
	int r = vasprintf(&text, format, arguments);
	va_end(arguments);

	free(health->faults[fault]);
	health->faults[fault] = r < 0 ? strdup("something is wrong, and memory is short") : text;
}

void health_clear(struct health *health, enum fault fault)
{
	free(health->faults[fault]);
	health->faults[fault] = NULL;
}

void health_notice(struct health *health, enum notice notice, const char *text)
{
	free(health->notices[notice]);
	health->notices[notice] = text ? strdup(text) : NULL;
}

static enum state state_of(const struct health *health)
{
	if (!health->has_policy)
		return STATE_CLOSED;
	for (size_t i = 0; i < FAULT_COUNT; i++)
		if (health->faults[i])
			return STATE_DEGRADED;
	return health->audit ? STATE_AUDIT : STATE_ENFORCING;
}

bool health_update(struct health *health, usec_t now)
{
	enum state state = state_of(health);
	if (health->since && state == health->state)
		return false;
	health->state = state;
	health->since = now;
	return true;
}

const char *state_name(enum state state)
{
	switch (state) {
	case STATE_CLOSED:
		return "closed";
	case STATE_DEGRADED:
		return "degraded";
	case STATE_AUDIT:
		return "audit";
	case STATE_ENFORCING:
		return "enforcing";
	}
	abort(); /* no other value is ever made */
}

void health_done(struct health *health)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		free(health->faults[i]);
	for (size_t i = 0; i < NOTICE_COUNT; i++)
		free(health->notices[i]);
	*health = (struct health){};
}
