/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_LOCAL_TIME_H
#define EGRESSCTL_LOCAL_TIME_H

#include "base/time.h"

#define LOCAL_TIME_TEXT_MAX 40

/* "2026-11-22 14:02:11 CET", where the reader is, with the zone; or "@1795356131", of a time that no
 * calendar has. */
const char *local_time_print(usec_t time, char buffer[static LOCAL_TIME_TEXT_MAX]);

/*
 * The same for all points in time within a text as utc_print() writes them: the daemon does not know
 * where its readers are. Takes over the text (may be NULL), gives one from malloc; NULL without
 * memory.
 */
char *local_times(char *text);

#endif
