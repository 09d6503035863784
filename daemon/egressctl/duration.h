/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_DURATION_H
#define EGRESSCTL_DURATION_H

#include <stdint.h>

/*
 * Reads how long something lasts, as people say it: "90s", "30min", "8h", "2h30m", "7d", "2w", "1 week". A
 * number always has its unit, and larger units come first. 0 with the seconds, -EINVAL for what is
 * no such span or none at all, -ERANGE for more than DURATION_MAX.
 */
int duration_parse(const char *text, int64_t *ret_seconds);

#define DURATION_MAX ((int64_t)3650 * 24 * 60 * 60) /* what the daemon takes */

/* How a duration is written, for help and complaints. */
#define DURATION_FORMS "90s, 30min, 2h30m, 7d or 2w"
#define DURATION_HINT  "say it as " DURATION_FORMS

#endif
