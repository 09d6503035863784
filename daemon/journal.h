/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_JOURNAL_H
#define EGRESSD_JOURNAL_H

#include "base/problems.h"
#include "journal_socket.h"

#include <syslog.h>

/*
 * What the daemon says, with a priority of syslog(3). Under systemd it goes to the journal as
 * structured records, else to standard error. A reader that takes nothing holds the daemon up for
 * a moment at most: from then on records are lost until he reads again, and then their number is
 * told.
 */
void journal(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same about a line of the configuration: fields CONFIG_FILE and CONFIG_LINE go with it. */
void journal_at(int priority, struct location at, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/*
 * A record of a kind that has a page in the catalog: its id, and fields of its own. Standard error
 * gets the text alone.
 */
#define JOURNAL_FIELDS_MAX 32
void journal_record(int priority, const char *message_id, const struct journal_field *fields,
                    size_t count, const char *text);

/* Every problem as a record of its own, LOG_ERR. */
void journal_problems(const struct problems *problems);

#endif
