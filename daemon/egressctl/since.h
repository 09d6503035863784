/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_SINCE_H
#define EGRESSCTL_SINCE_H

#include "base/time.h"

/*
 * Reads a time as people say it: "10min", "1h30m", "3 days" (before now, as of duration_parse()),
 * "today", "yesterday", "2026-11-22", "2026-11-22 14:00", "2026-11-22 14:00:30" or "14:00" (today),
 * local time. 0 or -EINVAL.
 */
int since_parse(const char *text, usec_t now, usec_t *ret_time);

#endif
