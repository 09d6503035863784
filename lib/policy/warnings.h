/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_WARNINGS_H
#define EGRESSD_POLICY_WARNINGS_H

#include "base/problems.h"
#include "policy/policy.h"

/*
 * What is no mistake in a policy, as it can be put in force and may be meant, and yet is hardly
 * ever: hosts with addresses that nobody sends from, a blocklist that holds one's own hosts, list
 * files without an entry. Each with its file and line, and what would be right, sorted. In time
 * that goes by the number of hosts and of entries in the blocklist.
 */
void policy_warnings(const struct policy *policy, struct problems *warnings);

#endif
