/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "kernel/decode.h"

#include "kernel/encode.h"
#include "kernel/wire.h"

#include <check.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static void setup(void)
{
	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
}

static void teardown(void)
{
	arena = arena_free(arena);
}

/* One op of each kind, with all that it can say. */
static struct op ops[] = {
        {.kind = OP_META, .key = NFT_META_L4PROTO, .reg = NFT_REG_1},
        {.kind = OP_PAYLOAD, .key = 1, .offset = 16, .length = 4, .reg = NFT_REG32_01},
        {.kind = OP_CT, .key = NFT_CT_STATE, .reg = NFT_REG_2},
        {.kind = OP_FIB, .key = NFT_FIB_RESULT_OIF, .flags = NFTA_FIB_F_SADDR, .reg = NFT_REG_1},
        {.kind = OP_BITWISE, .length = 4, .reg = NFT_REG_1, .data = {2}},
        {.kind = OP_CMP, .key = NFT_CMP_NEQ, .length = 16, .reg = NFT_REG_1, .data = "lan0"},
        {.kind = OP_LOOKUP, .reg = NFT_REG_1, .name = "set"},
        {.kind = OP_LOOKUP, .reg = NFT_REG_1, .name = "map", .verdict = true},
        {.kind = OP_LOOKUP, .reg = NFT_REG_1, .flags = NFT_LOOKUP_F_INV, .name = "set"},
        {.kind = OP_COUNTER, .name = "counter"},
        {.kind = OP_HELPER, .name = "ftp"},
        {.kind = OP_LOG, .key = 100, .flags = 128, .name = "egressd role desk"},
        {.kind = OP_DYNSET, .reg = NFT_REG_1, .name = "seen"},
        {.kind = OP_DYNSET, .key = NFT_DYNSET_OP_UPDATE, .reg = NFT_REG_1, .name = "seen"},
        {.kind = OP_REJECT, .key = NFT_REJECT_ICMPX_UNREACH, .flags = 3},
        {.kind = OP_VERDICT, .key = (uint32_t)NFT_GOTO, .name = "refuse"},
};

/* The message that adds a rule of these ops. */
static void encode(struct batch *batch, struct op *first, size_t count, const char *comment)
{
	static const struct chain chain = {.name = "chain"};
	struct rule rule = {.code = {.ops = first, .count = count}, .comment = comment};
	struct step step = {.kind = STEP_ADD_RULE, .chain = &chain, .rule = &rule};

	batch_begin(batch, 1, 1);
	encode_rule(batch, &step);
	ck_assert_int_eq(batch->wire.error, 0);
}

static const struct nlattr *expressions_of(const struct batch *batch)
{
	struct attributes attributes;

	attributes_of_message(
	        &attributes,
	        (const struct nlmsghdr *)(const void *)(batch->wire.bytes +
	                                                batch->origins.items[0].offset));
	return attributes.at[NFTA_RULE_EXPRESSIONS];
}

START_TEST(what_the_encoder_writes_the_decoder_reads)
{
	struct bytecode wanted = {.ops = ops, .count = ELEMENTS_OF(ops)}, code;
	struct batch batch = {};

	encode(&batch, ops, ELEMENTS_OF(ops), NULL);
	ck_assert_int_eq(decode_expressions(arena, expressions_of(&batch), &code), 0);
	ck_assert(bytecode_equal(&wanted, &code));
	batch_done(&batch);
}
END_TEST

/* The op's expression once more, with one attribute (0: none) set to a number. */
static struct op decode_with(struct op *op, unsigned type, uint32_t value)
{
	struct batch batch = {};
	struct wire wire = {};
	struct attributes attributes, outer;
	const struct nlattr *field = NULL;
	struct bytecode code;
	size_t list, element, data;

	encode(&batch, op, 1, NULL);
	attributes_of_nested(&attributes, expressions_of(&batch));
	attributes_of_nested(&outer, attributes.at[NFTA_LIST_ELEM]);

	wire_begin(&wire, 0, 1, 0, 0, 0, 1);
	list = wire_nest(&wire, 1);
	element = wire_nest(&wire, NFTA_LIST_ELEM);
	wire_string(&wire, NFTA_EXPR_NAME, attribute_string(outer.at[NFTA_EXPR_NAME]));
	data = wire_nest(&wire, NFTA_EXPR_DATA);
	while ((field = attribute_next_nested(outer.at[NFTA_EXPR_DATA], field))) {
		size_t length;
		const uint8_t *bytes = attribute_bytes(field, &length);

		if (mnl_attr_get_type(field) != type)
			wire_put(&wire, mnl_attr_get_type(field), bytes, length);
	}
	if (type != 0)
		wire_u32(&wire, type, value);
	wire_nest_end(&wire, data);
	wire_nest_end(&wire, element);
	wire_nest_end(&wire, list);
	wire_end(&wire);
	attributes_of_message(&attributes, (const struct nlmsghdr *)(void *)wire.bytes);
	ck_assert_int_eq(decode_expressions(arena, attributes.at[1], &code), 0);
	ck_assert_uint_eq(code.count, 1);
	wire_done(&wire);
	batch_done(&batch);
	return code.ops[0];
}

