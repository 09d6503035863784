/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/batch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter.h>
#include <string.h>

void batch_begin(struct batch *batch, uint32_t sequence, uint32_t generation)
{
	batch->sequence = sequence;
	wire_begin(&batch->wire, 0, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES,
	           sequence);
	if (generation != 0)
		wire_u32(&batch->wire, NFNL_BATCH_GENID, generation);
	wire_end(&batch->wire);
}

static uint32_t next_sequence(const struct batch *batch)
{
	return batch->sequence + 1 + (uint32_t)batch->origins.count;
}

void batch_message(struct batch *batch, const struct step *step, unsigned type, unsigned flags)
{
	uint32_t sequence = next_sequence(batch);
	size_t offset = batch->wire.length;
	struct origin *origin;

	if (batch->wire.error < 0)
		return;
	origin = ARRAY_ADD(&batch->origins);
	if (!origin) {
		batch->wire.error = -ENOMEM;
		return;
	}
	origin->step = step;
	origin->offset = offset;
	wire_begin(&batch->wire, NFNL_SUBSYS_NFTABLES, type, flags, NFPROTO_INET, 0, sequence);
}

void batch_end(struct batch *batch)
{
	size_t count = batch->origins.count;

	/*
	 * Errors come unasked. One acknowledgement tells that the answer is complete; one for each
	 * message would only fill the receive buffer.
	 */
	if (count > 0)
		wire_add_flags(&batch->wire, batch->origins.items[count - 1].offset, NLM_F_ACK);
	wire_begin(&batch->wire, 0, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES,
	           next_sequence(batch));
	wire_end(&batch->wire);
}

const struct origin *batch_origin(const struct batch *batch, uint32_t sequence)
{
	uint32_t index = sequence - batch->sequence - 1;

	return index < batch->origins.count ? &batch->origins.items[index] : NULL;
}

size_t batch_sequences(const struct batch *batch)
{
	return batch->origins.count + 2;
}

bool batch_is_answer(const struct batch *batch, const struct nlmsghdr *message, int *ret_error)
{
	if (message->nlmsg_type != NLMSG_ERROR ||
	    message->nlmsg_seq - batch->sequence >= batch_sequences(batch) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*ret_error))
		return false;
	memcpy(ret_error, mnl_nlmsg_get_payload(message), sizeof(*ret_error));
	return true;
}

void batch_done(struct batch *batch)
{
	wire_done(&batch->wire);
	ARRAY_DONE(&batch->origins);
}
