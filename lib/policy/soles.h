/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_SOLES_H
#define EGRESSD_POLICY_SOLES_H

#include "policy/policy.h"

/*
 * The single IPv4 addresses of hosts, which most hosts have and most packets come from: a hash
 * table beside the claims, in which one is found with a look at one line of memory. What the
 * configuration names nobody outside can choose, so that the hash needs no secret.
 */

/* Makes the table of such claims; 0 or -ENOMEM. It is the arena's. */
int soles_make(struct arena *arena, const struct claims *claims, struct soles *ret_soles);

/* The claim of that very address, or NULL. */
const struct claim *soles_find(const struct soles *soles, const struct claims *claims,
                               const struct address *address);

/* What soles_find() will look at for that address comes from memory. */
void soles_prefetch(const struct soles *soles, const struct address *address);

#endif
