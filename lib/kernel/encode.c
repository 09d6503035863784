/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/encode.h"

#include "kernel/helpers.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

void userdata_put(struct userdata *userdata, uint8_t type, const void *value, size_t length)
{
	if (length > UINT8_MAX || userdata->length + 2 + length > sizeof(userdata->bytes)) {
		userdata->overflow = true;
		return;
	}
	userdata->bytes[userdata->length++] = type;
	userdata->bytes[userdata->length++] = (uint8_t)length;
	memcpy(userdata->bytes + userdata->length, value, length);
	userdata->length += length;
}

void userdata_comment(struct userdata *userdata, uint8_t type, const char *comment)
{
	if (comment)
		userdata_put(userdata, type, comment, strlen(comment) + 1);
}

void userdata_write(const struct userdata *userdata, struct wire *wire, unsigned attribute)
{
	if (userdata->overflow) {
		if (wire->error >= 0)
			wire->error = -E2BIG;
		return;
	}
	if (userdata->length > 0)
		wire_put(wire, attribute, userdata->bytes, userdata->length);
}

static void encode_table(struct batch *batch, const struct step *step)
{
	struct userdata userdata = {};

	batch_message(batch, step, NFT_MSG_NEWTABLE,
	              NLM_F_CREATE | (step->absent ? NLM_F_EXCL : 0));
	wire_string(&batch->wire, NFTA_TABLE_NAME, TABLE_NAME);
	wire_u32(&batch->wire, NFTA_TABLE_FLAGS, step->ruleset->flags);
	userdata_comment(&userdata, NFTNL_UDATA_TABLE_COMMENT, step->ruleset->comment);
	userdata_write(&userdata, &batch->wire, NFTA_TABLE_USERDATA);
	wire_end(&batch->wire);
}

static void encode_table_removal(struct batch *batch, const struct step *step)
{
	batch_message(batch, step, NFT_MSG_DELTABLE, 0);
	wire_string(&batch->wire, NFTA_TABLE_NAME, TABLE_NAME);
	wire_end(&batch->wire);
}

static uint32_t hook_number(enum hook hook)
{
	switch (hook) {
	case HOOK_NONE:
	case HOOK_PREROUTING:
		return NF_INET_PRE_ROUTING;
	case HOOK_FORWARD:
		return NF_INET_FORWARD;
	case HOOK_OUTPUT:
		return NF_INET_LOCAL_OUT;
	}
	abort(); /* no other value is ever made */
}

static void put_policy(struct wire *wire, const struct chain *chain)
{
	wire_u32(wire, NFTA_CHAIN_POLICY, chain->policy_drop ? NF_DROP : NF_ACCEPT);
}

