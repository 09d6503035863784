/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_EVENT_SOCKET_H
#define EGRESSD_EVENT_SOCKET_H

#include "descriptors.h"
#include "events.h"

/*
 * events_listen() with the socket kept over a restart: the one that an earlier run left with
 * systemd is taken up, and one that is new is stored there, under the name of its group.
 * descriptors may be NULL. Returns as events_listen().
 */
int event_socket_listen(struct events *events, struct descriptors *descriptors, uint16_t group);

#endif
