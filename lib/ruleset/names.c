/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/names.h"

#include "base/array.h"

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

/* True for the name itself, and for what it is with a role behind it. */
static bool is_or_begins(const char *name, const char *own)
{
	size_t n = strlen(own);
	return strncmp(name, own, n) == 0 && (name[n] == '\0' || name[n] == '_');
}

bool counter_is_blocked(const char *name, enum reason reason)
{
	char own[COUNTER_NAME_MAX];
	return is_or_begins(name, counter_blocked(reason, NULL, own));
}

const char *counter_revoked(const char *role, char buffer[static COUNTER_NAME_MAX])
{
	snprintf(buffer, COUNTER_NAME_MAX, "revoked%s%s", role ? "_" : "", role ? role : "");
	return buffer;
}

bool counter_is_revoked(const char *name)
{
	char own[COUNTER_NAME_MAX];
	return is_or_begins(name, counter_revoked(NULL, own));
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

const char *set_revoked(enum family family)
{
	switch (family) {
	case FAMILY_IPV4:
		return "revoked4";
	case FAMILY_IPV6:
		return "revoked6";
	}
	abort(); /* no other value is ever made */
}

const char *set_contacted(enum family family)
{
	switch (family) {
	case FAMILY_IPV4:
		return "contacted4";
	case FAMILY_IPV6:
		return "contacted6";
	}
	abort(); /* no other value is ever made */
}

const char *set_known(enum family family)
{
	switch (family) {
	case FAMILY_IPV4:
		return "known_destination4";
	case FAMILY_IPV6:
		return "known_destination6";
	}
	abort(); /* no other value is ever made */
}

const char *set_picked_up(enum family family)
{
	switch (family) {
	case FAMILY_IPV4:
		return "picked_up4";
	case FAMILY_IPV6:
		return "picked_up6";
	}
	abort(); /* no other value is ever made */
}

static bool begins_with_one_of(const char *name, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

bool set_permits(const char *name)
{
	/* The services of a role or permit, and the addresses in its `to` and `from`. */
	static const char *const prefixes[] = {"outbound_", "inbound_", "network_",  "host_",
	                                       "hosts_of_", "range_",   CHAIN_PERMIT};
	return begins_with_one_of(name, prefixes, ELEMENTS_OF(prefixes));
}

bool set_quarantines(const char *name)
{
	static const char *const prefixes[] = {SET_QUARANTINED, CHAIN_QUARANTINE "."};
	return begins_with_one_of(name, prefixes, ELEMENTS_OF(prefixes));
}

bool chain_quarantines(const char *name)
{
	static const char *const prefixes[] = {CHAIN_QUARANTINE};
	return begins_with_one_of(name, prefixes, ELEMENTS_OF(prefixes));
}

bool chain_permits(const char *name)
{
	static const char *const prefixes[] = {CHAIN_PERMITTED, CHAIN_PERMIT, "throttle_",
	                                       CHAIN_CONTACT,   CHAIN_PICKUP, CHAIN_PICK_UP,
	                                       CHAIN_SWAPPED};
	return begins_with_one_of(name, prefixes, ELEMENTS_OF(prefixes));
}
