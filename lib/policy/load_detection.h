/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LOAD_DETECTION_H
#define EGRESSD_POLICY_LOAD_DETECTION_H

#include "policy/detection.h"
#include "policy/settings.h"

#include <stdio.h>

/* Inside the room: the group `detection`, of the file or of a role. Mistakes go to the problems. */
void load_detection(const struct context *context, const config_setting_t *group,
                    struct detection *detection);

/*
 * The group `on_alarm`; here: its program and its user have to be those of this machine, now. 0 or
 * -ENOMEM; mistakes go to the problems.
 */
int load_on_alarm(const struct context *context, const config_setting_t *group, bool here,
                  struct on_alarm *on_alarm);

/* Prints it as the configuration has it, behind that indent; nothing when nothing is given. */
void print_detection(const struct detection *detection, const char *indent, FILE *out);

#endif
