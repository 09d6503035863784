/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/counters.h"

#include "kernel/attribute.h"
#include "kernel/datagram.h"
#include "kernel/read.h"
#include "kernel/wire.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

struct counter_values *counter_values_free(struct counter_values *values)
{
	if (!values)
		return NULL;
	ARRAY_DONE(&values->list);
	arena_free(values->arena);
	free(values);
	return NULL;
}

struct counted_elements *counted_elements_free(struct counted_elements *elements)
{
	if (!elements)
		return NULL;
	ARRAY_DONE(&elements->list);
	free(elements);
	return NULL;
}

static bool decode_counter(const struct nlattr *data, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct attributes fields;

	attributes_of_nested(&fields, data);
	return attribute_u64(fields.at[NFTA_COUNTER_PACKETS], ret_packets) &&
	       attribute_u64(fields.at[NFTA_COUNTER_BYTES], ret_bytes);
}

static bool is_our_table(const struct nlattr *attribute)
{
	const char *name = attribute_string(attribute);

	return name && strcmp(name, TABLE_NAME) == 0;
}

static int value_reply(const struct nlmsghdr *message, void *userdata)
{
	struct counter_values *values = userdata;
	struct attributes attributes;
	struct counter_value *value;
	const char *name;
	uint32_t type;

	attributes_of_message(&attributes, message);
	name = attribute_string(attributes.at[NFTA_OBJ_NAME]);
	if (!is_our_table(attributes.at[NFTA_OBJ_TABLE]) || !name ||
	    !attribute_u32(attributes.at[NFTA_OBJ_TYPE], &type) || type != NFT_OBJECT_COUNTER)
		return 0;
	value = ARRAY_ADD(&values->list);
	if (!value)
		return -ENOMEM;
	value->name = arena_strdup(values->arena, name);
	if (!value->name)
		return -ENOMEM;
	return decode_counter(attributes.at[NFTA_OBJ_DATA], &value->packets, &value->bytes)
	               ? 0
	               : -EBADMSG;
}

