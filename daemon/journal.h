/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_JOURNAL_H
#define EGRESSD_JOURNAL_H

#include "base/problems.h"

#include <syslog.h>

/*
 * What the daemon says, with a priority of syslog(3). Under systemd it goes to the journal as
 * structured records, else to standard error. It never blocks the daemon for long: the journal's
 * socket takes a datagram or loses it.
 */
void journal(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same about a line of the configuration: fields CONFIG_FILE and CONFIG_LINE go with it. */
void journal_at(int priority, struct location at, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Every problem as a record of its own, LOG_ERR. */
void journal_problems(const struct problems *problems);

#endif
