/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

/*
 * Preloaded, it sets the clock of one program alone: control.value seconds are added to
 * CLOCK_REALTIME. EGRESSD_CLOCK_FAULTS names the file of struct control.
 */

static struct control *control;
static int (*next_clock_gettime)(clockid_t, struct timespec *);

static void look_up(void)
{
	if (!next_clock_gettime)
		*(void **)&next_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

__attribute__((constructor)) static void begin(void)
{
	look_up();
	control = control_map("EGRESSD_CLOCK_FAULTS");
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	look_up();
	int r = next_clock_gettime(id, now);
	if (r == 0 && control && control->armed &&
	    (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		now->tv_sec += control->value;
	return r;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	int r = clock_gettime(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return r;
}

time_t time(time_t *ret_now)
{
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	if (ret_now)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}
