/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/decode.h"

#include "kernel/set_type.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* linux/netfilter/nf_tables.h since Linux 6.16: the number of elements. */
#define NFTA_SET_COUNT 20

/* A limit of packets that each element has; false when struct limit cannot say it. */
static bool decode_limit(const struct nlattr *data, struct limit *limit)
{
	struct attributes fields;
	uint32_t type = NFT_LIMIT_PKTS, flags = 0;

	attributes_of_nested(&fields, data);
	(void)attribute_u32(fields.at[NFTA_LIMIT_TYPE], &type);
	(void)attribute_u32(fields.at[NFTA_LIMIT_FLAGS], &flags);
	return type == NFT_LIMIT_PKTS && flags == 0 &&
	       attribute_u64(fields.at[NFTA_LIMIT_RATE], &limit->rate) && limit->rate != 0 &&
	       attribute_u64(fields.at[NFTA_LIMIT_UNIT], &limit->unit) &&
	       limit_unit_name(limit->unit) &&
	       attribute_u32(fields.at[NFTA_LIMIT_BURST], &limit->burst);
}

/*
 * What each element of a set has of its own: one counter where elements stay and rules add them, a
 * limit or nothing where they do not stay; elsewhere nothing.
 */
static bool decode_expression(const struct nlattr *expression, struct set *set)
{
	struct attributes fields;
	const char *name;

	if (!expression)
		return !set->dynamic || set->timeout;
	attributes_of_nested(&fields, expression);
	name = attribute_string(fields.at[NFTA_EXPR_NAME]);
	if (!name || !set->dynamic)
		return false;
	if (set->learning)
		return strcmp(name, "limit") == 0 &&
		       decode_limit(fields.at[NFTA_EXPR_DATA], &set->limit);
	return !set->timeout && strcmp(name, "counter") == 0;
}

/* How long elements stay; 0 when they do always, or for a time that is not whole seconds. */
static uint32_t timeout_seconds(const struct attributes *message)
{
	uint64_t milliseconds;

	if (!attribute_u64(message->at[NFTA_SET_TIMEOUT], &milliseconds) ||
	    milliseconds % 1000 != 0 || milliseconds / 1000 > UINT32_MAX)
		return 0;
	return (uint32_t)(milliseconds / 1000);
}

/* Type, shape and size; false when there is something that struct set cannot say. */
static bool decode_shape(const struct attributes *message, uint32_t flags, struct set *set)
{
	const uint32_t ours =
	        NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_EVAL | NFT_SET_EXPR | NFT_SET_TIMEOUT;
	uint32_t type, length, data_type, policy = NFT_SET_POL_PERFORMANCE;
	struct attributes desc;

	set->interval = flags & NFT_SET_INTERVAL;
	set->map = flags & NFT_SET_MAP;
	/* Without a time that all elements stay, each may have one of its own. */
	set->timed = flags & NFT_SET_TIMEOUT && !(flags & NFT_SET_EVAL) &&
	             !message->at[NFTA_SET_TIMEOUT];
	set->dynamic = flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT) && !set->timed;
	set->timeout = timeout_seconds(message);
	set->learning = flags & NFT_SET_EVAL && set->timeout;
	attributes_of_nested(&desc, message->at[NFTA_SET_DESC]);
	(void)attribute_u32(desc.at[NFTA_SET_DESC_SIZE], &set->size);

	if (!attribute_u32(message->at[NFTA_SET_KEY_TYPE], &type) ||
	    !set_type_of_id(type, &set->type))
		return false;
	if (!attribute_u32(message->at[NFTA_SET_KEY_LEN], &length) ||
	    length != set_key_length(set->type))
		return false;
	if (set->interval && set->type != SET_IPV4 && set->type != SET_IPV6 &&
	    set->type != SET_PORT)
		return false;
	if (set->map && (!attribute_u32(message->at[NFTA_SET_DATA_TYPE], &data_type) ||
	                 data_type != NFT_DATA_VERDICT))
		return false;
	(void)attribute_u32(message->at[NFTA_SET_POLICY], &policy);
	if (policy != NFT_SET_POL_PERFORMANCE)
		return false;
	/* Each of these changes what the set does: entries that vanish, or more expressions. */
	if (flags & NFT_SET_TIMEOUT && !set->timed && !set->timeout)
		return false;
	if (flags & ~ours || message->at[NFTA_SET_GC_INTERVAL] || message->at[NFTA_SET_OBJ_TYPE] ||
	    message->at[NFTA_SET_EXPRESSIONS] || desc.at[NFTA_SET_DESC_CONCAT])
		return false;
	return decode_expression(message->at[NFTA_SET_EXPR], set);
}

int decode_set(const struct attributes *message, struct ruleset *ruleset)
{
	const char *name = attribute_string(message->at[NFTA_SET_NAME]);
	uint32_t flags = 0;
	struct set *set;

	if (!name)
		return -EBADMSG;
	(void)attribute_u32(message->at[NFTA_SET_FLAGS], &flags);
	if (flags & NFT_SET_ANONYMOUS)
		return 0;

	set = ARRAY_ADD(&ruleset->sets);
	if (!set)
		return -ENOMEM;
	set->name = arena_strdup(ruleset->arena, name);
	if (!set->name)
		return -ENOMEM;
	set->foreign = !decode_shape(message, flags, set);
	set->counted = attribute_u32(message->at[NFTA_SET_COUNT], &set->count);
	return decode_comment(ruleset->arena, message->at[NFTA_SET_USERDATA],
	                      NFTNL_UDATA_SET_COMMENT, &set->comment);
}

