/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_ALARM_H
#define EGRESSCTL_ALARM_H

#include "egressctl.h"

#include <jansson.h>

/* An alarm for people: what verbs that speak of alarms have in common. */

/* In a few lines: number, how grave it is, and its sentence. */
void alarm_print(const struct command *command, const json_t *alarm);

/* The gravest ones that nobody has acknowledged, a few, out of a reply of ListAlarms (or NULL). */
void alarm_print_gravest(const struct command *command, const json_t *answer);

/* "critical" and so on, as they are shown. */
enum colour alarm_colour(const json_t *alarm);

/* What somebody did to bring it into its state, an object of type Deed; NULL when nobody did. */
const json_t *alarm_deed(const json_t *alarm);

/* The parameters of a call that say where the reader is; a new reference, or NULL without memory.
 */
json_t *alarm_reader(usec_t now);

#endif
