/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/revoked.h"

#include "base/protocol.h"
#include "kernel/batch.h"
#include "ruleset/names.h"
#include "ruleset/ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

/*
 * An element is at most 80 bytes. A message's list is one attribute, of less than 64 KiB; a batch
 * is less than the socket's usual send buffer, and when the set has no room for all of it, none is
 * added.
 */
#define MESSAGE_ELEMENTS 512
#define BATCH_ELEMENTS   2048
#define SEND_TRIES       4

#define KEY_MAX 44

static bool is_for_set(const struct flow *flow, enum family family)
{
	return flow->source.family == family && flow->has_ports &&
	       protocol_has_ports(flow->protocol);
}

/* Each field is padded to four bytes; what fills them up is zero. */
static size_t write_key(const struct flow *flow, uint8_t key[static KEY_MAX])
{
	size_t address = family_length(flow->source.family);
	uint16_t source_port = htons(flow->source_port), port = htons(flow->reached_port);
	uint8_t *at = key;

	memset(key, 0, KEY_MAX);
	memcpy(at, flow->source.bytes, address);
	at += address;
	*at = flow->protocol;
	at += 4;
	memcpy(at, &source_port, sizeof(source_port));
	at += 4;
	memcpy(at, flow->reached.bytes, address);
	at += address;
	memcpy(at, &port, sizeof(port));
	at += 4;
	return (size_t)(at - key);
}

static void put_element(struct wire *wire, const struct flow *flow)
{
	size_t element = wire_nest(wire, NFTA_LIST_ELEM), nest;
	uint8_t key[KEY_MAX];
	size_t length = write_key(flow, key);

	nest = wire_nest(wire, NFTA_SET_ELEM_KEY);
	wire_put(wire, NFTA_DATA_VALUE, key, length);
	wire_nest_end(wire, nest);
	wire_u64(wire, NFTA_SET_ELEM_TIMEOUT, REVOKED_SECONDS * 1000);
	/* What starts the time anew for an element that is there. */
	wire_u64(wire, NFTA_SET_ELEM_EXPIRATION, REVOKED_SECONDS * 1000);
	wire_nest_end(wire, element);
}

/* The first flow from there on that belongs into the family's set; count when there is none. */
static size_t find_flow(enum family family, const struct flow *flows, size_t count, size_t from)
{
	while (from < count && !is_for_set(&flows[from], family))
		from++;
	return from;
}

/*
 * Writes one message with the flow at *next and those behind it, and moves *next on to the first
 * one that it does not have; how many elements it has.
 */
static size_t put_message(struct batch *batch, enum family family, const struct flow *flows,
                          size_t count, size_t *next)
{
	struct wire *wire = &batch->wire;
	size_t elements = 0, nest;

	/* Without NLM_F_EXCL: two changes of policy may cut the same flow. */
	batch_message(batch, NULL, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	wire_string(wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(wire, NFTA_SET_ELEM_LIST_SET, set_revoked(family));
	nest = wire_nest(wire, NFTA_SET_ELEM_LIST_ELEMENTS);
	while (*next < count && elements < MESSAGE_ELEMENTS) {
		put_element(wire, &flows[*next]);
		elements++;
		*next = find_flow(family, flows, count, *next + 1);
	}
	wire_nest_end(wire, nest);
	wire_end(wire);
	return elements;
}

struct answers {
	const struct batch *batch;
	bool acknowledged;
	int error; /* the first one */
};

static int answer_reply(const struct nlmsghdr *message, void *userdata)
{
	struct answers *answers = userdata;
	const struct batch *batch = answers->batch;
	int error;

	/* Anything else is what an earlier request left behind. */
	if (message->nlmsg_type != NLMSG_ERROR ||
	    message->nlmsg_seq - batch->sequence >= batch_sequences(batch) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(error))
		return 0;
	memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	if (error == 0)
		answers->acknowledged = true;
	else if (answers->error == 0)
		answers->error = error;
	return 0;
}

/* 0, the kernel's errno, or -ENOBUFS when its answer was lost. */
static int send_batch(struct kernel *kernel, const struct batch *batch)
{
	struct answers answers = {.batch = batch};
	int r = kernel_commit_send(kernel, &batch->wire);

	if (r < 0)
		return r;
	r = kernel_commit_drain(kernel, answer_reply, &answers);
	if (r < 0 && r != -ENOBUFS)
		return r;
	if (answers.error < 0)
		return answers.error;
	return r == 0 && answers.acknowledged ? 0 : -ENOBUFS;
}

/*
 * The same; what is known of the table stays known, for dynamic elements are no part of it: if the
 * batch made the next generation, nobody else was at it.
 */
static int send_and_keep_view(struct kernel *kernel, const struct batch *batch)
{
	uint32_t known, before, after;
	bool current = kernel_view(kernel, &known) && kernel_generation(kernel, &before) == 0 &&
	               known == before;
	int r = send_batch(kernel, batch);

	if (r == 0 && current && kernel_generation(kernel, &after) == 0 && after == before + 1) {
		kernel_note_ours(kernel, after);
		(void)kernel_change_view(kernel, after);
	}
	return r;
}

/* Adds the flow at *next and as many behind it as a batch may have, and moves *next on. */
static int add_batch(struct kernel *kernel, enum family family, const struct flow *flows,
                     size_t count, size_t *next)
{
	_cleanup_(batch_done) struct batch batch = {};
	size_t elements = 0;
	int r = -ENOBUFS;

	batch_begin(&batch, kernel_sequence(kernel), 0);
	while (*next < count && elements < BATCH_ELEMENTS)
		elements += put_message(&batch, family, flows, count, next);
	batch_end(&batch);
	kernel_skip_sequences(kernel, batch_sequences(&batch));
	if (batch.wire.error < 0)
		return batch.wire.error;
	/* An answer that was lost is asked for again: to add an element twice does no harm. */
	for (unsigned i = 0; i < SEND_TRIES && r == -ENOBUFS; i++)
		r = send_and_keep_view(kernel, &batch);
	return r;
}

static int add_family(struct kernel *kernel, enum family family, const struct flow *flows,
                      size_t count)
{
	size_t next = find_flow(family, flows, count, 0);
	int r = 0;

	while (next < count && r >= 0)
		r = add_batch(kernel, family, flows, count, &next);
	return r == -ENFILE ? REVOKED_FULL : r;
}

int revoked_add(struct kernel *kernel, const struct flow *flows, size_t count)
{
	int ipv4 = add_family(kernel, FAMILY_IPV4, flows, count);
	int ipv6 = add_family(kernel, FAMILY_IPV6, flows, count);

	if (ipv4 < 0)
		return ipv4;
	if (ipv6 < 0)
		return ipv6;
	return ipv4 == REVOKED_FULL || ipv6 == REVOKED_FULL ? REVOKED_FULL : 0;
}
