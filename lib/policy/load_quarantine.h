/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LOAD_QUARANTINE_H
#define EGRESSD_POLICY_LOAD_QUARANTINE_H

#include "policy/policy.h"
#include "policy/settings.h"

#include <stdio.h>

/* Inside the room: the group `quarantine` of a role. 0 or -ENOMEM; mistakes go to the problems. */
int load_quarantine(const struct context *context, const config_setting_t *group,
                    struct self_quarantine *quarantine);

/* Prints it as the configuration has it, behind that indent; nothing when there is none. */
void print_quarantine(const struct self_quarantine *quarantine, const char *indent, FILE *out);

#endif
