/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/encode.h"

#include "kernel/attribute.h"
#include "kernel/set_type.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* A list of elements is one attribute, of less than 64 KiB; a message ends when it has this much.
 */
#define ELEMENTS_BYTES 32768

static void put_userdata(struct wire *wire, const struct set *set)
{
	struct userdata userdata = {};
	uint32_t order = set_type_byte_order(set->type);

	/* nft keeps these in the byte order of the host. */
	userdata_put(&userdata, NFTNL_UDATA_SET_KEYBYTEORDER, &order, sizeof(order));
	userdata_comment(&userdata, NFTNL_UDATA_SET_COMMENT, set->comment);
	userdata_write(&userdata, wire, NFTA_SET_USERDATA);
}

static uint32_t set_flags(const struct set *set)
{
	uint32_t flags = 0;

	if (set->interval)
		flags |= NFT_SET_INTERVAL;
	if (set->map)
		flags |= NFT_SET_MAP;
	if (set->timed || set->timeout)
		flags |= NFT_SET_TIMEOUT;
	if (set->learning || (set->dynamic && !set->timeout))
		flags |= NFT_SET_EVAL;
	return flags;
}

static void put_limit(struct wire *wire, const struct limit *limit)
{
	size_t data;

	wire_string(wire, NFTA_EXPR_NAME, "limit");
	data = wire_nest(wire, NFTA_EXPR_DATA);
	wire_u64(wire, NFTA_LIMIT_RATE, limit->rate);
	wire_u64(wire, NFTA_LIMIT_UNIT, limit->unit);
	wire_u32(wire, NFTA_LIMIT_BURST, limit->burst);
	wire_u32(wire, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	wire_nest_end(wire, data);
}

/* What each element of a set has of its own: a limit, or a counter. */
static void put_expression(struct wire *wire, const struct set *set)
{
	size_t nest;

	if (!set->limit.rate && (!set->dynamic || set->timeout))
		return;
	nest = wire_nest(wire, NFTA_SET_EXPR);
	if (set->limit.rate)
		put_limit(wire, &set->limit);
	else
		wire_string(wire, NFTA_EXPR_NAME, "counter");
	wire_nest_end(wire, nest);
}

void encode_set(struct batch *batch, const struct step *step)
{
	const struct set *set = step->set;
	struct wire *wire = &batch->wire;
	size_t nest;

	batch_message(batch, step, NFT_MSG_NEWSET, NLM_F_CREATE);
	wire_string(wire, NFTA_SET_TABLE, TABLE_NAME);
	wire_string(wire, NFTA_SET_NAME, set->name);
	wire_u32(wire, NFTA_SET_FLAGS, set_flags(set));
	if (set->timeout)
		wire_u64(wire, NFTA_SET_TIMEOUT, (uint64_t)set->timeout * 1000);
	wire_u32(wire, NFTA_SET_KEY_TYPE, set_type_id(set->type));
	wire_u32(wire, NFTA_SET_KEY_LEN, (uint32_t)set_key_length(set->type));
	if (set->map) {
		wire_u32(wire, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
		wire_u32(wire, NFTA_SET_DATA_LEN, 0);
	}
	/* The kernel wants a number unique within the batch, though everything goes by name. */
	wire_u32(wire, NFTA_SET_ID, (uint32_t)batch->origins.count);
	if (set->size != 0) {
		nest = wire_nest(wire, NFTA_SET_DESC);
		wire_u32(wire, NFTA_SET_DESC_SIZE, set->size);
		wire_nest_end(wire, nest);
	}
	put_userdata(wire, set);
	put_expression(wire, set);
	wire_end(wire);
}

static void put_key(struct wire *wire, const uint8_t *key, size_t length)
{
	size_t nest = wire_nest(wire, NFTA_SET_ELEM_KEY);

	wire_put(wire, NFTA_DATA_VALUE, key, length);
	wire_nest_end(wire, nest);
}

static void put_goto(struct wire *wire, const char *chain)
{
	size_t data = wire_nest(wire, NFTA_SET_ELEM_DATA);
	size_t verdict = wire_nest(wire, NFTA_DATA_VERDICT);

	wire_u32(wire, NFTA_VERDICT_CODE, (uint32_t)NFT_GOTO);
	wire_string(wire, NFTA_VERDICT_CHAIN, chain);
	wire_nest_end(wire, verdict);
	wire_nest_end(wire, data);
}

bool key_after(uint8_t *key, size_t length)
{
	while (length-- > 0)
		if (++key[length] != 0)
			return true;
	return false;
}

/* The kernel takes no end of a range with these. */
static void put_life(struct wire *wire, const struct life *life)
{
	struct userdata userdata = {};

	if (life->timeout != 0)
		wire_u64(wire, NFTA_SET_ELEM_TIMEOUT, (uint64_t)life->timeout * 1000);
	userdata_comment(&userdata, NFTNL_UDATA_SET_ELEM_COMMENT, life->comment);
	userdata_write(&userdata, wire, NFTA_SET_ELEM_USERDATA);
}

/*
 * A range is two elements: its first key, and the key behind its last one, marked as an end. A
 * range up to the last key that there is has no end.
 */
static void put_element(struct wire *wire, const struct set *set, const struct element *element)
{
	size_t length = set_key_length(set->type);
	uint8_t end[sizeof(element->to)];
	size_t nest;

	nest = wire_nest(wire, NFTA_LIST_ELEM);
	put_key(wire, element->key, length);
	if (set->map && element_chain(set, element))
		put_goto(wire, element_chain(set, element));
	if (set->timed)
		put_life(wire, element->life);
	wire_nest_end(wire, nest);

	if (!set->interval)
		return;
	assert(length <= sizeof(end));
	memcpy(end, element->to, sizeof(end));
	if (!key_after(end, length))
		return;
	nest = wire_nest(wire, NFTA_LIST_ELEM);
	wire_u32(wire, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	put_key(wire, end, length);
	wire_nest_end(wire, nest);
}

void encode_elements(struct batch *batch, const struct step *step, unsigned type, unsigned flags)
{
	struct wire *wire = &batch->wire;
	size_t done = 0;

	while (done < step->element_count && wire->error >= 0) {
		size_t nest;

		batch_message(batch, step, type, flags);
		if (wire->error < 0)
			return;
		batch->origins.items[batch->origins.count - 1].first_element = done;
		wire_string(wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
		wire_string(wire, NFTA_SET_ELEM_LIST_SET, step->set->name);
		nest = wire_nest(wire, NFTA_SET_ELEM_LIST_ELEMENTS);
		while (done < step->element_count && wire->length - nest < ELEMENTS_BYTES)
			put_element(wire, step->set, &step->elements[done++]);
		wire_nest_end(wire, nest);
		wire_end(wire);
	}
}

size_t encoded_element_at(const struct origin *origin, const void *message, size_t offset)
{
	const struct step *step = origin->step;
	const struct nlattr *list, *element = NULL;
	struct attributes attributes;
	size_t index = origin->first_element;
	bool first = true;

	attributes_of_message(&attributes, message);
	list = attributes.at[NFTA_SET_ELEM_LIST_ELEMENTS];
	while ((element = attribute_next_nested(list, element))) {
		struct attributes fields;
		uint32_t flags = 0;

		if ((size_t)((const uint8_t *)element - (const uint8_t *)message) > offset)
			break;
		attributes_of_nested(&fields, element);
		(void)attribute_u32(fields.at[NFTA_SET_ELEM_FLAGS], &flags);
		if (!(flags & NFT_SET_ELEM_INTERVAL_END) && !first)
			index++;
		first = false;
	}
	return index < step->element_count ? index : origin->first_element;
}
