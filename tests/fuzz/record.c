/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/decode.h"
#include "kernel/generation.h"
#include "kernel/nflog_record.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

/*
 * The input is a datagram as it comes from a netlink socket: messages one behind the other. Each is
 * read as everything that we take from the kernel: a record of the packet log, the end of a commit,
 * and a part of a table.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
	if (!condition)
		abort();
}

static void read_record(const struct nlmsghdr *message)
{
	const uint8_t *start = (const uint8_t *)message, *end = start + message->nlmsg_len;
	struct record record;
	bool has_sequence;
	uint32_t sequence;

	if (nflog_record_read(message, 1, &record, &has_sequence, &sequence) < 0)
		return;
	demand(strlen(record.prefix) < message->nlmsg_len);
	if (record.payload)
		demand(record.payload >= start && record.payload <= end &&
		       record.payload_length <= (size_t)(end - record.payload));
	else
		demand(record.payload_length == 0);
}

static void read_generation(const struct nlmsghdr *message)
{
	struct generation_event event;

	if (generation_event_read(message, &event))
		demand(memchr(event.process, '\0', sizeof(event.process)) != NULL);
}

/* A set of the type that the first byte says; each nested attribute as an element of it. */
static void read_elements(const struct attributes *attributes, enum set_type type, bool map)
{
	struct set set = {.name = "s", .type = type, .map = map};

	set.interval = type == SET_IPV4 || type == SET_IPV6 || type == SET_PORT;
	for (size_t i = 0; i < ATTRIBUTES_MAX; i++) {
		const struct nlattr *element = NULL;
		struct raw_element ends[32];
		size_t count = 0;

		while (count < 32 &&
		       (element = attribute_next_nested(attributes->at[i], element))) {
			if (decode_element(&set, element, &ends[count]))
				count++;
		}
		if (set.interval && pair_elements(&set, ends, count) == 0) {
			ARRAY_FOREACH (range, &set.elements)
				demand(memcmp(range->from, range->to, set_key_length(type)) <= 0);
		}
	}
	ARRAY_DONE(&set.elements);
}

static void read_table(const struct attributes *attributes)
{
	_cleanup_(ruleset_freep) struct ruleset *ruleset = ruleset_new();
	struct rule rule;

	if (!ruleset)
		return;
	(void)decode_table(attributes, ruleset);
	(void)decode_chain(attributes, ruleset);
	(void)decode_set(attributes, ruleset);
	(void)decode_object(attributes, ruleset);
	(void)decode_flowtable(attributes, ruleset);
	if (decode_rule(ruleset->arena, attributes, &rule) == 0) {
		demand(rule.code.count <= OPS_MAX);
		for (size_t i = 0; i < rule.code.count; i++)
			demand(rule.code.ops[i].kind == OP_PAYLOAD ||
			       rule.code.ops[i].length <= 16);
	}
	for (int type = 0; type < SET_TYPE_COUNT; type++)
		read_elements(attributes, (enum set_type)type, type % 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		_cleanup_free_ struct nlmsghdr *message = NULL;
		struct attributes attributes;
		uint32_t length;
		size_t step;

		memcpy(&length, data, sizeof(length));
		if (length < sizeof(struct nlmsghdr) || length > size)
			break;
		/* Of its exact size, so that the sanitizer sees a read behind the end. */
		message = malloc(length);
		if (!message)
			return 0;
		memcpy(message, data, length);
		read_record(message);
		read_generation(message);
		attributes_of_message(&attributes, message);
		read_table(&attributes);

		step = netlink_align(length);
		if (step >= size)
			break;
		data += step;
		size -= step;
	}
	return 0;
}
