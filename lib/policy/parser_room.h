/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_PARSER_ROOM_H
#define EGRESSD_POLICY_PARSER_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Inside the room: libconfig 1.5 does not look at what malloc(3) returns, and writes to address 0
 * when it was nothing. True when there is memory for all that it may ask for while it parses a text
 * of that length, and whatever else is alive meanwhile.
 */
bool room_to_parse(const char *text, size_t length);

#endif
