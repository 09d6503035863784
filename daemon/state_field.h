/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_STATE_FIELD_H
#define EGRESSD_STATE_FIELD_H

#include "state_file.h"
#include "track/endpoint.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The value that the text of a state file is in JSON; the caller releases it. 0, STATE_FILE_BROKEN
 * with *wrong, or -ENOMEM.
 */
int state_value(const char *text, size_t length, struct state_wrong *wrong, json_t **ret_value);

/*
 * Fields of state files. Each reader makes *valid false for what is missing, or of no use, and
 * otherwise leaves it alone.
 */
uint64_t state_number(const json_t *object, const char *name, uint64_t max, bool *valid);
double state_real(const json_t *object, const char *name, bool *valid);

/* The text, borrowed; "" when it is invalid. It is one line of less than size bytes. */
const char *state_text(const json_t *object, const char *name, size_t size, bool *valid);

/* An address, a MAC, or an endpoint; false when there is none, which is valid. */
bool state_address(const json_t *object, const char *name, struct address *ret, bool *valid);
bool state_mac(const json_t *object, const char *name, struct mac *ret, bool *valid);
bool state_endpoint(const json_t *object, const char *name, struct endpoint *ret, bool *valid);

/* The number of a user or group; false when there is none, which is valid. */
bool state_id(const json_t *object, const char *name, uint32_t *ret, bool *valid);

/* The same as JSON; null for what is not there. */
json_t *state_from_address(bool has, const struct address *address);
json_t *state_from_mac(bool has, const struct mac *mac);
json_t *state_from_number(bool has, uint64_t number);
json_t *state_from_endpoint(bool has, const struct endpoint *endpoint);

#endif
