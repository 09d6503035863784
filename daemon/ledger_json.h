/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_LEDGER_JSON_H
#define EGRESSD_LEDGER_JSON_H

#include "track/ledger.h"

#include <jansson.h>

/* An entry of the ledger as the state file has it; a new reference, or NULL without memory. */
json_t *ledger_saved_to_json(const struct ledger_saved *saved);

/* Reads one; 0, or -EINVAL when it is none. */
int ledger_saved_from_json(const json_t *json, struct ledger_saved *ret_saved);

#endif
