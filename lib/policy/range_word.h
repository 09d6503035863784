/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_RANGE_WORD_H
#define EGRESSD_POLICY_RANGE_WORD_H

#include "base/address.h"
#include "base/problems.h"

#include <stdbool.h>

/*
 * Reads an address, prefix or range that stands at a line of the configuration or of a list.
 * False: it is none, and the problem says what would be right; *ret_range is untouched.
 */
bool range_word_parse(const char *text, struct location at, struct problems *problems,
                      struct address_range *ret_range);

#endif
