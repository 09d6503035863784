/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ALARM_REPLY_H
#define EGRESSD_ALARM_REPLY_H

#include "track/alarm_text.h"

#include <jansson.h>

/* Alarms in the types of io.egressd.varlink; new references, or NULL without memory. */

/* For whoever reads where the daemon runs. */
struct alarm_reader alarm_reader_here(usec_t now);

/* type Alarm */
json_t *alarm_reply(const struct alarm *alarm, const struct alarm_reader *reader);

/* type Card */
json_t *alarm_card_reply(const struct alarm *alarm);

#endif
