/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_ROOM_H
#define EGRESSD_BASE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True when malloc(3) has that many bytes: to be asked before a library begins that does not look
 * at what it gets, and that nobody takes them from meanwhile.
 */
bool room_for(size_t bytes);

#endif
