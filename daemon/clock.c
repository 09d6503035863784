/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clock.h"

#include <stdlib.h>
#include <time.h>

static usec_t read_clock(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) < 0)
		abort(); /* both clocks are always there */
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
