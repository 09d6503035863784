/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_JOURNAL_SOCKET_H
#define EGRESSD_JOURNAL_SOCKET_H

#include <stddef.h>

/*
 * One record for the journal in its own protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).
 * sd_journal_send(3) would wait for a journal that takes nothing any more, and the daemon with it.
 */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* A field of a record: its name as systemd.journal-fields(7) wants it; NULL as value: left out. */
struct journal_field {
	const char *name;
	const char *value;
};

/*
 * Sends a record, and waits for room so many milliseconds at most. 0, -EAGAIN when there was none,
 * or another negative errno.
 */
int journal_socket_send(const char *path, const struct journal_field *fields, size_t count,
                        int wait_milliseconds);

#endif
