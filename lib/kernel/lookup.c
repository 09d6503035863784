/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/lookup.h"

#include "kernel/decode.h"
#include "kernel/encode.h"
#include "kernel/read.h"
#include "kernel/wire.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

/*
 * Keys of one request. The kernel answers each with a message of its own and does not wait for
 * room: so many fit into the smallest receive buffer that a system gives by itself.
 */
#define KEYS_OF_REQUEST 32

/*
 * An answer being held against the elements that were asked for, which come in that order. Of an
 * interval set both ends of a range come: two keys, or one for a range that has no end.
 */
struct lookup {
	const struct set *set;
	const struct element *const *elements;
	size_t count;
	size_t found;
	bool ends;   /* ends of ranges are asked for as well */
	bool at_end; /* the next one to come is the end of elements[found] */
	bool other;
};

/* The key of the end that the kernel keeps for a range; false when it has none. */
static bool end_of(const struct lookup *lookup, const struct element *element,
                   uint8_t key[static SET_KEY_MAX])
{
	size_t length = set_key_length(lookup->set->type);

	if (!lookup->ends)
		return false;
	memset(key, 0, SET_KEY_MAX);
	memcpy(key, element->to, length);
	return key_after(key, length);
}

/* An element that is no range has its key, or the first one of a range. */
static bool is_beginning(const struct set *set, const struct element *element,
                         const struct raw_element *raw)
{
	size_t length = set_key_length(set->type);

	if (raw->end || memcmp(element->key, raw->key, length) != 0)
		return false;
	return !set->map || strcmp(element_chain(set, element), raw->chain) == 0;
}

static bool take_raw(struct lookup *lookup, const struct raw_element *raw)
{
	const struct element *element = lookup->elements[lookup->found];
	uint8_t end[SET_KEY_MAX];
	bool has_end = end_of(lookup, element, end);

	if (lookup->at_end ? !raw->end || memcmp(raw->key, end, sizeof(end)) != 0
	                   : !is_beginning(lookup->set, element, raw))
		return false;
	lookup->at_end = !lookup->at_end && has_end;
	lookup->found += !lookup->at_end;
	return true;
}

static int element_reply(const struct nlmsghdr *message, void *userdata)
{
	struct lookup *lookup = userdata;
	const struct nlattr *list, *element = NULL;
	struct attributes attributes;
	struct raw_element raw;

	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
		return 0;
	attributes_of_message(&attributes, message);
	list = attributes.at[NFTA_SET_ELEM_LIST_ELEMENTS];
	while ((element = attribute_next_nested(list, element))) {
		if (lookup->found == lookup->count || !decode_element(lookup->set, element, &raw) ||
		    !take_raw(lookup, &raw)) {
			lookup->other = true;
			return 0;
		}
	}
	return 0;
}

static void put_key(struct wire *wire, const struct set *set, const uint8_t *key, bool end)
{
	size_t element = wire_nest(wire, NFTA_LIST_ELEM);
	size_t nest;

	if (end)
		wire_u32(wire, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	nest = wire_nest(wire, NFTA_SET_ELEM_KEY);
	wire_put(wire, NFTA_DATA_VALUE, key, set_key_length(set->type));
	wire_nest_end(wire, nest);
	wire_nest_end(wire, element);
}

static int ask(struct kernel *kernel, struct lookup *lookup)
{
	_cleanup_(wire_done) struct wire wire = {};
	uint8_t end[SET_KEY_MAX];
	size_t list;

	table_request(&wire, kernel, NFT_MSG_GETSETELEM, NLM_F_ACK);
	wire_string(&wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(&wire, NFTA_SET_ELEM_LIST_SET, lookup->set->name);
	list = wire_nest(&wire, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < lookup->count; i++) {
		put_key(&wire, lookup->set, lookup->elements[i]->key, false);
		if (end_of(lookup, lookup->elements[i], end))
			put_key(&wire, lookup->set, end, true);
	}
	wire_nest_end(&wire, list);
	wire_end(&wire);
	return kernel_request(kernel, &wire, element_reply, lookup);
}

int elements_present(struct kernel *kernel, const struct set *set,
                     const struct element *const *elements, size_t count)
{
	size_t most = set->interval ? KEYS_OF_REQUEST / 2 : KEYS_OF_REQUEST;

	for (size_t done = 0; done < count;) {
		size_t left = count - done;
		struct lookup lookup = {
		        .set = set,
		        .elements = elements + done,
		        .count = left < most ? left : most,
		        .ends = set->interval,
		};
		int r = ask(kernel, &lookup);

		if (r < 0 && r != -ENOENT)
			return r;
		if (r == -ENOENT || lookup.other || lookup.found != lookup.count)
			return LOOKUP_OTHER;
		done += lookup.count;
	}
	return 0;
}

int elements_sample(struct kernel *kernel, const struct set *set, const struct element *elements,
                    size_t count, size_t most, size_t *ret_asked)
{
	size_t asked = count < most ? count : most;
	_cleanup_free_ const struct element **sample = calloc(asked + 1, sizeof(*sample));

	if (!sample)
		return -ENOMEM;
	for (size_t i = 0; i < asked; i++)
		sample[i] = &elements[asked > 1 ? i * (count - 1) / (asked - 1) : 0];
	*ret_asked = asked;
	return elements_present(kernel, set, sample, asked);
}

int elements_absent(struct kernel *kernel, const struct set *set,
                    const struct element *const *elements, size_t count)
{
	/* The kernel stops at the first one that is not there: each has to be asked for alone. */
	for (size_t i = 0; i < count; i++) {
		struct lookup lookup = {.set = set, .elements = elements + i, .count = 1};
		int r = ask(kernel, &lookup);

		/* In place of a range it names the one before. */
		if (r == -ENOENT || (r == 0 && set->interval && lookup.other))
			continue;
		return r < 0 ? r : LOOKUP_OTHER;
	}
	return 0;
}
