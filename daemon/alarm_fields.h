/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_ALARM_FIELDS_H
#define EGRESSD_ALARM_FIELDS_H

#include "track/alarm.h"
#include "track/alarm_book.h"

#include <stddef.h>

/*
 * An alarm as names and values, which its record in the journal and the environment of a helper
 * have in common. What does not apply is left out.
 */
#define ALARM_FIELDS_MAX      23
#define ALARM_FIELD_VALUE_MAX 192

struct alarm_field {
	const char *name; /* "EGRESSD_ALARM_ID", ... */
	char value[ALARM_FIELD_VALUE_MAX];
};

/* Writes the fields, in printable ASCII only; returns how many there are. */
size_t alarm_fields(const struct alarm *alarm, enum alarm_change change,
                    struct alarm_field fields[static ALARM_FIELDS_MAX]);

/*
 * What somebody did to make it acknowledged or cleared; NULL of any other change, and where nobody
 * is known to have done it.
 */
const struct alarm_deed *alarm_change_deed(const struct alarm *alarm, enum alarm_change change);

/* "opened", "reopened", "worsened", "updated", "acknowledged" or "cleared". */
const char *alarm_change_name(enum alarm_change change);

#endif
