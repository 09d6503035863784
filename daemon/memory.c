/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory.h"

#include "ledger_json.h"

#include <errno.h>

json_t *memory_to_json(const struct memory *memory)
{
	json_t *json = ledger_saved_to_json(&memory->saved);
	if (!json || !memory->beat_count)
		return json;
	json_t *beats = json_array();
	for (unsigned i = 0; i < memory->beat_count; i++)
		json_array_append_new(beats, json_integer((json_int_t)memory->beats[i]));
	if (json_object_set_new(json, "beats", beats) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

int memory_from_json(const json_t *json, struct memory *ret_memory)
{
	struct memory memory = {};
	int r = ledger_saved_from_json(json, &memory.saved);
	const json_t *beats = json_object_get(json, "beats"), *beat;
	size_t i;
	if (r < 0)
		return r;
	if ((beats && !json_is_array(beats)) || json_array_size(beats) > BEACON_BEATS)
		return -EINVAL;
	json_array_foreach(beats, i, beat)
	{
		json_int_t time = json_integer_value(beat);
		if (time <= 0 || (i > 0 && (usec_t)time < memory.beats[i - 1]))
			return -EINVAL;
		memory.beats[memory.beat_count++] = (usec_t)time;
	}
	*ret_memory = memory;
	return 0;
}
