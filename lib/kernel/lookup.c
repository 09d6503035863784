/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/lookup.h"

#include "kernel/decode.h"
#include "kernel/read.h"
#include "kernel/wire.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/*
 * Keys of one request. The kernel answers each with a message of its own and does not wait for
 * room: so many fit into the smallest receive buffer that a system gives by itself.
 */
#define KEYS_OF_REQUEST 32

/* An answer being held against the elements that were asked for, which come in that order. */
struct lookup {
	const struct set *set;
	const struct element *const *elements;
	size_t count;
	size_t found;
	bool other;
};

static bool same_element(const struct set *set, const struct element *element,
                         const struct raw_element *raw)
{
	if (raw->end || memcmp(element->key, raw->key, sizeof(element->key)) != 0)
		return false;
	return !set->map || strcmp(element_chain(set, element), raw->chain) == 0;
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
		    !same_element(lookup->set, lookup->elements[lookup->found], &raw)) {
			lookup->other = true;
			return 0;
		}
		lookup->found++;
	}
	return 0;
}

static int ask(struct kernel *kernel, struct lookup *lookup)
{
	_cleanup_(wire_done) struct wire wire = {};
	size_t length = set_key_length(lookup->set->type), list;

	table_request(&wire, kernel, NFT_MSG_GETSETELEM, NLM_F_ACK);
	wire_string(&wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(&wire, NFTA_SET_ELEM_LIST_SET, lookup->set->name);
	list = wire_nest(&wire, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < lookup->count; i++) {
		size_t element = wire_nest(&wire, NFTA_LIST_ELEM);
		size_t key = wire_nest(&wire, NFTA_SET_ELEM_KEY);

		wire_put(&wire, NFTA_DATA_VALUE, lookup->elements[i]->key, length);
		wire_nest_end(&wire, key);
		wire_nest_end(&wire, element);
	}
	wire_nest_end(&wire, list);
	wire_end(&wire);
	return kernel_request(kernel, &wire, element_reply, lookup);
}

int elements_present(struct kernel *kernel, const struct set *set,
                     const struct element *const *elements, size_t count)
{
	for (size_t done = 0; done < count;) {
		size_t left = count - done;
		struct lookup lookup = {
		        .set = set,
		        .elements = elements + done,
		        .count = left < KEYS_OF_REQUEST ? left : KEYS_OF_REQUEST,
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

int elements_absent(struct kernel *kernel, const struct set *set,
                    const struct element *const *elements, size_t count)
{
	/* The kernel stops at the first one that is not there: each has to be asked for alone. */
	for (size_t i = 0; i < count; i++) {
		struct lookup lookup = {.set = set, .elements = elements + i, .count = 1};
		int r = ask(kernel, &lookup);

		if (r != -ENOENT)
			return r < 0 ? r : LOOKUP_OTHER;
	}
	return 0;
}
