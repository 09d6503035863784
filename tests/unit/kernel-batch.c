/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "kernel/batch.h"

#include "kernel/attribute.h"
#include "kernel/encode.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE UINT32_C(0xfffffffe) /* so that the numbers wrap within the batch */

static const struct nlmsghdr *message_at(const struct wire *wire, size_t offset)
{
	return (const struct nlmsghdr *)(const void *)(wire->bytes + offset);
}

START_TEST(an_attribute_longer_than_its_length_can_say_fails_for_good)
{
	static const uint8_t big[UINT16_MAX];
	struct wire wire = {};

	wire_begin(&wire, 0, 1, 0, 0, 0, 1);
	wire_put(&wire, 1, big, UINT16_MAX - 4);
	ck_assert_int_eq(wire.error, 0);
	wire_put(&wire, 1, big, UINT16_MAX - 3);
	ck_assert_int_eq(wire.error, -EMSGSIZE);
	wire_u32(&wire, 2, 3);
	ck_assert_int_eq(wire.error, -EMSGSIZE);
	wire_done(&wire);
}
END_TEST

START_TEST(a_nest_longer_than_its_length_can_say_fails_for_good)
{
	static const uint8_t half[40000];
	struct wire wire = {};
	size_t nest;

	wire_begin(&wire, 0, 1, 0, 0, 0, 1);
	nest = wire_nest(&wire, 1);
	wire_put(&wire, 1, half, sizeof(half));
	wire_put(&wire, 1, half, sizeof(half));
	wire_nest_end(&wire, nest);
	ck_assert_int_eq(wire.error, -EMSGSIZE);
	wire_done(&wire);
}
END_TEST

START_TEST(attributes_are_padded_with_zeros_and_read_back)
{
	struct attributes attributes, inner;
	struct wire wire = {};
	uint32_t number = 0;
	size_t nest;

	wire_begin(&wire, 10, 3, NLM_F_ACK, 1, 7, 99);
	wire_string(&wire, 1, "abcd");
	nest = wire_nest(&wire, 2);
	wire_u8(&wire, 3, 200);
	wire_u32(&wire, 4, 70000);
	wire_nest_end(&wire, nest);
	wire_end(&wire);
	ck_assert_int_eq(wire.error, 0);
	ck_assert_uint_eq(wire.length % 4, 0);

	attributes_of_message(&attributes, message_at(&wire, 0));
	ck_assert_str_eq(attribute_string(attributes.at[1]), "abcd");
	attributes_of_nested(&inner, attributes.at[2]);
	ck_assert(!attribute_u32(inner.at[3], &number));
	ck_assert(attribute_u32(inner.at[4], &number));
	ck_assert_uint_eq(number, 70000);
	wire_done(&wire);
}
END_TEST

/* A batch of three removals, to look at. */
static void three_removals(struct batch *batch, struct delta *delta, uint32_t generation)
{
	static const struct chain chain = {.name = "one"};

	for (unsigned i = 0; i < 3; i++) {
		struct step *step = ARRAY_ADD(&delta->steps);

		ck_assert_ptr_nonnull(step);
		step->kind = STEP_DELETE_RULE;
		step->chain = &chain;
		step->handle = i;
	}
	ck_assert_int_eq(batch_encode(batch, delta, SEQUENCE, generation), 0);
}