static void encode_chain(struct batch *batch, const struct step *step)
{
	const struct chain *chain = step->chain;
	struct wire *wire = &batch->wire;
	struct userdata userdata = {};
	size_t nest;

	batch_message(batch, step, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	wire_string(wire, NFTA_CHAIN_TABLE, TABLE_NAME);
	wire_string(wire, NFTA_CHAIN_NAME, chain->name);
	if (chain->hook != HOOK_NONE) {
		wire_string(wire, NFTA_CHAIN_TYPE, "filter");
		put_policy(wire, chain);
		nest = wire_nest(wire, NFTA_CHAIN_HOOK);
		wire_u32(wire, NFTA_HOOK_HOOKNUM, hook_number(chain->hook));
		wire_u32(wire, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
		wire_nest_end(wire, nest);
	}
	userdata_comment(&userdata, NFTNL_UDATA_CHAIN_COMMENT, chain->comment);
	userdata_write(&userdata, wire, NFTA_CHAIN_USERDATA);
	wire_end(wire);
}

static void encode_policy(struct batch *batch, const struct step *step)
{
	batch_message(batch, step, NFT_MSG_NEWCHAIN, 0);
	wire_string(&batch->wire, NFTA_CHAIN_TABLE, TABLE_NAME);
	wire_string(&batch->wire, NFTA_CHAIN_NAME, step->chain->name);
	put_policy(&batch->wire, step->chain);
	wire_end(&batch->wire);
}

static void encode_chain_removal(struct batch *batch, const struct step *step)
{
	batch_message(batch, step, NFT_MSG_DELCHAIN, 0);
	wire_string(&batch->wire, NFTA_CHAIN_TABLE, TABLE_NAME);
	wire_string(&batch->wire, NFTA_CHAIN_NAME, step->chain->name);
	wire_end(&batch->wire);
}

/* The beginning of a message about an object, which is known by its name and its type together. */
static void begin_object(struct batch *batch, const struct step *step, unsigned type,
                         unsigned flags, const char *name, uint32_t object)
{
	batch_message(batch, step, type, flags);
	wire_string(&batch->wire, NFTA_OBJ_TABLE, TABLE_NAME);
	wire_string(&batch->wire, NFTA_OBJ_NAME, name);
	wire_u32(&batch->wire, NFTA_OBJ_TYPE, object);
}

static void encode_counter(struct batch *batch, const struct step *step)
{
	struct wire *wire = &batch->wire;
	size_t nest;

	begin_object(batch, step, NFT_MSG_NEWOBJ, NLM_F_CREATE, step->counter->name,
	             NFT_OBJECT_COUNTER);
	nest = wire_nest(wire, NFTA_OBJ_DATA);
	wire_u64(wire, NFTA_COUNTER_BYTES, 0);
	wire_u64(wire, NFTA_COUNTER_PACKETS, 0);
	wire_nest_end(wire, nest);
	wire_end(wire);
}

static void encode_helper(struct batch *batch, const struct step *step)
{
	begin_object(batch, step, NFT_MSG_NEWOBJ, NLM_F_CREATE, step->helper->name,
	             NFT_OBJECT_CT_HELPER);
	helper_write(&batch->wire, step->helper);
	wire_end(&batch->wire);
}

static void encode_rule_removal(struct batch *batch, const struct step *step)
{
	batch_message(batch, step, NFT_MSG_DELRULE, 0);
	wire_string(&batch->wire, NFTA_RULE_TABLE, TABLE_NAME);
	wire_string(&batch->wire, NFTA_RULE_CHAIN, step->chain->name);
	/* Without one the kernel takes all rules of the chain. */
	if (!step->all)
		wire_u64(&batch->wire, NFTA_RULE_HANDLE, step->handle);
	wire_end(&batch->wire);
}

static void encode_set_removal(struct batch *batch, const struct step *step)
{
	batch_message(batch, step, NFT_MSG_DELSET, 0);
	wire_string(&batch->wire, NFTA_SET_TABLE, TABLE_NAME);
	wire_string(&batch->wire, NFTA_SET_NAME, step->set->name);
	wire_end(&batch->wire);
}

static void encode_object_removal(struct batch *batch, const struct step *step, const char *name,
                                  uint32_t object)
{
	begin_object(batch, step, NFT_MSG_DELOBJ, 0, name, object);
	wire_end(&batch->wire);
}

static void encode_step(struct batch *batch, const struct step *step)
{
	switch (step->kind) {
	case STEP_ADD_TABLE:
		encode_table(batch, step);
		return;
	case STEP_ADD_COUNTER:
		encode_counter(batch, step);
		return;
	case STEP_ADD_HELPER:
		encode_helper(batch, step);
		return;
	case STEP_ADD_CHAIN:
		encode_chain(batch, step);
		return;
	case STEP_SET_POLICY:
		encode_policy(batch, step);
		return;
	case STEP_ADD_SET:
		encode_set(batch, step);
		return;
	case STEP_DELETE_RULE:
		encode_rule_removal(batch, step);
		return;
	case STEP_DELETE_ELEMENTS:
		encode_elements(batch, step, NFT_MSG_DELSETELEM, 0);
		return;
	case STEP_ADD_ELEMENTS:
		encode_elements(batch, step, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
		return;
	case STEP_ADD_RULE:
		encode_rule(batch, step);
		return;
	case STEP_DELETE_SET:
		encode_set_removal(batch, step);
		return;
	case STEP_DELETE_CHAIN:
		encode_chain_removal(batch, step);
		return;
	case STEP_DELETE_COUNTER:
		encode_object_removal(batch, step, step->counter->name, NFT_OBJECT_COUNTER);
		return;
	case STEP_DELETE_HELPER:
		encode_object_removal(batch, step, step->helper->name, NFT_OBJECT_CT_HELPER);
		return;
	case STEP_DELETE_OBJECT:
		encode_object_removal(batch, step, step->object->name, step->object->type);
		return;
	case STEP_DELETE_TABLE:
		encode_table_removal(batch, step);
		return;
	}
	abort(); /* no other value is ever made */
}

int batch_encode(struct batch *batch, const struct delta *delta, uint32_t sequence,
                 uint32_t generation)
{
	batch_begin(batch, sequence, generation);
	ARRAY_FOREACH (step, &delta->steps) {
		encode_step(batch, step);
		if (batch->wire.error < 0)
			return batch->wire.error;
	}
	batch_end(batch);
	return batch->wire.error;
}
