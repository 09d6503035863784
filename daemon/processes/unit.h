/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESSES_UNIT_H
#define EGRESSD_PROCESSES_UNIT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The unit of systemd that a process belongs to, out of /proc/PID/cgroup (cgroups(7)): the line of
 * the unified hierarchy ("0::"), or the one named systemd of version 1. It is the first part of the
 * path that is no slice; for a service of a user's own systemd both, "user@1000.service/a.service".
 * Cut to size. False when there is none.
 */
bool unit_of_cgroups(const char *text, char *buffer, size_t size);

#endif
