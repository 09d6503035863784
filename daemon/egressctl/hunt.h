/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_HUNT_H
#define EGRESSCTL_HUNT_H

#include "egressctl.h"

#include <jansson.h>

/* The card that a hunt begins with: an alarm, what is known, and what to type on that machine. */
void hunt_print(const struct command *command, const json_t *alarm, const json_t *card);

#endif
