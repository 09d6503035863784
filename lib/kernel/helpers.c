/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/helpers.h"

#include "kernel/batch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

/* Of a table that is never made; nobody else's table has this name. */
#define TRIAL_NAME "egressd-asks-for-helpers"

static uint16_t l3proto(uint8_t families)
{
	if (families == FAMILIES_BOTH)
		return NFPROTO_INET;
	return families == FAMILY_BIT(FAMILY_IPV4) ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

uint8_t helper_families(uint16_t l3proto)
{
	switch (l3proto) {
	case NFPROTO_INET:
		return FAMILIES_BOTH;
	case NFPROTO_IPV4:
		return FAMILY_BIT(FAMILY_IPV4);
	case NFPROTO_IPV6:
		return FAMILY_BIT(FAMILY_IPV6);
	default:
		return 0;
	}
}

void helper_write(struct wire *wire, const struct helper *helper)
{
	size_t nest = wire_nest(wire, NFTA_OBJ_DATA);

	wire_string(wire, NFTA_CT_HELPER_NAME, helper->kind);
	wire_u8(wire, NFTA_CT_HELPER_L4PROTO, helper->protocol);
	wire_u16(wire, NFTA_CT_HELPER_L3PROTO, l3proto(helper->families));
	wire_nest_end(wire, nest);
}

struct trial {
	uint32_t sequence; /* of the message about the first helper */
	size_t count;
	bool *lacking;
	size_t answered;
};

static int trial_reply(const struct nlmsghdr *message, void *userdata)
{
	struct trial *trial = userdata;
	uint32_t index = message->nlmsg_seq - trial->sequence;
	int error;

	if (message->nlmsg_type != NLMSG_ERROR || index >= trial->count ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(error))
		return 0;
	memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	trial->lacking[index] = error == -ENOENT;
	trial->answered++;
	return 0;
}

/* A batch without an end: the kernel tries and answers each message, then undoes everything. */
int helpers_ask(struct kernel *kernel, const struct helper *helpers, size_t count,
                bool *ret_lacking)
{
	_cleanup_(batch_done) struct batch batch = {};
	struct wire *wire = &batch.wire;
	struct trial trial = {.count = count, .lacking = ret_lacking};
	int r;

	memset(ret_lacking, 0, count * sizeof(*ret_lacking));
	if (count == 0)
		return 0;
	batch_begin(&batch, kernel_sequence(kernel), 0);
	batch_message(&batch, NULL, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	wire_string(wire, NFTA_TABLE_NAME, TRIAL_NAME);
	wire_end(wire);
	for (size_t i = 0; i < count; i++) {
		batch_message(&batch, NULL, NFT_MSG_NEWOBJ, NLM_F_CREATE | NLM_F_ACK);
		wire_string(wire, NFTA_OBJ_TABLE, TRIAL_NAME);
		wire_string(wire, NFTA_OBJ_NAME, helpers[i].name);
		wire_u32(wire, NFTA_OBJ_TYPE, NFT_OBJECT_CT_HELPER);
		helper_write(wire, &helpers[i]);
		wire_end(wire);
	}
	kernel_skip_sequences(kernel, batch_sequences(&batch));
	trial.sequence = batch.sequence + 2;
	if (wire->error < 0)
		return wire->error;

	r = kernel_commit_send(kernel, wire);
	if (r >= 0)
		r = kernel_commit_drain(kernel, trial_reply, &trial);
	if (r >= 0 && trial.answered < count)
		r = -EBADMSG;
	/* Half an answer would take helpers from services that have them. */
	if (r < 0)
		memset(ret_lacking, 0, count * sizeof(*ret_lacking));
	return r;
}
