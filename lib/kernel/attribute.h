/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_ATTRIBUTE_H
#define EGRESSD_KERNEL_ATTRIBUTE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading the attributes of a netlink message (linux/netlink.h). What comes in is checked for every
 * length before it is used, whoever sent it.
 */
/* Messages and attributes begin at multiples of four bytes. */
static inline size_t netlink_align(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

/*
 * The attribute that begins behind so many bytes of a buffer, when all of it is there; else NULL.
 * For going from one to the next: at = netlink_align(at + nla_len), which may lead past the end.
 */
static inline const struct nlattr *attribute_at(const void *bytes, size_t length, size_t at)
{
	const struct nlattr *attribute;

	if (at + sizeof(*attribute) > length)
		return NULL;
	attribute = (const struct nlattr *)(const void *)((const uint8_t *)bytes + at);
	if (attribute->nla_len < sizeof(*attribute) || at + attribute->nla_len > length)
		return NULL;
	return attribute;
}

/* What it holds. */
static inline const void *attribute_payload(const struct nlattr *attribute)
{
	return (const uint8_t *)attribute + sizeof(*attribute);
}

static inline size_t attribute_length(const struct nlattr *attribute)
{
	return attribute->nla_len - sizeof(*attribute);
}

#define ATTRIBUTES_MAX 40 /* attribute types 1..39 are kept, others are passed over */

/* The attributes of one level by their type; NULL where there is none. A repeated one: the last. */
struct attributes {
	const struct nlattr *at[ATTRIBUTES_MAX];
};

/* Reads what a buffer, a netfilter message (behind struct nfgenmsg) or a nested attribute holds. */
void attributes_read(struct attributes *attributes, const void *payload, size_t length);
void attributes_of_message(struct attributes *attributes, const struct nlmsghdr *message);
void attributes_of_nested(struct attributes *attributes, const struct nlattr *nest);

/*
 * The attribute's value; false, and *ret untouched, when it is absent or not exactly as long as the
 * type. Numbers come from network byte order.
 */
bool attribute_u8(const struct nlattr *attribute, uint8_t *ret);
bool attribute_u16(const struct nlattr *attribute, uint16_t *ret);
bool attribute_u32(const struct nlattr *attribute, uint32_t *ret);
bool attribute_u64(const struct nlattr *attribute, uint64_t *ret);

/* The string within the message; NULL when the attribute is absent or has no NUL at its end. */
const char *attribute_string(const struct nlattr *attribute);

/* The bytes and their number; NULL and 0 when it is absent. */
const uint8_t *attribute_bytes(const struct nlattr *attribute, size_t *ret_length);

/* The attributes within a nested one, in turn: from NULL to the first, then on; NULL at the end. */
const struct nlattr *attribute_next_nested(const struct nlattr *nest,
                                           const struct nlattr *previous);

#endif
