/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PRIVILEGE_H
#define EGRESSD_PRIVILEGE_H

#include <stdbool.h>

/* Whether this process has that capability (CAP_* of linux/capability.h) in effect. */
bool privilege_is_held(int capability);

#endif
