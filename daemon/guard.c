/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct guard {
	const struct kernel *kernel;
	guard_look_t look;
	guard_calm_t calm;
	void *userdata;
	struct generation_monitor *monitor;
	sd_event_source *readable;
	sd_event_source *due;     /* the next look because of a suspicion; off: there is none */
	sd_event_source *routine; /* the next one without */
	sd_event_source *quiet;   /* when a row of repairs is over */
	struct suspicion suspicion;
	usec_t rested; /* CLOCK_MONOTONIC, not before which the next look is */
	usec_t wait;   /* between two repairs in a row */
	usec_t retry;
	unsigned repairs; /* in the present row */
	unsigned looks;   /* routine ones */
};

static bool is_on(sd_event_source *source)
{
	int enabled = SD_EVENT_OFF;
	return sd_event_source_get_enabled(source, &enabled) >= 0 && enabled != SD_EVENT_OFF;
}

static int arm(sd_event_source *source, usec_t at)
{
	int r = sd_event_source_set_time(source, at);
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static usec_t doubled(usec_t wait, usec_t most)
{
	return wait * 2 < most ? wait * 2 : most;
}

/* Looks now; how that ends decides when it may be looked again. */
static void look_now(struct guard *guard, struct suspicion suspicion)
{
	usec_t started = clock_monotonic();
	guard->suspicion = (struct suspicion){};
	suspicion.before = guard->repairs;
	enum guard_result result = guard->look(&suspicion, guard->userdata);

	usec_t now = clock_monotonic();
	guard->rested = now + GUARD_REST * (now - started);
	switch (result) {
	case GUARD_CALM_TABLE:
		guard->retry = GUARD_RETRY;
		return;
	case GUARD_REPAIRED:
		guard->retry = GUARD_RETRY;
		if (guard->rested < now + guard->wait)
			guard->rested = now + guard->wait;
		/* Whoever fights back gets slower answers, and the processor its peace. */
		guard->wait = doubled(guard->wait, GUARD_WAIT_MAX);
		guard->repairs++;
		(void)arm(guard->quiet, now + GUARD_CALM);
		return;
	case GUARD_FAILED:
		/* It is the same suspicion still. */
		suspicion.routine = false;
		guard->suspicion = suspicion;
		(void)arm(guard->due, now + guard->retry);
		guard->retry = doubled(guard->retry, GUARD_RETRY_MAX);
		return;
	}
}

static int on_due(sd_event_source *source, uint64_t time, void *userdata)
{
	struct guard *guard = userdata;
	look_now(guard, guard->suspicion);
	return 0;
}

static int on_routine(sd_event_source *source, uint64_t time, void *userdata)
{
	struct guard *guard = userdata;
	(void)arm(source, clock_monotonic() + GUARD_EVERY);
	if (!is_on(guard->due))
		look_now(guard, (struct suspicion){.noticed = clock_monotonic(),
		                                   .routine = true,
		                                   .whole = ++guard->looks % GUARD_WHOLE == 0});
	return 0;
}

static int on_quiet(sd_event_source *source, uint64_t time, void *userdata)
{
	struct guard *guard = userdata;
	guard->wait = GUARD_WAIT;
	guard->repairs = 0;
	guard->calm(guard->userdata);
	return 0;
}

/* There is something to look at: now, or as soon as it may be. */
static int look_soon(struct guard *guard)
{
	usec_t now = clock_monotonic();
	if (is_on(guard->due))
		return 0; /* the look that is due sees this change as well */
	if (now < guard->rested)
		return arm(guard->due, guard->rested);
	look_now(guard, guard->suspicion);
	return 0;
}

static void suspect(struct guard *guard, const char *process, uint32_t pid)
{
	struct suspicion *suspicion = &guard->suspicion;
	if (!suspicion->noticed)
		suspicion->noticed = clock_monotonic();
	else if (suspicion->pid != pid)
		suspicion->others = true;
	snprintf(suspicion->process, sizeof(suspicion->process), "%s", process);
	suspicion->pid = pid;
}

static void take_event(const struct generation_event *event, void *userdata)
{
	struct guard *guard = userdata;
	/* In a container our pid is another one than the kernel says. */
	if (event->pid == (uint32_t)getpid() || kernel_is_ours(guard->kernel, event->generation))
		return;
	suspect(guard, event->process, event->pid);
}

int guard_suspect(struct guard *guard)
{
	suspect(guard, "", 0);
	return look_soon(guard);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct guard *guard = userdata;
	/* Something was lost: anything may have changed. */
	if (generation_monitor_read(guard->monitor, take_event, guard) != 0)
		suspect(guard, "", 0);
	if (guard->suspicion.noticed)
		(void)look_soon(guard);
	return 0;
}

static int add_timer(sd_event *event, usec_t accuracy, sd_event_time_handler_t handler,
                     struct guard *guard, sd_event_source **ret_source)
{
	int r = sd_event_add_time(event, ret_source, CLOCK_MONOTONIC, 0, accuracy, handler, guard);
	return r < 0 ? r : sd_event_source_set_enabled(*ret_source, SD_EVENT_OFF);
}

int guard_new(sd_event *event, const struct kernel *kernel, guard_look_t look, guard_calm_t calm,
              void *userdata, struct guard **ret_guard)
{
	_cleanup_(guard_freep) struct guard *guard = calloc(1, sizeof(*guard));
	if (!guard)
		return -ENOMEM;
	guard->kernel = kernel;
	guard->look = look;
	guard->calm = calm;
	guard->userdata = userdata;
	guard->wait = GUARD_WAIT;
	guard->retry = GUARD_RETRY;

	int r = generation_monitor_open(&guard->monitor);
	if (r >= 0)
		r = sd_event_add_io(event, &guard->readable, generation_monitor_fd(guard->monitor),
		                    EPOLLIN, on_readable, guard);
	/* A flood of events of what was blocked must not keep the gateway open. */
	if (r >= 0)
		r = sd_event_source_set_priority(guard->readable, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = add_timer(event, 1, on_due, guard, &guard->due);
	if (r >= 0)
		r = sd_event_source_set_priority(guard->due, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = add_timer(event, 0, on_routine, guard, &guard->routine);
	if (r >= 0)
		r = arm(guard->routine, clock_monotonic() + GUARD_EVERY);
	if (r >= 0)
		r = add_timer(event, 0, on_quiet, guard, &guard->quiet);
	if (r < 0)
		return r;
	*ret_guard = TAKE_POINTER(guard);
	return 0;
}

struct guard *guard_free(struct guard *guard)
{
	if (!guard)
		return NULL;
	sd_event_source_disable_unref(guard->quiet);
	sd_event_source_disable_unref(guard->routine);
	sd_event_source_disable_unref(guard->due);
	sd_event_source_disable_unref(guard->readable);
	generation_monitor_free(guard->monitor);
	free(guard);
	return NULL;
}
