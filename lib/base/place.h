/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_PLACE_H
#define EGRESSD_BASE_PLACE_H

/* Where files are unless the command line names another place. */
#define EGRESSD_CONFIG EGRESSD_SYSCONFDIR "/egressd/egressd.conf"
#define EGRESSD_STATE  "/var/lib/egressd"

/*
 * Copies of the configurations that were in force last, in the state directory: the last one, and
 * the one before, which is another policy. policy/snapshot.h describes their format.
 */
#define LAST_GOOD_NAME        "last-good.conf"
#define LAST_GOOD_BEFORE_NAME "last-good.1.conf"

#endif
