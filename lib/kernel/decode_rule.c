/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/decode.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/*
 * One expression each: true when it is exactly what the op can say, with every attribute that could
 * change its meaning absent. Names are borrowed from the message; op is zeroed and has its kind.
 */
static bool decode_meta(const struct attributes *fields, struct op *op)
{
	return attribute_u32(fields->at[NFTA_META_KEY], &op->key) &&
	       attribute_u32(fields->at[NFTA_META_DREG], &op->reg) && !fields->at[NFTA_META_SREG];
}

static bool decode_payload(const struct attributes *fields, struct op *op)
{
	return attribute_u32(fields->at[NFTA_PAYLOAD_DREG], &op->reg) &&
	       attribute_u32(fields->at[NFTA_PAYLOAD_BASE], &op->key) &&
	       attribute_u32(fields->at[NFTA_PAYLOAD_OFFSET], &op->offset) &&
	       attribute_u32(fields->at[NFTA_PAYLOAD_LEN], &op->length) &&
	       !fields->at[NFTA_PAYLOAD_SREG];
}

static bool decode_ct(const struct attributes *fields, struct op *op)
{
	return attribute_u32(fields->at[NFTA_CT_KEY], &op->key) &&
	       attribute_u32(fields->at[NFTA_CT_DREG], &op->reg) &&
	       !fields->at[NFTA_CT_DIRECTION] && !fields->at[NFTA_CT_SREG];
}

static bool decode_fib(const struct attributes *fields, struct op *op)
{
	return attribute_u32(fields->at[NFTA_FIB_RESULT], &op->key) &&
	       attribute_u32(fields->at[NFTA_FIB_FLAGS], &op->flags) &&
	       attribute_u32(fields->at[NFTA_FIB_DREG], &op->reg);
}

/* The value in a data attribute, of 1 to 16 bytes. */
static bool decode_value(const struct nlattr *data, uint8_t value[static 16], uint32_t *ret_length)
{
	struct attributes fields;
	const uint8_t *bytes;
	size_t length;

	attributes_of_nested(&fields, data);
	bytes = attribute_bytes(fields.at[NFTA_DATA_VALUE], &length);
	if (!bytes || length == 0 || length > 16)
		return false;
	memcpy(value, bytes, length);
	*ret_length = (uint32_t)length;
	return true;
}

static bool decode_bitwise(const struct attributes *fields, struct op *op)
{
	static const uint8_t zero[16];
	uint32_t from, to, kind = NFT_BITWISE_BOOL, mask_length, xor_length;
	uint8_t xor [16] = {};

	(void)attribute_u32(fields->at[NFTA_BITWISE_OP], &kind);
	if (kind != NFT_BITWISE_BOOL || !attribute_u32(fields->at[NFTA_BITWISE_SREG], &from) ||
	    !attribute_u32(fields->at[NFTA_BITWISE_DREG], &to) || from != to ||
	    !attribute_u32(fields->at[NFTA_BITWISE_LEN], &op->length) ||
	    !decode_value(fields->at[NFTA_BITWISE_MASK], op->data, &mask_length) ||
	    !decode_value(fields->at[NFTA_BITWISE_XOR], xor, &xor_length))
		return false;
	op->reg = to;
	return mask_length == op->length && memcmp(xor, zero, sizeof(zero)) == 0;
}

static bool decode_cmp(const struct attributes *fields, struct op *op)
{
	return attribute_u32(fields->at[NFTA_CMP_SREG], &op->reg) &&
	       attribute_u32(fields->at[NFTA_CMP_OP], &op->key) &&
	       decode_value(fields->at[NFTA_CMP_DATA], op->data, &op->length);
}

static bool decode_lookup(const struct attributes *fields, struct op *op)
{
	uint32_t target = NFT_REG_VERDICT;

	op->name = attribute_string(fields->at[NFTA_LOOKUP_SET]);
	op->verdict = fields->at[NFTA_LOOKUP_DREG] != NULL;
	if (op->verdict && !attribute_u32(fields->at[NFTA_LOOKUP_DREG], &target))
		return false;
	if (fields->at[NFTA_LOOKUP_FLAGS] &&
	    !attribute_u32(fields->at[NFTA_LOOKUP_FLAGS], &op->flags))
		return false;
	return op->name && attribute_u32(fields->at[NFTA_LOOKUP_SREG], &op->reg) &&
	       (op->flags & ~(uint32_t)NFT_LOOKUP_F_INV) == 0 && target == NFT_REG_VERDICT;
}

static bool decode_objref(const struct attributes *fields, struct op *op)
{
	uint32_t type;

	op->name = attribute_string(fields->at[NFTA_OBJREF_IMM_NAME]);
	if (!op->name || !attribute_u32(fields->at[NFTA_OBJREF_IMM_TYPE], &type))
		return false;
	op->kind = type == NFT_OBJECT_COUNTER ? OP_COUNTER : OP_HELPER;
	return type == NFT_OBJECT_COUNTER || type == NFT_OBJECT_CT_HELPER;
}

static bool decode_log(const struct attributes *fields, struct op *op)
{
	uint16_t group, threshold = 0;

	op->name = attribute_string(fields->at[NFTA_LOG_PREFIX]);
	if (fields->at[NFTA_LOG_QTHRESHOLD] &&
	    !attribute_u16(fields->at[NFTA_LOG_QTHRESHOLD], &threshold))
		return false;
	if (!op->name || !attribute_u16(fields->at[NFTA_LOG_GROUP], &group) || threshold != 0 ||
	    !attribute_u32(fields->at[NFTA_LOG_SNAPLEN], &op->flags) ||
	    fields->at[NFTA_LOG_LEVEL] || fields->at[NFTA_LOG_FLAGS])
		return false;
	op->key = group;
	return true;
}

