/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/bytecode.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_PER_REGISTER (NFT_REG_SIZE / NFT_REG32_SIZE)

uint32_t register_number(unsigned slot)
{
	if (slot % SLOTS_PER_REGISTER == 0)
		return NFT_REG_1 + slot / SLOTS_PER_REGISTER;
	return NFT_REG32_00 + slot;
}

bool op_has_name(enum op_kind kind)
{
	switch (kind) {
	case OP_LOOKUP:
	case OP_COUNTER:
	case OP_HELPER:
	case OP_LOG:
	case OP_DYNSET:
	case OP_VERDICT:
	case OP_FOREIGN:
		return true;
	case OP_META:
	case OP_PAYLOAD:
	case OP_CT:
	case OP_FIB:
	case OP_BITWISE:
	case OP_CMP:
	case OP_REJECT:
		return false;
	}
	abort(); /* no other value is ever made */
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool op_equal(const struct op *a, const struct op *b)
{
	if (a->kind != b->kind)
		return false;

	switch (a->kind) {
	case OP_META:
	case OP_CT:
		return a->key == b->key && a->reg == b->reg;
	case OP_PAYLOAD:
		return a->key == b->key && a->offset == b->offset && a->length == b->length &&
		       a->reg == b->reg;
	case OP_FIB:
		return a->key == b->key && a->flags == b->flags && a->reg == b->reg;
	case OP_BITWISE:
		return a->reg == b->reg && a->length == b->length &&
		       memcmp(a->data, b->data, sizeof(a->data)) == 0;
	case OP_CMP:
		return a->key == b->key && a->reg == b->reg && a->length == b->length &&
		       memcmp(a->data, b->data, sizeof(a->data)) == 0;
	case OP_LOOKUP:
		return a->reg == b->reg && a->verdict == b->verdict && a->flags == b->flags &&
		       same_name(a->name, b->name);
	case OP_COUNTER:
	case OP_HELPER:
		return same_name(a->name, b->name);
	case OP_LOG:
		return a->key == b->key && a->flags == b->flags && same_name(a->name, b->name);
	case OP_DYNSET:
		return a->key == b->key && a->reg == b->reg && same_name(a->name, b->name);
	case OP_REJECT:
		return a->key == b->key && a->flags == b->flags;
	case OP_VERDICT:
		return a->key == b->key && same_name(a->name, b->name);
	case OP_FOREIGN:
		return false;
	}
	abort(); /* no other value is ever made */
}

bool bytecode_equal(const struct bytecode *a, const struct bytecode *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!op_equal(&a->ops[i], &b->ops[i]))
			return false;
	return true;
}
