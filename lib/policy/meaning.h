/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_MEANING_H
#define EGRESSD_POLICY_MEANING_H

#include "policy/policy.h"

/*
 * What a policy means, as a digest: SHA-256, in hex, of the text that policy_print() writes. Two
 * policies that differ in comments, white space or the files that they are spread over have the
 * same meaning, while policy->digest differs. Takes the time of printing the policy, some 50 ms for
 * 100,000 hosts. 0 or a negative errno.
 */
#define MEANING_TEXT_BYTES 65 /* with its NUL */
int policy_meaning(const struct policy *policy, char ret_meaning[static MEANING_TEXT_BYTES]);

#endif
