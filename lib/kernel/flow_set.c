/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/flow_set.h"

#include "base/protocol.h"
#include "kernel/dynamic.h"
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

/* What is written about each flow. */
struct deed {
	const struct flow_set *set;
	bool removes, adds;
};

static void put_element(struct wire *wire, const struct flow_set *set, bool remove,
                        const struct flow *flow)
{
	size_t element = wire_nest(wire, NFTA_LIST_ELEM), nest;
	uint8_t key[KEY_MAX];
	size_t length = write_key(flow, key);

	nest = wire_nest(wire, NFTA_SET_ELEM_KEY);
	wire_put(wire, NFTA_DATA_VALUE, key, length);
	wire_nest_end(wire, nest);
	if (!remove) {
		uint64_t milliseconds = (uint64_t)set->seconds * 1000;
		wire_u64(wire, NFTA_SET_ELEM_TIMEOUT, milliseconds);
		/* What starts the time anew for an element that is there. */
		wire_u64(wire, NFTA_SET_ELEM_EXPIRATION, milliseconds);
	}
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
static size_t put_message(struct batch *batch, const struct flow_set *set, bool remove,
                          enum family family, const struct flow *flows, size_t count, size_t *next)
{
	struct wire *wire = &batch->wire;
	size_t elements = 0, nest;

	/* Without NLM_F_EXCL: a flow may be there already. */
	if (remove)
		batch_message(batch, NULL, NFT_MSG_DELSETELEM, 0);
	else
		batch_message(batch, NULL, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	wire_string(wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(wire, NFTA_SET_ELEM_LIST_SET, set->name(family));
	nest = wire_nest(wire, NFTA_SET_ELEM_LIST_ELEMENTS);
	while (*next < count && elements < MESSAGE_ELEMENTS) {
		put_element(wire, set, remove, &flows[*next]);
		elements++;
		*next = find_flow(family, flows, count, *next + 1);
	}
	wire_nest_end(wire, nest);
	wire_end(wire);
	return elements;
}

/* Sends the flow at *next and as many after it as a batch may have, and moves *next on. */
static int send_part(struct kernel *kernel, const struct deed *deed, enum family family,
                     const struct flow *flows, size_t count, size_t *next)
{
	_cleanup_(batch_done) struct batch batch = {};
	size_t elements = 0;

	batch_begin(&batch, kernel_sequence(kernel), 0);
	while (*next < count && elements < BATCH_ELEMENTS) {
		size_t first = *next;
		if (deed->removes)
			elements +=
			        put_message(&batch, deed->set, true, family, flows, count, next);
		if (deed->removes && deed->adds)
			*next = first;
		if (deed->adds)
			elements +=
			        put_message(&batch, deed->set, false, family, flows, count, next);
	}
	batch_end(&batch);
	return dynamic_commit(kernel, &batch);
}

static int send_family(struct kernel *kernel, const struct deed *deed, enum family family,
                       const struct flow *flows, size_t count)
{
	size_t next = find_flow(family, flows, count, 0);
	int r = 0;

	while (next < count && r >= 0)
		r = send_part(kernel, deed, family, flows, count, &next);
	return r == -ENFILE ? FLOW_SET_FULL : r;
}

static int send_all(struct kernel *kernel, const struct deed *deed, const struct flow *flows,
                    size_t count)
{
	int ipv4 = send_family(kernel, deed, FAMILY_IPV4, flows, count);
	int ipv6 = send_family(kernel, deed, FAMILY_IPV6, flows, count);

	if (ipv4 < 0)
		return ipv4;
	if (ipv6 < 0)
		return ipv6;
	return ipv4 == FLOW_SET_FULL || ipv6 == FLOW_SET_FULL ? FLOW_SET_FULL : 0;
}

int flow_set_add(struct kernel *kernel, const struct flow_set *set, const struct flow *flows,
                 size_t count)
{
	return send_all(kernel, &(struct deed){.set = set, .adds = true}, flows, count);
}

int flow_set_remove(struct kernel *kernel, const struct flow_set *set, const struct flow *flows,
                    size_t count)
{
	return send_all(kernel, &(struct deed){.set = set, .removes = true}, flows, count);
}

int flow_set_replace(struct kernel *kernel, const struct flow_set *set, const struct flow *flows,
                     size_t count)
{
	return send_all(kernel, &(struct deed){.set = set, .removes = true, .adds = true}, flows,
	                count);
}
