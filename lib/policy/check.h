/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_CHECK_H
#define EGRESSD_POLICY_CHECK_H

#include "base/problems.h"
#include "policy/policy.h"

#include <stdbool.h>

/*
 * Resolves the names in a policy that was loaded, and fills in everything that policy.h marks "By
 * check". Mistakes go to problems; only without any is the policy fit for use. host_roles: the name
 * of the role that each of its hosts was given (NULL: none). partial: something could not be read,
 * so that a name which is not there is no mistake. 0 or -ENOMEM.
 */
int policy_check(struct policy *policy, const char *const *host_roles, bool partial,
                 struct problems *problems);

#endif