START_TEST(an_expression_with_more_than_an_op_can_say_is_foreign)
{
	static const struct {
		enum op_kind kind;
		unsigned attribute;
		uint32_t value;
	} more[] = {
	        {OP_META, NFTA_META_SREG, 1},          {OP_PAYLOAD, NFTA_PAYLOAD_SREG, 1},
	        {OP_CT, NFTA_CT_DIRECTION, 1},         {OP_CT, NFTA_CT_SREG, 1},
	        {OP_BITWISE, NFTA_BITWISE_OP, 1},      {OP_BITWISE, NFTA_BITWISE_SREG, 9},
	        {OP_LOOKUP, NFTA_LOOKUP_FLAGS, 2},     {OP_LOOKUP, NFTA_LOOKUP_DREG, 1},
	        {OP_COUNTER, NFTA_OBJREF_IMM_TYPE, 2}, {OP_LOG, NFTA_LOG_LEVEL, 4},
	        {OP_LOG, NFTA_LOG_FLAGS, 1},           {OP_LOG, NFTA_LOG_QTHRESHOLD, 1},
	        {OP_DYNSET, NFTA_DYNSET_OP, 2},        {OP_DYNSET, NFTA_DYNSET_SREG_DATA, 1},
	        {OP_DYNSET, NFTA_DYNSET_EXPR, 1},      {OP_DYNSET, NFTA_DYNSET_FLAGS, 1},
	        {OP_DYNSET, NFTA_DYNSET_TIMEOUT, 1},   {OP_VERDICT, NFTA_IMMEDIATE_DREG, 1},
	};

	for (size_t i = 0; i < ELEMENTS_OF(more); i++) {
		for (size_t j = 0; j < ELEMENTS_OF(ops); j++) {
			if (ops[j].kind != more[i].kind)
				continue;
			ck_assert_int_eq(decode_with(&ops[j], 0, 0).kind, ops[j].kind);
			ck_assert_int_eq(
			        decode_with(&ops[j], more[i].attribute, more[i].value).kind,
			        OP_FOREIGN);
		}
	}
}
END_TEST

START_TEST(a_rule_with_too_many_expressions_is_foreign)
{
	struct op many[OPS_MAX + 5];
	struct batch batch = {};
	struct bytecode code;

	for (size_t i = 0; i < ELEMENTS_OF(many); i++)
		many[i] = ops[0];
	encode(&batch, many, ELEMENTS_OF(many), NULL);
	ck_assert_int_eq(decode_expressions(arena, expressions_of(&batch), &code), 0);
	ck_assert_uint_eq(code.count, OPS_MAX);
	ck_assert_int_eq(code.ops[OPS_MAX - 1].kind, OP_FOREIGN);
	batch_done(&batch);
}
END_TEST

/* The sanitizers see it when a byte behind the end is looked at. */
START_TEST(a_message_cut_off_or_with_any_byte_changed_is_read_without_harm)
{
	struct batch batch = {};
	size_t start, length;

	encode(&batch, ops, ELEMENTS_OF(ops), "a comment");
	start = batch.origins.items[0].offset;
	length = batch.wire.length - start;
	for (size_t i = 0; i < 3 * length; i++) {
		size_t size = i < length ? i : length;
		uint8_t *copy = malloc(size ? size : 1);
		struct attributes attributes;
		struct rule rule;

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, batch.wire.bytes + start, size);
		if (i >= length)
			copy[i % length] ^= i < 2 * length ? 0x01 : 0xff;
		attributes_read(&attributes, copy + (size < 20 ? size : 20),
		                size < 20 ? 0 : size - 20);
		(void)decode_rule(arena, &attributes, &rule);
		free(copy);
	}
	batch_done(&batch);
}
END_TEST

