/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *counter_permitted(const char *role, char buffer[static COUNTER_NAME_MAX])
{
	snprintf(buffer, COUNTER_NAME_MAX, "permitted_%s", role);
	return buffer;
}

const char *counter_blocked(enum reason reason, const char *role,
                            char buffer[static COUNTER_NAME_MAX])
{
	snprintf(buffer, COUNTER_NAME_MAX, "blocked_%s%s%s", reason_name(reason), role ? "_" : "",
	         role ? role : "");
	return buffer;
}

bool counter_is_blocked(const char *name, enum reason reason)
{
	char own[COUNTER_NAME_MAX];
	counter_blocked(reason, NULL, own);
	size_t n = strlen(own);
	return strncmp(name, own, n) == 0 && (name[n] == '\0' || name[n] == '_');
}

const char *set_blocked_source(enum family family)
{
	switch (family) {
	case FAMILY_IPV4:
		return "blocked_source4";
	case FAMILY_IPV6:
		return "blocked_source6";
	}
	abort(); /* no other value is ever made */
}
