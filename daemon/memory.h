/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_MEMORY_H
#define EGRESSD_MEMORY_H

#include "track/beacon.h"
#include "track/ledger.h"

#include <jansson.h>

/* An entry of the ledger, and when it was tried: what the detectors need to go on after a restart.
 */
struct memory {
	struct ledger_saved saved;
	unsigned beat_count;
	usec_t beats[BEACON_BEATS]; /* see beacons_beats() */
};

/* A new reference, or NULL without memory. */
json_t *memory_to_json(const struct memory *memory);

/* 0, or -EINVAL for what is none. Files of earlier versions have no beats. */
int memory_from_json(const json_t *json, struct memory *ret_memory);

#endif
