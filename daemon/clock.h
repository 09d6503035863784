/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CLOCK_H
#define EGRESSD_CLOCK_H

#include "base/time.h"

/* The time of day since 1970, for people and replies. */
usec_t clock_realtime(void);

/* Time that never jumps, for spans. */
usec_t clock_monotonic(void);

/* How many milliseconds of that have passed since then, which becomes now. */
double clock_milliseconds(usec_t *since);

/* Time that never jumps either, and goes on while the machine is suspended. */
usec_t clock_boottime(void);

/*
 * The time of day by which requests end. It never goes back and never stands still: when somebody
 * sets the clock back, what was asked for until noon ends after as many hours as before. When the
 * clock is set forward, it follows. Start from {}.
 */
struct lasting_clock {
	usec_t time;     /* the latest that it gave */
	usec_t boottime; /* and when that was */
};
usec_t lasting_clock_now(struct lasting_clock *clock);

/* It was that late already, as is known from somewhere else: it never goes back behind it. */
void lasting_clock_floor(struct lasting_clock *clock, usec_t time);

#endif
