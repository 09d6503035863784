/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_PRINT_H
#define EGRESSD_RULESET_PRINT_H

#include "ruleset/ruleset.h"

#include <stdio.h>

/*
 * Writes a compiled ruleset as text that `nft -f` loads, in the form in which nft 1.0.6 lists it.
 * 0, or -EIO when the stream reports an error.
 */
int ruleset_print(const struct ruleset *ruleset, FILE *out);

#endif
