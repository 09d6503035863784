/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LOAD_H
#define EGRESSD_POLICY_LOAD_H

#include "base/problems.h"
#include "policy/origin.h"
#include "policy/policy.h"

#include <stddef.h>

#define POLICY_REJECTED 1 /* the text has mistakes; they are in problems */

/*
 * Reads the configuration file with all it includes and the lists it names, and checks it.
 *
 * 0: *ret_policy is the checked policy, owned by the caller. POLICY_REJECTED: every mistake that
 * could be found is in problems. Negative errno: not even that (-ENOMEM). paths is filled in all
 * three cases as far as loading came, and may be NULL.
 */
int policy_load(const char *file, struct source_paths *paths, struct problems *problems,
                struct policy **ret_policy);

/*
 * The same from there. Problems and the policy name the files by the paths that they had when the
 * snapshot was made; a snapshot whose files are not those of its digest is rejected.
 */
int policy_load_from(const struct policy_origin *origin, struct problems *problems,
                     struct policy **ret_policy);

/*
 * The same for a text in memory, under the name by which problems call it. It stands alone: an
 * include or a list file in it is a mistake.
 */
int policy_load_text(const char *name, const char *text, size_t length, struct problems *problems,
                     struct policy **ret_policy);

#endif
