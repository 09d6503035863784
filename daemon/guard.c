/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard.h"

#include "kernel/generation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* After so long without a repair the next one is as quick as the first. */
#define CALM (10 * USEC_PER_SEC)

struct guard {
	guard_changed_t changed;
	void *userdata;
	struct generation_monitor *monitor;
	sd_event_source *readable;
	sd_event_source *timer;
	char process[PROCESS_NAME_MAX];
	uint32_t pid;
	usec_t wait;     /* before the next call */
	usec_t repaired; /* CLOCK_MONOTONIC of the last repair */
};

static int schedule(struct guard *guard)
{
	int enabled;
	int r = sd_event_source_get_enabled(guard->timer, &enabled);
	if (r < 0 || enabled != SD_EVENT_OFF)
		return r; /* a call is due already: it sees this change as well */
	r = sd_event_source_set_time_relative(guard->timer, guard->wait);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(guard->timer, SD_EVENT_ONESHOT);
}

static void take_event(const struct generation_event *event, void *userdata)
{
	struct guard *guard = userdata;
	if (event->pid == (uint32_t)getpid())
		return; /* our own commit */
	snprintf(guard->process, sizeof(guard->process), "%s", event->process);
	guard->pid = event->pid;
	(void)schedule(guard);
}

int guard_suspect(struct guard *guard)
{
	guard->process[0] = '\0';
	guard->pid = 0;
	return schedule(guard);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct guard *guard = userdata;
	/* Something was lost: anything may have changed. */
	if (generation_monitor_read(guard->monitor, take_event, guard) != 0)
		(void)guard_suspect(guard);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct guard *guard = userdata;
	if (time > guard->repaired + guard->wait + CALM)
		guard->wait = GUARD_WAIT;
	enum guard_result result = guard->changed(guard->process, guard->pid, guard->userdata);
	if (result == GUARD_CALM)
		return 0;
	/* Whoever fights back gets slower answers, and the gateway's processor its peace. */
	guard->repaired = time;
	guard->wait = guard->wait * 2 < GUARD_WAIT_MAX ? guard->wait * 2 : GUARD_WAIT_MAX;
	return result == GUARD_FAILED ? schedule(guard) : 0;
}

int guard_new(sd_event *event, guard_changed_t changed, void *userdata, struct guard **ret_guard)
{
	_cleanup_(guard_freep) struct guard *guard = calloc(1, sizeof(*guard));
	if (!guard)
		return -ENOMEM;
	guard->changed = changed;
	guard->userdata = userdata;
	guard->wait = GUARD_WAIT;

	int r = generation_monitor_open(&guard->monitor);
	if (r >= 0)
		r = sd_event_add_io(event, &guard->readable, generation_monitor_fd(guard->monitor),
		                    EPOLLIN, on_readable, guard);
	if (r >= 0)
		r = sd_event_add_time(event, &guard->timer, CLOCK_MONOTONIC, 0, 0, on_time, guard);
	if (r >= 0)
		r = sd_event_source_set_enabled(guard->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_guard = TAKE_POINTER(guard);
	return 0;
}

struct guard *guard_free(struct guard *guard)
{
	if (!guard)
		return NULL;
	sd_event_source_disable_unref(guard->timer);
	sd_event_source_disable_unref(guard->readable);
	generation_monitor_free(guard->monitor);
	free(guard);
	return NULL;
}
