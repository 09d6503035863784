/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listening.h"

#include "event_socket.h"
#include "expiry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct listening {
	struct events *events;
	struct health *health;
	void (*retried)(void *userdata);
	void *userdata;
	struct expiry *retry;
	uint16_t group; /* the latest that was asked for */
};

/* Whoever had the group may have gone. */
static void on_retry(void *userdata)
{
	struct listening *listening = userdata;
	listening_to(listening, NULL, listening->group);
	listening->retried(listening->userdata);
}

int listening_new(sd_event *event, struct events *events, struct health *health,
                  void (*retried)(void *userdata), void *userdata,
                  struct listening **ret_listening)
{
	_cleanup_(listening_freep) struct listening *listening = calloc(1, sizeof(*listening));
	if (!listening)
		return -ENOMEM;
	listening->events = events;
	listening->health = health;
	listening->retried = retried;
	listening->userdata = userdata;
	int r = expiry_new(event, on_retry, listening, &listening->retry);
	if (r < 0)
		return r;
	*ret_listening = TAKE_POINTER(listening);
	return 0;
}

struct listening *listening_free(struct listening *listening)
{
	if (!listening)
		return NULL;
	expiry_free(listening->retry);
	free(listening);
	return NULL;
}

void listening_to(struct listening *listening, struct descriptors *descriptors, uint16_t group)
{
	listening->group = group;
	int r = event_socket_listen(listening->events, descriptors, group);
	if (r == EVENTS_GROUP_TAKEN)
		health_fault(listening->health, FAULT_EVENTS,
		             "NFLOG group %u is read by another program, so attempts are counted "
		             "but not listed; set gateway.nflog_group to a free one",
		             group);
	else if (r < 0)
		health_fault(listening->health, FAULT_EVENTS,
		             "NFLOG group %u cannot be read (%s), so attempts are counted but not "
		             "listed",
		             group, strerror(-r));
	else
		health_clear(listening->health, FAULT_EVENTS);
	expiry_until_done(listening->retry, r == 0);
}