START_TEST(comments_are_found_in_user_data_and_broken_user_data_has_none)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *comment;
	} cases[] = {
	        {"\0\4abc\0", 6, "abc"}, {"\1\2xy\0\4abc\0", 10, "abc"},
	        {"\0\4abcd", 6, NULL},   {"\0\5abc\0", 6, NULL},
	        {"\0", 1, NULL},         {"\0\0", 2, NULL},
	        {"\1\2xy", 4, NULL},
	};

	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		const char *comment = "unset";
		struct attributes attributes;
		struct wire wire = {};

		wire_begin(&wire, 0, 1, 0, 0, 0, 1);
		wire_put(&wire, 1, cases[i].bytes, cases[i].length);
		wire_end(&wire);
		attributes_of_message(&attributes, (const struct nlmsghdr *)(void *)wire.bytes);
		ck_assert_int_eq(decode_comment(arena, attributes.at[1], 0, &comment), 0);
		if (cases[i].comment)
			ck_assert_str_eq(comment, cases[i].comment);
		else
			ck_assert_ptr_null(comment);
		wire_done(&wire);
	}
}
END_TEST

/* Pairs ends of a set of ports; the number of ranges, or a negative errno. */
static int pair(struct set *set, struct raw_element *ends, size_t count)
{
	int r;

	*set = (struct set){.name = "ports", .type = SET_PORT, .interval = true};
	r = pair_elements(set, ends, count);
	return r < 0 ? r : (int)set->elements.count;
}

START_TEST(ends_in_any_order_pair_to_ranges)
{
	struct raw_element ends[] = {
	        {.key = {4, 0}},  {.key = {0, 20}, .end = true}, {.key = {0, 10}},
	        {.key = {0, 20}}, {.key = {1, 0}, .end = true},  {.key = {0, 0}, .end = true},
	};
	struct set set;

	ck_assert_int_eq(pair(&set, ends, ELEMENTS_OF(ends)), 3);
	ck_assert_mem_eq(set.elements.items[0].from, "\0\12", 2);
	ck_assert_mem_eq(set.elements.items[0].to, "\0\23", 2);
	ck_assert_mem_eq(set.elements.items[1].from, "\0\24", 2);
	ck_assert_mem_eq(set.elements.items[1].to, "\0\377", 2);
	ck_assert_mem_eq(set.elements.items[2].from, "\4\0", 2);
	ck_assert_mem_eq(set.elements.items[2].to, "\377\377", 2);
	ARRAY_DONE(&set.elements);
}
END_TEST

START_TEST(ends_that_do_not_pair_are_told)
{
	struct raw_element two_starts[] = {{.key = {0, 1}}, {.key = {0, 2}}};
	struct raw_element two_ends[] = {
	        {.key = {0, 1}}, {.key = {0, 2}, .end = true}, {.key = {0, 3}, .end = true}};
	struct set set;

	ck_assert_int_eq(pair(&set, two_starts, 2), -EBADMSG);
	ARRAY_DONE(&set.elements);
	ck_assert_int_eq(pair(&set, two_ends, 3), -EBADMSG);
	ARRAY_DONE(&set.elements);
	ck_assert_int_eq(pair(&set, NULL, 0), 0);
}
END_TEST

/* The kernel hides the beginnings of ranges that are over, but for a while not their ends. */
START_TEST(in_a_timed_set_ends_without_a_beginning_are_passed_over)
{
	static const struct life lent = {.comment = "lent", .timeout = 60};
	struct raw_element ends[] = {
	        {.key = {0, 3}, .end = true}, {.key = {1, 0}, .kept = &lent},
	        {.key = {2, 0}, .end = true}, {.key = {3, 0}, .end = true},
	        {.key = {4, 0}, .end = true}, {.key = {5, 0}},
	        {.key = {5, 1}, .end = true},
	};
	struct set set = {.name = "ports", .type = SET_PORT, .interval = true, .timed = true};

	ck_assert_int_eq(pair_elements(&set, ends, ELEMENTS_OF(ends)), 0);
	ck_assert_uint_eq(set.elements.count, 2);
	ck_assert_mem_eq(set.elements.items[0].from, "\1\0", 2);
	ck_assert_mem_eq(set.elements.items[0].to, "\1\377", 2);
	ck_assert_ptr_eq(set.elements.items[0].life, &lent);
	ck_assert_mem_eq(set.elements.items[1].to, "\5\0", 2);
	ARRAY_DONE(&set.elements);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel-decode");
	TCase *tests = tcase_create("decode");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_the_encoder_writes_the_decoder_reads);
	tcase_add_test(tests, an_expression_with_more_than_an_op_can_say_is_foreign);
	tcase_add_test(tests, a_rule_with_too_many_expressions_is_foreign);
	tcase_add_test(tests, a_message_cut_off_or_with_any_byte_changed_is_read_without_harm);
	tcase_add_test(tests, comments_are_found_in_user_data_and_broken_user_data_has_none);
	tcase_add_test(tests, ends_in_any_order_pair_to_ranges);
	tcase_add_test(tests, ends_that_do_not_pair_are_told);
	tcase_add_test(tests, in_a_timed_set_ends_without_a_beginning_are_passed_over);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
