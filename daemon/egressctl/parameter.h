/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_PARAMETER_H
#define EGRESSCTL_PARAMETER_H

#include "egressctl.h"

#include <jansson.h>

/* Complains about a parameter that the daemon could not make sense of: its value, out of all that
 * were sent (may be NULL), and what would be right. */
void complain_parameter(const struct command *command, const json_t *sent, const char *name);

#endif
