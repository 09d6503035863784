/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_DETECTION_LIMITS_H
#define EGRESSD_DETECTION_LIMITS_H

#include "policy/detection.h"
#include "track/thresholds.h"

/* The thresholds of a role (NULL: of who has none): its own, else those of all, else standard. */
struct thresholds thresholds_of(const struct detection *all, const struct detection *own);

#endif
