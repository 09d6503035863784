/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/attribute.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

void attributes_read(struct attributes *attributes, const void *payload, size_t length)
{
	const struct nlattr *attribute;

	*attributes = (struct attributes){};
	for (size_t at = 0; (attribute = attribute_at(payload, length, at));
	     at = netlink_align(at + attribute->nla_len)) {
		uint16_t type = mnl_attr_get_type(attribute);

		if (type < ATTRIBUTES_MAX)
			attributes->at[type] = attribute;
	}
}

void attributes_of_message(struct attributes *attributes, const struct nlmsghdr *message)
{
	size_t skip = sizeof(struct nlmsghdr) + netlink_align(sizeof(struct nfgenmsg));

	*attributes = (struct attributes){};
	if (message->nlmsg_len > skip)
		attributes_read(attributes, (const uint8_t *)message + skip,
		                message->nlmsg_len - skip);
}

void attributes_of_nested(struct attributes *attributes, const struct nlattr *nest)
{
	size_t length;
	const uint8_t *bytes = attribute_bytes(nest, &length);

	*attributes = (struct attributes){};
	if (bytes)
		attributes_read(attributes, bytes, length);
}

static bool attribute_copy(const struct nlattr *attribute, void *ret, size_t size)
{
	if (!attribute || attribute_length(attribute) != size)
		return false;
	memcpy(ret, attribute_payload(attribute), size);
	return true;
}

bool attribute_u8(const struct nlattr *attribute, uint8_t *ret)
{
	return attribute_copy(attribute, ret, sizeof(*ret));
}

bool attribute_u16(const struct nlattr *attribute, uint16_t *ret)
{
	uint16_t value;

	if (!attribute_copy(attribute, &value, sizeof(value)))
		return false;
	*ret = ntohs(value);
	return true;
}

bool attribute_u32(const struct nlattr *attribute, uint32_t *ret)
{
	uint32_t value;

	if (!attribute_copy(attribute, &value, sizeof(value)))
		return false;
	*ret = ntohl(value);
	return true;
}

bool attribute_u64(const struct nlattr *attribute, uint64_t *ret)
{
	uint64_t value;

	if (!attribute_copy(attribute, &value, sizeof(value)))
		return false;
	*ret = be64toh(value);
	return true;
}

const char *attribute_string(const struct nlattr *attribute)
{
	size_t length;
	const uint8_t *bytes = attribute_bytes(attribute, &length);

	if (!bytes || length == 0 || bytes[length - 1] != '\0')
		return NULL;
	return (const char *)bytes;
}

const uint8_t *attribute_bytes(const struct nlattr *attribute, size_t *ret_length)
{
	*ret_length = 0;
	if (!attribute)
		return NULL;
	*ret_length = attribute_length(attribute);
	return attribute_payload(attribute);
}

const struct nlattr *attribute_next_nested(const struct nlattr *nest, const struct nlattr *previous)
{
	size_t length, at = 0;
	const uint8_t *start = attribute_bytes(nest, &length);

	if (!start)
		return NULL;
	if (previous)
		at = netlink_align((size_t)((const uint8_t *)previous - start) + previous->nla_len);
	return attribute_at(start, length, at);
}
