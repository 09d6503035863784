/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_json.h"

#include "state_field.h"
#include "track/alarm.h"

#include <errno.h>
#include <string.h>

json_t *ledger_saved_to_json(const struct ledger_saved *saved)
{
	const struct ledger_noted *noted = &saved->noted;
	const struct endpoint to = {.address = noted->key.destination,
	                            .port = noted->key.port,
	                            .protocol = noted->key.protocol,
	                            .has_port = noted->key.has_port};
	return json_pack("{so so ss ss ss sI sI sI sI sI si so so so}", "source",
	                 state_from_address(true, &noted->key.source), "to",
	                 state_from_endpoint(true, &to), "reason",
	                 reason_name((enum reason)noted->key.reason), "host", saved->host, "role",
	                 saved->role, "attempts", (json_int_t)noted->attempts, "passed",
	                 (json_int_t)noted->passed, "packets", (json_int_t)noted->packets, "first",
	                 (json_int_t)noted->first, "last", (json_int_t)noted->last, "source_port",
	                 noted->source_port, "mac", state_from_mac(noted->has_mac, &noted->mac),
	                 "uid", state_from_number(noted->has_uid, noted->uid), "gid",
	                 state_from_number(noted->has_uid, noted->gid));
}

int ledger_saved_from_json(const json_t *json, struct ledger_saved *ret_saved)
{
	struct ledger_saved saved = {};
	struct ledger_noted *noted = &saved.noted;
	struct endpoint to = {};
	enum reason reason = REASON_ROLE;
	bool valid = true;

	if (!state_address(json, "source", &noted->key.source, &valid) ||
	    !state_endpoint(json, "to", &to, &valid))
		return -EINVAL;
	if (reason_parse(state_text(json, "reason", 32, &valid), &reason) < 0)
		return -EINVAL;
	noted->key.destination = to.address;
	noted->key.port = to.port;
	noted->key.protocol = to.protocol;
	noted->key.has_port = to.has_port;
	noted->key.reason = (uint8_t)reason;
	alarm_name(saved.host, sizeof(saved.host),
	           state_text(json, "host", sizeof(saved.host), &valid));
	alarm_name(saved.role, sizeof(saved.role),
	           state_text(json, "role", sizeof(saved.role), &valid));
	noted->attempts = state_number(json, "attempts", INT64_MAX, &valid);
	/* Files of earlier versions have none: what passed then is not known, and counts as none.
	 */
	if (json_object_get(json, "passed"))
		noted->passed =
		        state_number(json, "passed", LEDGER_PASSED_MAX, &valid) & LEDGER_PASSED_MAX;
	noted->packets = state_number(json, "packets", INT64_MAX, &valid);
	noted->first = state_number(json, "first", INT64_MAX, &valid);
	noted->last = state_number(json, "last", INT64_MAX, &valid);
	noted->source_port = (uint16_t)state_number(json, "source_port", UINT16_MAX, &valid);
	noted->has_mac = state_mac(json, "mac", &noted->mac, &valid);
	noted->has_uid = state_id(json, "uid", &noted->uid, &valid) &&
	                 state_id(json, "gid", &noted->gid, &valid);
	if (!valid || !noted->packets || noted->passed > noted->attempts ||
	    noted->last < noted->first || noted->key.source.family != noted->key.destination.family)
		return -EINVAL;
	*ret_saved = saved;
	return 0;
}
