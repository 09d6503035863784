/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ALARM_JSON_H
#define EGRESSD_ALARM_JSON_H

#include "track/alarm.h"

#include <jansson.h>

/* An alarm as the state file has it: all of it. A new reference, or NULL without memory. */
json_t *alarm_to_json(const struct alarm *alarm);

/* Reads one; 0, or -EINVAL when it is none. */
int alarm_from_json(const json_t *json, struct alarm *ret_alarm);

#endif