static bool decode_dynset(const struct attributes *fields, struct op *op)
{
	uint32_t flags = 0;
	uint64_t timeout = 0;

	op->name = attribute_string(fields->at[NFTA_DYNSET_SET_NAME]);
	if (fields->at[NFTA_DYNSET_TIMEOUT] &&
	    !attribute_u64(fields->at[NFTA_DYNSET_TIMEOUT], &timeout))
		return false;
	if (fields->at[NFTA_DYNSET_FLAGS] && !attribute_u32(fields->at[NFTA_DYNSET_FLAGS], &flags))
		return false;
	return op->name && attribute_u32(fields->at[NFTA_DYNSET_OP], &op->key) &&
	       (op->key == NFT_DYNSET_OP_ADD || op->key == NFT_DYNSET_OP_UPDATE) && timeout == 0 &&
	       flags == 0 && attribute_u32(fields->at[NFTA_DYNSET_SREG_KEY], &op->reg) &&
	       !fields->at[NFTA_DYNSET_SREG_DATA] && !fields->at[NFTA_DYNSET_EXPR] &&
	       !fields->at[NFTA_DYNSET_EXPRESSIONS];
}

static bool decode_reject(const struct attributes *fields, struct op *op)
{
	uint8_t code = 0;

	/* A reset has no code. */
	if (fields->at[NFTA_REJECT_ICMP_CODE] &&
	    !attribute_u8(fields->at[NFTA_REJECT_ICMP_CODE], &code))
		return false;
	op->flags = code;
	return attribute_u32(fields->at[NFTA_REJECT_TYPE], &op->key);
}

static bool decode_immediate(const struct attributes *fields, struct op *op)
{
	struct attributes data, verdict;
	uint32_t target;

	attributes_of_nested(&data, fields->at[NFTA_IMMEDIATE_DATA]);
	attributes_of_nested(&verdict, data.at[NFTA_DATA_VERDICT]);
	op->name = attribute_string(verdict.at[NFTA_VERDICT_CHAIN]);
	return attribute_u32(fields->at[NFTA_IMMEDIATE_DREG], &target) &&
	       target == NFT_REG_VERDICT && attribute_u32(verdict.at[NFTA_VERDICT_CODE], &op->key);
}

static const struct {
	const char *name;
	enum op_kind kind;
	bool (*decode)(const struct attributes *fields, struct op *op);
} expressions[] = {
        {"meta", OP_META, decode_meta},
        {"payload", OP_PAYLOAD, decode_payload},
        {"ct", OP_CT, decode_ct},
        {"fib", OP_FIB, decode_fib},
        {"bitwise", OP_BITWISE, decode_bitwise},
        {"cmp", OP_CMP, decode_cmp},
        {"lookup", OP_LOOKUP, decode_lookup},
        {"objref", OP_COUNTER, decode_objref},
        {"log", OP_LOG, decode_log},
        {"dynset", OP_DYNSET, decode_dynset},
        {"reject", OP_REJECT, decode_reject},
        {"immediate", OP_VERDICT, decode_immediate},
};

static int make_foreign(struct arena *arena, const char *name, struct op *op)
{
	*op = (struct op){.kind = OP_FOREIGN, .name = arena_strdup(arena, name)};
	return op->name ? 0 : -ENOMEM;
}

static int decode_expression(struct arena *arena, const struct nlattr *expression, struct op *op)
{
	struct attributes outer, fields;
	const char *name;

	attributes_of_nested(&outer, expression);
	attributes_of_nested(&fields, outer.at[NFTA_EXPR_DATA]);
	name = attribute_string(outer.at[NFTA_EXPR_NAME]);
	for (size_t i = 0; name && i < ELEMENTS_OF(expressions); i++) {
		if (strcmp(expressions[i].name, name) != 0)
			continue;
		*op = (struct op){.kind = expressions[i].kind};
		if (!expressions[i].decode(&fields, op))
			break;
		if (!op_has_name(op->kind) || !op->name)
			return 0;
		op->name = arena_strdup(arena, op->name);
		return op->name ? 0 : -ENOMEM;
	}
	return make_foreign(arena, name ? name : "an expression without a name", op);
}

int decode_expressions(struct arena *arena, const struct nlattr *list, struct bytecode *ret_code)
{
	struct op ops[OPS_MAX] = {};
	const struct nlattr *expression = NULL;
	size_t count = 0;
	int r = 0;

	while ((expression = attribute_next_nested(list, expression))) {
		/* No rule of ours is this long, so what this one goes on with does not matter. */
		if (count == OPS_MAX) {
			r = make_foreign(arena, "too many expressions", &ops[OPS_MAX - 1]);
			break;
		}
		r = decode_expression(arena, expression, &ops[count++]);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (count == 0) {
		*ret_code = (struct bytecode){};
		return 0;
	}
	ret_code->ops = arena_copy(arena, ops, count, sizeof(*ops));
	ret_code->count = count;
	return ret_code->ops ? 0 : -ENOMEM;
}

int decode_rule(struct arena *arena, const struct attributes *message, struct rule *ret_rule)
{
	struct rule rule = {};
	int r;

	if (!attribute_u64(message->at[NFTA_RULE_HANDLE], &rule.handle))
		return -EBADMSG;
	r = decode_expressions(arena, message->at[NFTA_RULE_EXPRESSIONS], &rule.code);
	if (r < 0)
		return r;
	r = decode_comment(arena, message->at[NFTA_RULE_USERDATA], NFTNL_UDATA_RULE_COMMENT,
	                   &rule.comment);
	if (r < 0)
		return r;

	*ret_rule = rule;
	return 0;
}