static int read_values(struct kernel *kernel, struct counter_values **ret_values)
{
	_cleanup_(counter_values_freep) struct counter_values *values = NULL;
	_cleanup_(wire_done) struct wire wire = {};
	int r;

	values = calloc(1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	values->arena = arena_new();
	if (!values->arena)
		return -ENOMEM;

	table_request(&wire, kernel, NFT_MSG_GETOBJ, NLM_F_DUMP);
	wire_string(&wire, NFTA_OBJ_TABLE, TABLE_NAME);
	wire_u32(&wire, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	wire_end(&wire);
	r = kernel_request(kernel, &wire, value_reply, values);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret_values = TAKE_POINTER(values);
	return 0;
}

/* What an interrupted dump has said is not to be trusted, and is asked for again. */
static bool is_interrupted(int r)
{
	return r == -EINTR || r == -ENOBUFS;
}

int counters_read(struct kernel *kernel, struct counter_values **ret_values)
{
	for (unsigned i = 0; i < KERNEL_READ_TRIES; i++) {
		int r = read_values(kernel, ret_values);

		if (!is_interrupted(r))
			return r;
	}
	return -EBUSY;
}

static int add_counted(struct counted_elements *elements, const struct nlattr *nest)
{
	struct attributes fields, key, expression;
	struct counted_element *element;
	const uint8_t *bytes;
	size_t length;

	attributes_of_nested(&fields, nest);
	attributes_of_nested(&key, fields.at[NFTA_SET_ELEM_KEY]);
	attributes_of_nested(&expression, fields.at[NFTA_SET_ELEM_EXPR]);
	bytes = attribute_bytes(key.at[NFTA_DATA_VALUE], &length);
	if (!bytes || length > sizeof(element->key))
		return -EBADMSG;
	element = ARRAY_ADD(&elements->list);
	if (!element)
		return -ENOMEM;
	memcpy(element->key, bytes, length);
	return decode_counter(expression.at[NFTA_EXPR_DATA], &element->packets, &element->bytes)
	               ? 0
	               : -EBADMSG;
}

static int element_reply(const struct nlmsghdr *message, void *userdata)
{
	const struct nlattr *list, *element = NULL;
	struct attributes attributes;
	int r;

	attributes_of_message(&attributes, message);
	if (!is_our_table(attributes.at[NFTA_SET_ELEM_LIST_TABLE]))
		return 0;
	list = attributes.at[NFTA_SET_ELEM_LIST_ELEMENTS];
	while ((element = attribute_next_nested(list, element))) {
		r = add_counted(userdata, element);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A dump of which no more is read than is asked for. */
struct dump {
	struct counted_elements *elements;
	size_t most;
	bool ended;
};

static int dump_reply(const struct nlmsghdr *message, void *userdata)
{
	struct dump *dump = userdata;
	int error = 0;

	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
		dump->ended = true;
		if (mnl_nlmsg_get_payload_len(message) >= sizeof(error))
			memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
		return error;
	}
	int r = element_reply(message, dump->elements);
	if (r < 0)
		return r;
	return dump->elements->list.count > dump->most ? -EFBIG : 0;
}

/* By a socket of its own: what is left of the answer ends with it, before the kernel makes it. */
static int read_counted(const char *set, size_t most, struct counted_elements **ret_elements)
{
	_cleanup_(counted_elements_freep) struct counted_elements *elements = NULL;
	_cleanup_(kernel_freep) struct kernel *kernel = NULL;
	_cleanup_(wire_done) struct wire wire = {};

	elements = calloc(1, sizeof(*elements));
	if (!elements)
		return -ENOMEM;
	int r = kernel_open_asking(&kernel);
	if (r < 0)
		return r;
	table_request(&wire, kernel, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	wire_string(&wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(&wire, NFTA_SET_ELEM_LIST_SET, set);
	wire_end(&wire);
	if (wire.error < 0)
		return wire.error;
	if (send(kernel_fd(kernel), wire.bytes, wire.length, 0) < 0)
		return -errno;

	struct dump dump = {.elements = elements, .most = most};
	while (!dump.ended) {
		r = datagram_wait(kernel_fd(kernel));
		if (r < 0)
			return r;
		r = kernel_drain(kernel, dump_reply, &dump);
		if (r < 0 && r != -EFBIG)
			return r;
		if (r == -EFBIG)
			break;
	}
	*ret_elements = TAKE_POINTER(elements);
	return r == -EFBIG ? COUNTED_MORE : 0;
}

int counted_element_find(struct kernel *kernel, const char *set, const void *key, size_t key_length,
                         struct counted_element *ret_element)
{
	_cleanup_(counted_elements_freep) struct counted_elements *elements = NULL;
	_cleanup_(wire_done) struct wire wire = {};

	elements = calloc(1, sizeof(*elements));
	if (!elements)
		return -ENOMEM;
	table_request(&wire, kernel, NFT_MSG_GETSETELEM, NLM_F_ACK);
	wire_string(&wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(&wire, NFTA_SET_ELEM_LIST_SET, set);
	size_t list = wire_nest(&wire, NFTA_SET_ELEM_LIST_ELEMENTS);
	size_t element = wire_nest(&wire, NFTA_LIST_ELEM);
	size_t value = wire_nest(&wire, NFTA_SET_ELEM_KEY);
	wire_put(&wire, NFTA_DATA_VALUE, key, key_length);
	wire_nest_end(&wire, value);
	wire_nest_end(&wire, element);
	wire_nest_end(&wire, list);
	wire_end(&wire);
	int r = kernel_request(kernel, &wire, element_reply, elements);
	if (r < 0)
		return r;
	if (elements->list.count != 1)
		return -EBADMSG;
	*ret_element = elements->list.items[0];
	return 0;
}

int counted_elements_read(const char *set, size_t most, struct counted_elements **ret_elements)
{
	for (unsigned i = 0; i < KERNEL_READ_TRIES; i++) {
		int r = read_counted(set, most, ret_elements);

		if (!is_interrupted(r))
			return r;
	}
	return -EBUSY;
}
