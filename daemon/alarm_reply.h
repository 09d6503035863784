/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ALARM_REPLY_H
#define EGRESSD_ALARM_REPLY_H

#include "track/alarm_text.h"
#include "track/processes.h"

#include <jansson.h>

/* Alarms in the types of io.egressd.varlink; new references, or NULL without memory. */

/* For whoever reads where the daemon runs. */
struct alarm_reader alarm_reader_here(usec_t now);

/* type Alarm */
json_t *alarm_reply(const struct alarm *alarm, const struct alarm_reader *reader);

/* type Card; processes (or NULL) knows those of the gateway. */
json_t *alarm_card_reply(const struct alarm *alarm, const struct processes *processes);

#endif
