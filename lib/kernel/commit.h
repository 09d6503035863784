/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_COMMIT_H
#define EGRESSD_KERNEL_COMMIT_H

#include "base/location.h"
#include "kernel/socket.h"
#include "ruleset/diff.h"

#include <stdint.h>

#define REFUSAL_TEXT_MAX 1024

/* Why the kernel did not take a batch, or why it could not be made. */
struct refusal {
	int error; /* a negative errno */
	struct location
	        at; /* the configuration line behind it; borrowed from the delta's rulesets */
	char text[REFUSAL_TEXT_MAX]; /* what could not be done, and why, in one sentence */
};

enum commit_result {
	COMMIT_STALE = 1, /* the generation is another by now: read again, nothing was changed */
	COMMIT_REFUSED,   /* see the refusal; nothing was changed */
	COMMIT_UNKNOWN,   /* the answer was lost: only reading back can tell */
};

/*
 * Sends the steps of a delta as one batch, to be taken only in that generation (0: in any). 0: the
 * kernel said nothing against it, which is no proof before the table is read back; else one of enum
 * commit_result, or a negative errno for a failure of the socket, after which the kernel may have
 * taken the batch: kernel_batches() tells. A delta without steps is 0.
 */
int table_commit(struct kernel *kernel, const struct delta *delta, uint32_t generation,
                 struct refusal *ret_refusal);

#endif
