/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clock.h"

#include <stdlib.h>
#include <time.h>

static usec_t read_clock(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) < 0)
		abort(); /* these clocks are always there */
	return (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000;
}

usec_t clock_realtime(void)
{
	return read_clock(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

usec_t clock_boottime(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

usec_t lasting_clock_now(struct lasting_clock *clock)
{
	usec_t boottime = clock_boottime(), realtime = clock_realtime();
	if (clock->boottime)
		clock->time += boottime - clock->boottime;
	if (clock->time < realtime)
		clock->time = realtime;
	clock->boottime = boottime;
	return clock->time;
}

void lasting_clock_floor(struct lasting_clock *clock, usec_t time)
{
	if (lasting_clock_now(clock) < time)
		clock->time = time;
}

double clock_milliseconds(usec_t *since)
{
	usec_t now = clock_monotonic();
	double milliseconds = (double)(now - *since) / (double)USEC_PER_MSEC;
	*since = now;
	return milliseconds;
}
