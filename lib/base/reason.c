/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *reason_name(enum reason reason)
{
	switch (reason) {
	case REASON_QUARANTINE:
		return "quarantine";
	case REASON_SPOOFED:
		return "spoofed";
	case REASON_UNASSIGNED:
		return "unassigned";
	case REASON_IMPOSTOR:
		return "impostor";
	case REASON_BLOCKLIST:
		return "blocklist";
	case REASON_ROLE:
		return "role";
	case REASON_THROTTLE:
		return "throttle";
	case REASON_INBOUND:
		return "inbound";
	}
	abort(); /* no other value is ever made */
}

int reason_parse(const char *name, enum reason *ret_reason)
{
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		if (strcmp(reason_name((enum reason)i), name) == 0) {
			*ret_reason = (enum reason)i;
			return 0;
		}
	}
	return -EINVAL;
}
