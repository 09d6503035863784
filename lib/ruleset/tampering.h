/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_TAMPERING_H
#define EGRESSD_RULESET_TAMPERING_H

#include "ruleset/diff.h"

#define TAMPERING_TEXT_MAX 128

/*
 * What somebody did to the table so that it takes this delta, from `have` to what is wanted, to put
 * it right: "made the table dormant, added 1 rule to chain forward". Three things are told, and how
 * many more there are; nothing when it only takes to be owned again. Names are made printable.
 */
const char *tampering_text(const struct delta *delta, const struct ruleset *have,
                           char buffer[static TAMPERING_TEXT_MAX]);

/*
 * True for a delta that nobody did: all that is missing are elements that end within so many
 * seconds of when the wanted ruleset was compiled for, as the kernel takes them away.
 */
bool delta_is_of_ends(const struct delta *delta, uint64_t seconds);

/*
 * True for a delta that can come of requests of run time of which the table knows and nobody else
 * does, or the reverse, as at the end of a run: it is about the chain of a permit, or no more than
 * timed elements, timed sets and the rules that ask them, or nothing at all.
 */
bool delta_is_of_requests(const struct delta *delta);

#endif
