/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_PRINT_H
#define EGRESSD_POLICY_PRINT_H

#include "policy/policy.h"

#include <stdio.h>

/*
 * Writes a checked policy as one configuration file that means the same: includes and list files
 * written out, shipped services left out. Loading it gives the same policy again. 0, or -EIO when
 * the stream reports an error.
 */
int policy_print(const struct policy *policy, FILE *out);

#endif
