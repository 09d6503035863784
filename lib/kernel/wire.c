/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/wire.h"

#include "base/array.h"
#include "kernel/attribute.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

void wire_done(struct wire *wire)
{
	array_done((void **)&wire->bytes, &wire->length, &wire->capacity);
	*wire = (struct wire){};
}

/* Room for that many bytes, padded to the alignment with zeros; NULL after a failure. */
static uint8_t *wire_extend(struct wire *wire, size_t length)
{
	size_t padded = netlink_align(length);
	uint8_t *at;

	if (wire->error < 0)
		return NULL;
	if (array_reserve((void **)&wire->bytes, &wire->capacity, wire->length + padded, 1) < 0) {
		wire->error = -ENOMEM;
		return NULL;
	}

	at = wire->bytes + wire->length;
	memset(at, 0, padded);
	wire->length += padded;
	return at;
}

void wire_begin(struct wire *wire, unsigned subsystem, unsigned type, unsigned flags,
                uint8_t family, uint16_t resource, uint32_t sequence)
{
	struct nlmsghdr header = {
	        .nlmsg_type = (uint16_t)(subsystem << 8 | type),
	        .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
	        .nlmsg_seq = sequence,
	};
	struct nfgenmsg extra = {
	        .nfgen_family = family,
	        .version = NFNETLINK_V0,
	        .res_id = htons(resource),
	};
	uint8_t *at;

	wire->message = wire->length;
	at = wire_extend(wire, sizeof(header) + sizeof(extra));
	if (!at)
		return;
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), &extra, sizeof(extra));
}

void wire_end(struct wire *wire)
{
	uint32_t length;

	if (wire->error < 0)
		return;
	length = (uint32_t)wire_message_length(wire);
	memcpy(wire->bytes + wire->message + offsetof(struct nlmsghdr, nlmsg_len), &length,
	       sizeof(length));
}

size_t wire_message_length(const struct wire *wire)
{
	return wire->length - wire->message;
}

void wire_add_flags(struct wire *wire, size_t message, unsigned flags)
{
	uint16_t value;
	uint8_t *at;

	if (wire->error < 0)
		return;
	assert(message + sizeof(struct nlmsghdr) <= wire->length);
	at = wire->bytes + message + offsetof(struct nlmsghdr, nlmsg_flags);
	memcpy(&value, at, sizeof(value));
	value = (uint16_t)(value | flags);
	memcpy(at, &value, sizeof(value));
}

void wire_put(struct wire *wire, unsigned type, const void *data, size_t length)
{
	struct nlattr header = {
	        .nla_len = (uint16_t)(sizeof(struct nlattr) + length),
	        .nla_type = (uint16_t)type,
	};
	uint8_t *at;

	if (length > UINT16_MAX - sizeof(struct nlattr)) {
		if (wire->error >= 0)
			wire->error = -EMSGSIZE;
		return;
	}
	at = wire_extend(wire, sizeof(struct nlattr) + length);
	if (!at)
		return;
	memcpy(at, &header, sizeof(header));
	if (length > 0)
		memcpy(at + sizeof(struct nlattr), data, length);
}

void wire_u8(struct wire *wire, unsigned type, uint8_t value)
{
	wire_put(wire, type, &value, sizeof(value));
}

void wire_u16(struct wire *wire, unsigned type, uint16_t value)
{
	value = htons(value);
	wire_put(wire, type, &value, sizeof(value));
}

void wire_u32(struct wire *wire, unsigned type, uint32_t value)
{
	value = htonl(value);
	wire_put(wire, type, &value, sizeof(value));
}

void wire_u64(struct wire *wire, unsigned type, uint64_t value)
{
	value = htobe64(value);
	wire_put(wire, type, &value, sizeof(value));
}

void wire_string(struct wire *wire, unsigned type, const char *string)
{
	wire_put(wire, type, string, strlen(string) + 1);
}

size_t wire_nest(struct wire *wire, unsigned type)
{
	size_t nest = wire->length;

	wire_put(wire, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

void wire_nest_end(struct wire *wire, size_t nest)
{
	uint16_t length;

	if (wire->error < 0)
		return;
	/* A nested attribute longer than this would wrap without a word. */
	if (wire->length - nest > UINT16_MAX) {
		wire->error = -EMSGSIZE;
		return;
	}
	length = (uint16_t)(wire->length - nest);
	memcpy(wire->bytes + nest + offsetof(struct nlattr, nla_len), &length, sizeof(length));
}
