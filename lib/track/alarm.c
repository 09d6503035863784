/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/alarm.h"

#include <errno.h>
#include <string.h>

static const char *const kinds[ALARM_KIND_COUNT] = {
        [ALARM_TRIPWIRE] = "tripwire",
        [ALARM_BEACON] = "beacon",
        [ALARM_SCAN] = "scan",
        [ALARM_PORTSCAN] = "portscan",
        [ALARM_TRW] = "trw",
        [ALARM_THROTTLE] = "throttle",
        [ALARM_UNASSIGNED] = "unassigned",
        [ALARM_IMPOSTOR] = "impostor",
        [ALARM_QUARANTINE] = "quarantine",
        [ALARM_TAMPER] = "tamper",
};

static const char *const severities[SEVERITY_COUNT] = {
        [SEVERITY_NOTICE] = "notice",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "critical",
};

static const char *const states[ALARM_STATE_COUNT] = {
        [ALARM_OPEN] = "open",
        [ALARM_ACKNOWLEDGED] = "acknowledged",
        [ALARM_CLEARED] = "cleared",
};

static int index_of(const char *const names[], unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -EINVAL;
}

const char *alarm_kind_name(enum alarm_kind kind)
{
	return kinds[kind];
}

const char *severity_name(enum severity severity)
{
	return severities[severity];
}

const char *alarm_state_name(enum alarm_state state)
{
	return states[state];
}

int alarm_kind_parse(const char *name, enum alarm_kind *ret_kind)
{
	int r = index_of(kinds, ALARM_KIND_COUNT, name);
	if (r < 0)
		return r;
	*ret_kind = (enum alarm_kind)r;
	return 0;
}

int severity_parse(const char *name, enum severity *ret_severity)
{
	int r = index_of(severities, SEVERITY_COUNT, name);
	if (r < 0)
		return r;
	*ret_severity = (enum severity)r;
	return 0;
}

int alarm_state_parse(const char *name, enum alarm_state *ret_state)
{
	int r = index_of(states, ALARM_STATE_COUNT, name);
	if (r < 0)
		return r;
	*ret_state = (enum alarm_state)r;
	return 0;
}

void alarm_name(char *buffer, size_t size, const char *string)
{
	size_t n = string ? strnlen(string, size - 1) : 0;
	if (n)
		memcpy(buffer, string, n);
	memset(buffer + n, 0, size - n);
}

struct alarm_cause alarm_host_cause(enum alarm_kind kind, const char *host, bool one_machine,
                                    const struct address *source)
{
	struct alarm_cause cause = {.kind = (uint8_t)kind};
	if (host && *host && one_machine) {
		alarm_name(cause.host, sizeof(cause.host), host);
	} else {
		cause.source = *source;
		cause.has_source = true;
	}
	return cause;
}