START_TEST(a_batch_has_a_begin_with_the_generation_and_an_end)
{
	struct batch batch = {};
	struct delta delta = {};
	const struct nlmsghdr *begin, *end;
	struct attributes attributes;
	uint32_t generation = 0;

	three_removals(&batch, &delta, 77);
	begin = message_at(&batch.wire, 0);
	end = message_at(&batch.wire, batch.wire.length - 20);
	ck_assert_uint_eq(begin->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	attributes_of_message(&attributes, begin);
	ck_assert(attribute_u32(attributes.at[NFNL_BATCH_GENID], &generation));
	ck_assert_uint_eq(generation, 77);
	ck_assert_uint_eq(end->nlmsg_type, NFNL_MSG_BATCH_END);
	ck_assert_uint_eq(end->nlmsg_len, 20);
	ck_assert_uint_eq(batch_sequences(&batch), 5);
	batch_done(&batch);
	ARRAY_DONE(&delta.steps);
}
END_TEST

START_TEST(generation_zero_is_not_sent)
{
	struct batch batch = {};
	struct delta delta = {};

	three_removals(&batch, &delta, 0);
	ck_assert_uint_eq(message_at(&batch.wire, 0)->nlmsg_len, 20);
	batch_done(&batch);
	ARRAY_DONE(&delta.steps);
}
END_TEST

START_TEST(only_the_last_change_asks_for_an_acknowledgement)
{
	struct batch batch = {};
	struct delta delta = {};

	three_removals(&batch, &delta, 1);
	for (size_t i = 0; i < 3; i++) {
		const struct nlmsghdr *message =
		        message_at(&batch.wire, batch.origins.items[i].offset);

		ck_assert_int_eq(!!(message->nlmsg_flags & NLM_F_ACK), i == 2);
	}
	batch_done(&batch);
	ARRAY_DONE(&delta.steps);
}
END_TEST

START_TEST(each_sequence_number_leads_back_to_its_step_and_others_to_none)
{
	struct batch batch = {};
	struct delta delta = {};

	three_removals(&batch, &delta, 1);
	for (uint32_t i = 0; i < 3; i++) {
		const struct origin *origin = batch_origin(&batch, SEQUENCE + 1 + i);

		ck_assert_ptr_nonnull(origin);
		ck_assert_ptr_eq(origin->step, &delta.steps.items[i]);
		ck_assert_uint_eq(message_at(&batch.wire, origin->offset)->nlmsg_seq,
		                  SEQUENCE + 1 + i);
	}
	ck_assert_ptr_null(batch_origin(&batch, SEQUENCE));
	ck_assert_ptr_null(batch_origin(&batch, SEQUENCE - 1));
	ck_assert_ptr_null(batch_origin(&batch, SEQUENCE + 4));
	batch_done(&batch);
	ARRAY_DONE(&delta.steps);
}
END_TEST

START_TEST(many_elements_are_cut_into_messages_of_which_each_byte_leads_to_its_element)
{
	enum { COUNT = 5000 };
	static const struct chain chain = {.name = "one"};
	struct set set = {.name = "s", .type = SET_IPV4, .interval = true, .map = true};
	struct element *elements = calloc(COUNT, sizeof(*elements));
	struct delta delta = {};
	struct batch batch = {};
	struct step *step = ARRAY_ADD(&delta.steps);

	ck_assert_ptr_nonnull(elements);
	ck_assert_ptr_nonnull(step);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t from = htonl(i * 4), to = htonl(i * 4 + 1);

		memcpy(elements[i].from, &from, sizeof(from));
		memcpy(elements[i].to, &to, sizeof(to));
		elements[i].chain = chain.name;
	}
	memset(elements[COUNT - 1].to, 0xff, 4);
	*step = (struct step){.kind = STEP_ADD_ELEMENTS,
	                      .set = &set,
	                      .elements = elements,
	                      .element_count = COUNT};
	ck_assert_int_eq(batch_encode(&batch, &delta, 1, 1), 0);
	ck_assert_uint_gt(batch.origins.count, 1);

	for (size_t i = 0; i < batch.origins.count; i++) {
		const struct origin *origin = &batch.origins.items[i];
		const struct nlmsghdr *message = message_at(&batch.wire, origin->offset);
		size_t next = i + 1 < batch.origins.count ? origin[1].first_element : COUNT;
		struct attributes attributes;
		const struct nlattr *element = NULL;
		size_t index = origin->first_element;

		ck_assert_uint_lt(message->nlmsg_len, 65536);
		attributes_of_message(&attributes, message);
		/* Each range is a start and an end, but for the one that has no end. */
		while ((element = attribute_next_nested(attributes.at[NFTA_SET_ELEM_LIST_ELEMENTS],
		                                        element))) {
			size_t offset =
			        (size_t)((const uint8_t *)element - (const uint8_t *)message);
			struct attributes fields;

			attributes_of_nested(&fields, element);
			ck_assert_uint_eq(encoded_element_at(origin, message, offset + 4), index);
			index += fields.at[NFTA_SET_ELEM_FLAGS] != NULL;
		}
		ck_assert_uint_eq(index + (next == COUNT), next);
	}
	batch_done(&batch);
	ARRAY_DONE(&delta.steps);
	free(elements);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel-batch");
	TCase *tests = tcase_create("batch");

	tcase_add_test(tests, an_attribute_longer_than_its_length_can_say_fails_for_good);
	tcase_add_test(tests, a_nest_longer_than_its_length_can_say_fails_for_good);
	tcase_add_test(tests, attributes_are_padded_with_zeros_and_read_back);
	tcase_add_test(tests, a_batch_has_a_begin_with_the_generation_and_an_end);
	tcase_add_test(tests, generation_zero_is_not_sent);
	tcase_add_test(tests, only_the_last_change_asks_for_an_acknowledgement);
	tcase_add_test(tests, each_sequence_number_leads_back_to_its_step_and_others_to_none);
	tcase_add_test(tests,
	               many_elements_are_cut_into_messages_of_which_each_byte_leads_to_its_element);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
