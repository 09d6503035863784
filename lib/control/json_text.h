/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTROL_JSON_TEXT_H
#define EGRESSD_CONTROL_JSON_TEXT_H

#include <jansson.h>

/*
 * The text of a value, from malloc; flags are those of json_dumps(3). NULL without memory for all
 * of it, and for NULL: json_dumps() of jansson 2.14 then leaves out keys and calls that a success.
 */
char *json_text(const json_t *value, size_t flags);

#define JSON_TEXT_WRONG 1 /* error says what is wrong with it */

/*
 * Reads a text, in which no key may come twice. 0: a new reference; JSON_TEXT_WRONG; -ENOMEM.
 * Jansson 2.14 writes past a string when memory runs out within it, so there has to be memory for
 * all that the text may need before it begins.
 */
int json_text_read(const char *text, size_t length, json_error_t *error, json_t **ret_value);

#endif
