/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_HELP_H
#define EGRESSCTL_HELP_H

#include "verb.h"

/* Prints what all verbs are for. */
void help_print(FILE *out);

/* Prints how one is used. */
void help_print_verb(const struct verb *verb, FILE *out);

#endif
