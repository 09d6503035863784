/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ALARM_REPORT_H
#define EGRESSD_ALARM_REPORT_H

#include "server.h"
#include "track/alarm_book.h"

/*
 * Tells the journal and all monitors what happened to an alarm. Its records have a message id for
 * each of these, and a page in the journal's catalog (systemd/egressd.catalog).
 */
#define MESSAGE_ALARM_OPENED       "91d18fb1a4db4c24919cbf0ba1f5a720" /* reopened, too */
#define MESSAGE_ALARM_WORSENED     "770327cfc41c43338b0f3299342525d2"
#define MESSAGE_ALARM_ACKNOWLEDGED "d88f913fb2c84d6dab53442465401275"
#define MESSAGE_ALARM_CLEARED      "4f049a6f26c54bc8b59b2d2a474153bf"

/* Nothing is told of a mere update. */
void alarm_report(struct server *server, const struct alarm *alarm, enum alarm_change change);

#endif
