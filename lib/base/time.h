/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_TIME_H
#define EGRESSD_BASE_TIME_H

#include <stdint.h>

/*
 * Microseconds, as sd-event and Varlink replies have them: a span, or a point in time since 1970.
 * Nothing below the daemon reads a clock; whatever needs the time takes it as a parameter.
 */
typedef uint64_t usec_t;

#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_PER_MSEC ((usec_t)1000)

#endif
