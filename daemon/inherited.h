/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_INHERITED_H
#define EGRESSD_INHERITED_H

#include "kernel/socket.h"
#include "ruleset/ruleset.h"

#include <stdbool.h>

/* The table of an earlier run, which decides while there is no policy. */

/* It is as good as a policy: it is awake, and what no rule permits stops. */
bool inherited_decides(const struct ruleset *table);

/*
 * The kernel's table as it was read last, to be made once more should the next change not verify.
 * NULL when it does not decide, or could not be made from what was read: it has an object that
 * somebody else put there, or a set too large to be read. Released by ruleset_free().
 */
struct ruleset *inherited_hold(struct kernel *kernel);

/*
 * Prepares such a table for being made again: what is to end ends when it would have, and in
 * PHASE_JUDGING it is without its fast path, as `compiled` is, so that it judges each packet of the
 * flows that began under another one. 0; -ENOTSUP when the table has another fast path; or -ENOMEM.
 */
int inherited_prepare(struct ruleset *table, const struct ruleset *compiled);

#endif
