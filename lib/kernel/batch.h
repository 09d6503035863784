/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_BATCH_H
#define EGRESSD_KERNEL_BATCH_H

#include "base/array.h"
#include "base/cleanup.h"
#include "kernel/wire.h"
#include "ruleset/diff.h"

#include <linux/netlink.h>
#include <stdbool.h>

/* Where a message came from. */
struct origin {
	const struct step *step; /* borrowed from the delta */
	size_t first_element;    /* of the step, in a message with elements */
	size_t offset;           /* of the message in the wire */
};

/*
 * One transaction of nf_tables: all of its messages between NFNL_MSG_BATCH_BEGIN and _END, which
 * go to the kernel in one sendmsg and are taken or refused as one. A batch knows which step of the
 * delta each message came from, so that a refusal leads back to a line of the configuration.
 */
struct batch {
	struct wire wire;
	uint32_t sequence; /* of the begin message; each one after it has the next */
	ARRAY(struct origin) origins;
};

/*
 * Writes the begin message. A generation other than 0 makes the kernel refuse the batch with
 * ERESTART when the ruleset is another by then (NFNL_BATCH_GENID).
 */
void batch_begin(struct batch *batch, uint32_t sequence, uint32_t generation);

/*
 * Begins a message of the inet family for a step; ended with wire_end(). Like the wire's, a failure
 * stays in batch->wire.error.
 */
void batch_message(struct batch *batch, const struct step *step, unsigned type, unsigned flags);

/* Writes the end message and asks for an acknowledgement of the last one before it. */
void batch_end(struct batch *batch);

/* Where the message with that sequence number came from; NULL for the begin message and others. */
const struct origin *batch_origin(const struct batch *batch, uint32_t sequence);

/* How many sequence numbers the batch has used. */
size_t batch_sequences(const struct batch *batch);

/*
 * True for an answer of the kernel to a message of the batch (NLMSG_ERROR), whose error is then in
 * *ret_error: 0 for an acknowledgement, or a negative errno. False for anything else, such as what
 * an earlier request left behind, or one that is cut short.
 */
bool batch_is_answer(const struct batch *batch, const struct nlmsghdr *message, int *ret_error);

/* Releases what it holds; the struct may be used again. */
void batch_done(struct batch *batch);

#endif
