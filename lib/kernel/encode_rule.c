/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/encode.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

static void put_data(struct wire *wire, unsigned attribute, const uint8_t *data, size_t length)
{
	size_t nest = wire_nest(wire, attribute);

	wire_put(wire, NFTA_DATA_VALUE, data, length);
	wire_nest_end(wire, nest);
}

static const char *expression_name(enum op_kind kind)
{
	switch (kind) {
	case OP_META:
		return "meta";
	case OP_PAYLOAD:
		return "payload";
	case OP_CT:
		return "ct";
	case OP_FIB:
		return "fib";
	case OP_BITWISE:
		return "bitwise";
	case OP_CMP:
		return "cmp";
	case OP_LOOKUP:
		return "lookup";
	case OP_COUNTER:
	case OP_HELPER:
		return "objref";
	case OP_LOG:
		return "log";
	case OP_DYNSET:
		return "dynset";
	case OP_REJECT:
		return "reject";
	case OP_VERDICT:
		return "immediate";
	case OP_FOREIGN:
		break;
	}
	abort(); /* what is foreign is read, never written */
}

static void put_bitwise(struct wire *wire, const struct op *op)
{
	static const uint8_t zero[sizeof(op->data)];

	assert(op->length <= sizeof(op->data));
	wire_u32(wire, NFTA_BITWISE_SREG, op->reg);
	wire_u32(wire, NFTA_BITWISE_DREG, op->reg);
	wire_u32(wire, NFTA_BITWISE_LEN, op->length);
	put_data(wire, NFTA_BITWISE_MASK, op->data, op->length);
	put_data(wire, NFTA_BITWISE_XOR, zero, op->length);
}

static void put_cmp(struct wire *wire, const struct op *op)
{
	assert(op->length <= sizeof(op->data));
	wire_u32(wire, NFTA_CMP_SREG, op->reg);
	wire_u32(wire, NFTA_CMP_OP, op->key);
	put_data(wire, NFTA_CMP_DATA, op->data, op->length);
}

static void put_lookup(struct wire *wire, const struct op *op)
{
	wire_string(wire, NFTA_LOOKUP_SET, op->name);
	wire_u32(wire, NFTA_LOOKUP_SREG, op->reg);
	if (op->verdict)
		wire_u32(wire, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	if (op->flags != 0)
		wire_u32(wire, NFTA_LOOKUP_FLAGS, op->flags);
}

static void put_verdict(struct wire *wire, const struct op *op)
{
	size_t data, verdict;

	wire_u32(wire, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = wire_nest(wire, NFTA_IMMEDIATE_DATA);
	verdict = wire_nest(wire, NFTA_DATA_VERDICT);
	wire_u32(wire, NFTA_VERDICT_CODE, op->key);
	if (op->name)
		wire_string(wire, NFTA_VERDICT_CHAIN, op->name);
	wire_nest_end(wire, verdict);
	wire_nest_end(wire, data);
}

static void put_op(struct wire *wire, const struct op *op)
{
	switch (op->kind) {
	case OP_META:
		wire_u32(wire, NFTA_META_KEY, op->key);
		wire_u32(wire, NFTA_META_DREG, op->reg);
		return;
	case OP_PAYLOAD:
		wire_u32(wire, NFTA_PAYLOAD_DREG, op->reg);
		wire_u32(wire, NFTA_PAYLOAD_BASE, op->key);
		wire_u32(wire, NFTA_PAYLOAD_OFFSET, op->offset);
		wire_u32(wire, NFTA_PAYLOAD_LEN, op->length);
		return;
	case OP_CT:
		wire_u32(wire, NFTA_CT_KEY, op->key);
		wire_u32(wire, NFTA_CT_DREG, op->reg);
		return;
	case OP_FIB:
		wire_u32(wire, NFTA_FIB_FLAGS, op->flags);
		wire_u32(wire, NFTA_FIB_RESULT, op->key);
		wire_u32(wire, NFTA_FIB_DREG, op->reg);
		return;
	case OP_BITWISE:
		put_bitwise(wire, op);
		return;
	case OP_CMP:
		put_cmp(wire, op);
		return;
	case OP_LOOKUP:
		put_lookup(wire, op);
		return;
	case OP_COUNTER:
		wire_u32(wire, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
		wire_string(wire, NFTA_OBJREF_IMM_NAME, op->name);
		return;
	case OP_HELPER:
		wire_u32(wire, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_CT_HELPER);
		wire_string(wire, NFTA_OBJREF_IMM_NAME, op->name);
		return;
	case OP_LOG:
		wire_string(wire, NFTA_LOG_PREFIX, op->name);
		wire_u16(wire, NFTA_LOG_GROUP, (uint16_t)op->key);
		wire_u32(wire, NFTA_LOG_SNAPLEN, op->flags);
		return;
	case OP_DYNSET:
		wire_string(wire, NFTA_DYNSET_SET_NAME, op->name);
		wire_u32(wire, NFTA_DYNSET_OP, op->key);
		wire_u32(wire, NFTA_DYNSET_SREG_KEY, op->reg);
		return;
	case OP_REJECT:
		wire_u32(wire, NFTA_REJECT_TYPE, op->key);
		wire_u8(wire, NFTA_REJECT_ICMP_CODE, (uint8_t)op->flags);
		return;
	case OP_VERDICT:
		put_verdict(wire, op);
		return;
	case OP_FOREIGN:
		break;
	}
	abort(); /* what is foreign is read, never written */
}

void encode_rule(struct batch *batch, const struct step *step)
{
	const struct rule *rule = step->rule;
	struct wire *wire = &batch->wire;
	struct userdata userdata = {};
	size_t list;

	batch_message(batch, step, NFT_MSG_NEWRULE,
	              NLM_F_CREATE | (step->handle == 0 ? NLM_F_APPEND : 0));
	wire_string(wire, NFTA_RULE_TABLE, TABLE_NAME);
	wire_string(wire, NFTA_RULE_CHAIN, step->chain->name);
	/* With a position and without NLM_F_APPEND the rule goes before the one at the position. */
	if (step->handle != 0)
		wire_u64(wire, NFTA_RULE_POSITION, step->handle);
	list = wire_nest(wire, NFTA_RULE_EXPRESSIONS);
	for (size_t i = 0; i < rule->code.count; i++) {
		const struct op *op = &rule->code.ops[i];
		size_t expression = wire_nest(wire, NFTA_LIST_ELEM), data;

		wire_string(wire, NFTA_EXPR_NAME, expression_name(op->kind));
		data = wire_nest(wire, NFTA_EXPR_DATA);
		put_op(wire, op);
		wire_nest_end(wire, data);
		wire_nest_end(wire, expression);
	}
	wire_nest_end(wire, list);
	userdata_comment(&userdata, NFTNL_UDATA_RULE_COMMENT, rule->comment);
	userdata_write(&userdata, wire, NFTA_RULE_USERDATA);
	wire_end(wire);
}
