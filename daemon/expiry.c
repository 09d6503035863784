/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "expiry.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define ACCURACY (10 * USEC_PER_MSEC)

struct expiry {
	void (*due)(void *userdata);
	void *userdata;
	sd_event_source *timer;
	usec_t wait; /* after the next failure */
};

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct expiry *expiry = userdata;
	expiry->due(expiry->userdata);
	return 0;
}

int expiry_new(sd_event *event, void (*due)(void *userdata), void *userdata,
               struct expiry **ret_expiry)
{
	_cleanup_(expiry_freep) struct expiry *expiry = calloc(1, sizeof(*expiry));
	if (!expiry)
		return -ENOMEM;
	expiry->due = due;
	expiry->userdata = userdata;
	expiry->wait = EXPIRY_RETRY;

	int r = sd_event_add_time(event, &expiry->timer, CLOCK_BOOTTIME, 0, ACCURACY, on_time,
	                          expiry);
	if (r >= 0)
		r = sd_event_source_set_enabled(expiry->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_expiry = TAKE_POINTER(expiry);
	return 0;
}

struct expiry *expiry_free(struct expiry *expiry)
{
	if (!expiry)
		return NULL;
	sd_event_source_disable_unref(expiry->timer);
	free(expiry);
	return NULL;
}

int expiry_in(struct expiry *expiry, usec_t span)
{
	int r = sd_event_source_set_time_relative(expiry->timer, span);
	return r < 0 ? r : sd_event_source_set_enabled(expiry->timer, SD_EVENT_ONESHOT);
}

void expiry_never(struct expiry *expiry)
{
	(void)sd_event_source_set_enabled(expiry->timer, SD_EVENT_OFF);
}

void expiry_again(struct expiry *expiry)
{
	(void)expiry_in(expiry, expiry->wait);
	expiry->wait = expiry->wait * 2 < EXPIRY_RETRY_MAX ? expiry->wait * 2 : EXPIRY_RETRY_MAX;
}

void expiry_calm(struct expiry *expiry)
{
	expiry->wait = EXPIRY_RETRY;
}

void expiry_until_done(struct expiry *expiry, bool done)
{
	if (!done) {
		expiry_again(expiry);
		return;
	}
	expiry_never(expiry);
	expiry_calm(expiry);
}
