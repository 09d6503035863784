/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTROL_JSON_TEXT_H
#define EGRESSD_CONTROL_JSON_TEXT_H

#include <jansson.h>

/*
 * The text of a value, from malloc; flags are those of json_dumps(3). NULL without memory for all
 * of it, and for NULL: json_dumps() of jansson 2.14 then leaves out keys and calls that a success.
 */
char *json_text(const json_t *value, size_t flags);

#endif
