/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/picked_up.h"

#include "kernel/attribute.h"
#include "kernel/flow_set.h"
#include "kernel/read.h"
#include "kernel/wire.h"
#include "ruleset/names.h"
#include "ruleset/ruleset.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

static const struct flow_set picked_up = {.name = set_picked_up, .seconds = PICKED_UP_SECONDS};

void picked_up_done(struct picked_up_list *list)
{
	ARRAY_DONE(&list->list);
}

/* An answer on its way into a list. */
struct answer {
	struct picked_up_list *list;
	enum family family;
};

static uint16_t port_at(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Each field of the key is padded to four bytes. */
static struct picked_up picked_up_of(enum family family, const uint8_t *key)
{
	size_t address = family_length(family);
	return (struct picked_up){
	        .server = address_from_bytes(family, key),
	        .protocol = key[address],
	        .server_port = port_at(key + address + 4),
	        .client = address_from_bytes(family, key + address + 8),
	        .client_port = port_at(key + 2 * address + 8),
	};
}

static int add_element(const struct answer *answer, const struct nlattr *nest)
{
	struct attributes fields, key;
	uint64_t milliseconds = 0;
	size_t length;

	attributes_of_nested(&fields, nest);
	attributes_of_nested(&key, fields.at[NFTA_SET_ELEM_KEY]);
	const uint8_t *bytes = attribute_bytes(key.at[NFTA_DATA_VALUE], &length);
	if (!bytes || length != 2 * family_length(answer->family) + 12)
		return -EBADMSG;
	struct picked_up *slot = ARRAY_ADD(&answer->list->list);
	if (!slot)
		return -ENOMEM;
	*slot = picked_up_of(answer->family, bytes);
	(void)attribute_u64(fields.at[NFTA_SET_ELEM_EXPIRATION], &milliseconds);
	slot->left = (uint32_t)(milliseconds / 1000);
	return 0;
}

static int on_elements(const struct nlmsghdr *message, void *userdata)
{
	const struct nlattr *element = NULL;
	struct attributes attributes;

	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	attributes_of_message(&attributes, message);
	const char *table = attribute_string(attributes.at[NFTA_SET_ELEM_LIST_TABLE]);
	if (!table || strcmp(table, TABLE_NAME) != 0)
		return 0;
	const struct nlattr *list = attributes.at[NFTA_SET_ELEM_LIST_ELEMENTS];
	while ((element = attribute_next_nested(list, element))) {
		int r = add_element(userdata, element);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_family(struct kernel *kernel, enum family family, struct picked_up_list *list)
{
	_cleanup_(wire_done) struct wire wire = {};
	struct answer answer = {.list = list, .family = family};

	table_request(&wire, kernel, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	wire_string(&wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(&wire, NFTA_SET_ELEM_LIST_SET, set_picked_up(family));
	wire_end(&wire);
	int r = kernel_request(kernel, &wire, on_elements, &answer);
	return r == -ENOENT ? 0 : r;
}

static int compare(const void *a, const void *b)
{
	const struct picked_up *x = a, *y = b;
	int order = address_compare(&x->server, &y->server);
	if (!order)
		order = address_compare(&x->client, &y->client);
	if (!order)
		order = (x->server_port > y->server_port) - (x->server_port < y->server_port);
	if (!order)
		order = (x->client_port > y->client_port) - (x->client_port < y->client_port);
	return order ? order : (x->protocol > y->protocol) - (x->protocol < y->protocol);
}

static int read_all(struct kernel *kernel, struct picked_up_list *ret_list)
{
	struct picked_up_list list = {};
	int r = 0;
	for (int family = 0; family < FAMILY_COUNT && r >= 0; family++)
		r = read_family(kernel, (enum family)family, &list);
	if (r < 0) {
		picked_up_done(&list);
		return r;
	}
	if (list.list.count)
		qsort(list.list.items, list.list.count, sizeof(*list.list.items), compare);
	*ret_list = list;
	return 0;
}

int picked_up_read(struct kernel *kernel, struct picked_up_list *ret_list)
{
	for (unsigned i = 0; i < KERNEL_READ_TRIES; i++) {
		int r = read_all(kernel, ret_list);
		if (r != -EINTR && r != -ENOBUFS)
			return r;
	}
	return -EBUSY;
}

const struct picked_up *picked_up_find(const struct picked_up_list *list, const struct flow *flow)
{
	const struct picked_up key = {
	        .server = flow->source,
	        .client = flow->reached,
	        .protocol = flow->protocol,
	        .server_port = flow->source_port,
	        .client_port = flow->reached_port,
	};
	return list->list.count
	               ? bsearch(&key, list->list.items, list->list.count, sizeof(key), compare)
	               : NULL;
}

int picked_up_add(struct kernel *kernel, const struct flow *flows, size_t count)
{
	int r = flow_set_add(kernel, &picked_up, flows, count);
	return r == FLOW_SET_FULL ? PICKED_UP_FULL : r;
}

int picked_up_remove(struct kernel *kernel, const struct flow *flows, size_t count)
{
	return flow_set_remove(kernel, &picked_up, flows, count);
}

int picked_up_renew(struct kernel *kernel, const struct flow *flows, size_t count)
{
	int r = flow_set_replace(kernel, &picked_up, flows, count);
	/* What goes makes room only once the commit is over; where a set is full, the kernels that
	 * can let an element's time begin anew in its place do so. */
	return r == FLOW_SET_FULL ? flow_set_add(kernel, &picked_up, flows, count) : r;
}
