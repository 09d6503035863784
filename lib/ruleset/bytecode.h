/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_BYTECODE_H
#define EGRESSD_RULESET_BYTECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A rule as the kernel keeps it: the expressions of linux/netfilter/nf_tables.h that egressd uses,
 * one struct op each, with the kernel's own numbers (NFT_META_*, NFT_CT_*, NFT_PAYLOAD_*, ...) and
 * the register numbers of a dump. Wanted rules are lowered to it, rules read back are decoded to
 * it, and two rules are equal when their bytecode is.
 */

enum op_kind {
	OP_META,    /* key -> register */
	OP_PAYLOAD, /* length bytes at base (key) + offset -> register */
	OP_CT,      /* key -> register */
	OP_FIB,     /* result (key), flags -> register */
	OP_BITWISE, /* register = register & data (mask); length bytes; xor is always zero */
	OP_CMP,     /* register (key: NFT_CMP_EQ or NFT_CMP_NEQ) data; length bytes */
	OP_LOOKUP,  /* register in set `name`, flags NFT_LOOKUP_F_INV: not in it; with verdict: the
	             * map's verdict is taken */
	OP_COUNTER, /* counter object `name` */
	OP_HELPER,  /* ct helper object `name` */
	OP_LOG,     /* prefix `name`, group (key), snaplen (flags) */
	OP_DYNSET,  /* put register into set `name` (key: NFT_DYNSET_OP_ADD or _UPDATE) */
	OP_REJECT,  /* type (key), code (flags) */
	OP_VERDICT, /* NF_DROP, NF_ACCEPT or NFT_* (as int32_t in key), chain `name` or NULL */
	OP_FOREIGN, /* read back: something else; name says what. Equal to nothing, itself included
	             */
};

/* A thousand roles have a hundred thousand of them: what no kind has together shares its room. */
struct op {
	enum op_kind kind : 8;
	bool verdict : 1; /* OP_LOOKUP: into a verdict map */
	uint32_t key;
	uint32_t length; /* 0..16 */
	uint32_t reg;    /* NFT_REG_* or NFT_REG32_*, as the kernel dumps it */
	union {
		uint8_t data[16]; /* OP_BITWISE and OP_CMP; bytes past length are zero */
		struct {
			const char *name; /* of kinds with op_has_name(); or NULL. Borrowed from
			                   * the ruleset's arena */
			union {
				uint32_t flags;
				uint32_t offset; /* OP_PAYLOAD */
			};
		};
	};
};

/* True for a kind whose meaning includes a name. */
bool op_has_name(enum op_kind kind);

#define OPS_MAX 24 /* of one rule */

struct bytecode {
	struct op *ops; /* in the ruleset's arena */
	size_t count;
};

/*
 * The number under which the kernel dumps the register that starts at 32-bit slot `slot` (0..15):
 * NFT_REG_1.. for slots that start 16 bytes, NFT_REG32_xx for the others (nft_dump_register()).
 */
uint32_t register_number(unsigned slot);

/* True when both do the same; fields that a kind does not use are not looked at. */
bool bytecode_equal(const struct bytecode *a, const struct bytecode *b);

#endif
