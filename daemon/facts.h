/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_FACTS_H
#define EGRESSD_FACTS_H

#include "base/cleanup.h"
#include "intake.h"
#include "policy/policy.h"
#include "track/detect.h"

/*
 * What the detectors are to know about the sources of attempts, out of the policy in force: worked
 * out once for each role, so that an attempt only looks it up.
 */
struct facts;

/* NULL for no policy. 0 or -ENOMEM. */
int facts_new(const struct policy *policy, struct facts **ret_facts);

/* Takes NULL, returns NULL. */
struct facts *facts_free(struct facts *facts);
DEFINE_CLEANUP(struct facts *, facts_free)

/* About the source of an attempt that was seen at `now`; they last until the next call. */
struct detect_facts facts_of(struct facts *facts, const struct sighting *sighting, usec_t now);

/* The thresholds of a host's role; NULL: of whoever has no role. */
const struct thresholds *facts_thresholds(const struct facts *facts, const struct host *host);

#endif
