/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_SOURCES_H
#define EGRESSD_SOURCES_H

#include "kernel/socket.h"
#include "policy/policy.h"
#include "track/ledger.h"

#include <jansson.h>

/*
 * Appends the sources that most was blocked of, the first one first ([]SourceCount), as the kernel
 * counted it. Where it counted so many sources that reading them all would take too long, they are
 * looked for among those in the ledger. 0 or a negative errno.
 */
int busiest_sources(json_t *array, struct kernel *kernel, const struct ledger *ledger,
                    const struct policy *policy);

#endif
