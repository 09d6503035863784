/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_json.h"

#include "state_field.h"

#include <errno.h>
#include <string.h>

json_t *ledger_entry_to_json(const struct ledger_entry *entry)
{
	const struct endpoint to = {.address = entry->key.destination,
	                            .port = entry->key.port,
	                            .protocol = entry->key.protocol,
	                            .has_port = entry->key.has_port};
	return json_pack("{so so ss ss ss sI sI sI sI si so so so}", "source",
	                 state_from_address(true, &entry->key.source), "to",
	                 state_from_endpoint(true, &to), "reason",
	                 reason_name((enum reason)entry->key.reason), "host", ledger_host(entry),
	                 "role", ledger_role(entry), "attempts", (json_int_t)entry->attempts,
	                 "packets", (json_int_t)entry->packets, "first", (json_int_t)entry->first,
	                 "last", (json_int_t)entry->last, "source_port", entry->source_port, "mac",
	                 state_from_mac(entry->has_mac, &entry->mac), "uid",
	                 state_from_number(entry->has_uid, entry->uid), "gid",
	                 state_from_number(entry->has_uid, entry->gid));
}

int ledger_entry_from_json(const json_t *json, struct ledger_entry *ret_entry)
{
	struct ledger_entry entry = {};
	struct endpoint to = {};
	enum reason reason = REASON_ROLE;
	bool valid = true;

	if (!state_address(json, "source", &entry.key.source, &valid) ||
	    !state_endpoint(json, "to", &to, &valid))
		return -EINVAL;
	if (reason_parse(state_text(json, "reason", 32, &valid), &reason) < 0)
		return -EINVAL;
	entry.key.destination = to.address;
	entry.key.port = to.port;
	entry.key.protocol = to.protocol;
	entry.key.has_port = to.has_port;
	entry.key.reason = (uint8_t)reason;
	ledger_set_names(&entry, state_text(json, "host", LEDGER_NAME_BYTES, &valid),
	                 state_text(json, "role", LEDGER_NAME_BYTES, &valid));
	entry.attempts = state_number(json, "attempts", INT64_MAX, &valid);
	entry.packets = state_number(json, "packets", INT64_MAX, &valid);
	entry.first = state_number(json, "first", INT64_MAX, &valid);
	entry.last = state_number(json, "last", INT64_MAX, &valid);
	entry.source_port = (uint16_t)state_number(json, "source_port", UINT16_MAX, &valid);
	entry.has_mac = state_mac(json, "mac", &entry.mac, &valid);
	entry.has_uid = state_id(json, "uid", &entry.uid, &valid) &&
	                state_id(json, "gid", &entry.gid, &valid);
	if (!valid || !entry.packets || entry.last < entry.first ||
	    entry.key.source.family != entry.key.destination.family)
		return -EINVAL;
	*ret_entry = entry;
	return 0;
}
