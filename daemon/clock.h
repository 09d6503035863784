/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CLOCK_H
#define EGRESSD_CLOCK_H

#include "base/time.h"

/* The time of day since 1970, for people and replies. */
usec_t clock_realtime(void);

/* Time that never jumps, for spans. */
usec_t clock_monotonic(void);

#endif
