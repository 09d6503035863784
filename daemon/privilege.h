/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PRIVILEGE_H
#define EGRESSD_PRIVILEGE_H

#include <stdbool.h>

/* Whether this process has CAP_NET_ADMIN in effect, without which nf_tables takes nothing from it.
 */
bool privilege_is_held(void);

#endif