/* The chain of a `goto`; NULL when the data is anything else. */
static const char *decode_goto(const struct nlattr *data)
{
	struct attributes fields, verdict;
	uint32_t code;

	attributes_of_nested(&fields, data);
	attributes_of_nested(&verdict, fields.at[NFTA_DATA_VERDICT]);
	if (!attribute_u32(verdict.at[NFTA_VERDICT_CODE], &code) || (int32_t)code != NFT_GOTO)
		return NULL;
	return attribute_string(verdict.at[NFTA_VERDICT_CHAIN]);
}

/* Rounded up, so that what has an end never seems to have none. */
static uint32_t seconds_of(uint64_t milliseconds)
{
	uint64_t seconds = milliseconds / 1000 + (milliseconds % 1000 != 0);

	return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

bool decode_element(const struct set *set, const struct nlattr *element,
                    struct raw_element *ret_element)
{
	struct raw_element raw = {};
	struct attributes fields, key;
	uint32_t flags = 0;
	uint64_t milliseconds;
	const uint8_t *bytes;
	size_t length;

	attributes_of_nested(&fields, element);
	attributes_of_nested(&key, fields.at[NFTA_SET_ELEM_KEY]);
	bytes = attribute_bytes(key.at[NFTA_DATA_VALUE], &length);
	if (!bytes || length != set_key_length(set->type) || length > sizeof(raw.key))
		return false;
	memcpy(raw.key, bytes, length);

	(void)attribute_u32(fields.at[NFTA_SET_ELEM_FLAGS], &flags);
	if (flags & ~(uint32_t)NFT_SET_ELEM_INTERVAL_END)
		return false;
	raw.end = flags & NFT_SET_ELEM_INTERVAL_END;
	if (raw.end && !set->interval)
		return false;
	if ((fields.at[NFTA_SET_ELEM_TIMEOUT] || fields.at[NFTA_SET_ELEM_EXPIRATION]) &&
	    !set->timed)
		return false;
	if (fields.at[NFTA_SET_ELEM_EXPR] || fields.at[NFTA_SET_ELEM_EXPRESSIONS] ||
	    fields.at[NFTA_SET_ELEM_OBJREF] || fields.at[NFTA_SET_ELEM_KEY_END])
		return false;
	if (set->map && !raw.end) {
		raw.chain = decode_goto(fields.at[NFTA_SET_ELEM_DATA]);
		if (!raw.chain)
			return false;
	}

	if (set->timed) {
		raw.life.comment = comment_within(fields.at[NFTA_SET_ELEM_USERDATA],
		                                  NFTNL_UDATA_SET_ELEM_COMMENT);
		if (attribute_u64(fields.at[NFTA_SET_ELEM_TIMEOUT], &milliseconds))
			raw.life.timeout = seconds_of(milliseconds);
		if (attribute_u64(fields.at[NFTA_SET_ELEM_EXPIRATION], &milliseconds))
			raw.life.left = seconds_of(milliseconds);
	}
	*ret_element = raw;
	return true;
}

/* By key; at the same key the end of one range comes before the beginning of the next. */
static int raw_compare(const void *a, const void *b)
{
	const struct raw_element *x = a, *y = b;
	int order = memcmp(x->key, y->key, sizeof(x->key));

	return order != 0 ? order : (int)y->end - (int)x->end;
}

static void key_before(uint8_t *key, size_t length)
{
	while (length-- > 0)
		if (key[length]-- != 0)
			return;
}

static int pair_sorted(struct set *set, const struct raw_element *elements, size_t count)
{
	size_t length = set_key_length(set->type);

	for (size_t i = 0; i < count; i++) {
		const struct raw_element *next = i + 1 < count ? &elements[i + 1] : NULL;
		struct element *element;

		/* nft ends the empty space before the first range, where nothing has begun; in a
		 * timed set the kernel hides beginnings that are over before it takes their ends.
		 */
		if (elements[i].end) {
			if (i == 0 || set->timed)
				continue;
			return -EBADMSG;
		}
		element = ARRAY_ADD(&set->elements);
		if (!element)
			return -ENOMEM;
		memcpy(element->from, elements[i].key, length);
		if (set->timed)
			element->life = elements[i].kept;
		else
			element->chain = elements[i].chain;
		if (next && next->end) {
			memcpy(element->to, next->key, length);
			key_before(element->to, length);
			i++;
		} else if (!next) {
			memset(element->to, 0xff, length);
		} else {
			return -EBADMSG;
		}
	}
	return 0;
}

int pair_elements(struct set *set, struct raw_element *elements, size_t count)
{
	int r;

	if (count > 0)
		qsort(elements, count, sizeof(*elements), raw_compare);
	r = pair_sorted(set, elements, count);
	if (r < 0)
		set->elements.count = 0;
	return r;
}
