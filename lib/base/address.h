/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_ADDRESS_H
#define EGRESSD_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum family {
	FAMILY_IPV4,
	FAMILY_IPV6,
};
#define FAMILY_COUNT (FAMILY_IPV6 + 1)

/* A set of families is a byte with this bit for each. */
#define FAMILY_BIT(family) ((uint8_t)(1U << (family)))
#define FAMILIES_BOTH      ((uint8_t)(FAMILY_BIT(FAMILY_IPV4) | FAMILY_BIT(FAMILY_IPV6)))

/* Bytes of an address of that family: 4 or 16. */
static inline size_t family_length(enum family family)
{
	switch (family) {
	case FAMILY_IPV4:
		return 4;
	case FAMILY_IPV6:
		return 16;
	}
	abort(); /* no other value is ever made */
}

/* An IPv4 or IPv6 address, in network byte order; bytes past the family's length are zero. */
struct address {
	enum family family;
	uint8_t bytes[16];
};

/* All addresses from the first to the last, both included; both of one family, first <= last. */
struct address_range {
	struct address from;
	struct address to;
};

/* An IEEE 802 MAC-48 address. */
struct mac {
	uint8_t bytes[6];
};

#define ADDRESS_TEXT_MAX 46                     /* INET6_ADDRSTRLEN */
#define RANGE_TEXT_MAX   (2 * ADDRESS_TEXT_MAX) /* "from-to" */
#define MAC_TEXT_MAX     18

/* Order: IPv4 before IPv6, then by value; <0, 0, >0. */
int address_compare(const struct address *a, const struct address *b);

/* The address after or before; false at the end of the address space, then *ret is untouched. */
bool address_next(const struct address *address, struct address *ret_next);
bool address_previous(const struct address *address, struct address *ret_previous);

/* An address of the family out of its bytes in network order. */
static inline struct address address_from_bytes(enum family family, const void *bytes)
{
	struct address address = {.family = family};
	memcpy(address.bytes, bytes, family_length(family));
	return address;
}

/* Reads an address in the usual text form (inet_pton(3)); 0 or -EINVAL. */
int address_parse(const char *text, struct address *ret_address);

/* Writes the usual text form into buffer and returns buffer. */
const char *address_print(const struct address *address, char buffer[static ADDRESS_TEXT_MAX]);

/* True when the address lies in the range; never across families. */
bool range_contains(const struct address_range *range, const struct address *address);

/* True when the range is one single address. */
bool range_is_single(const struct address_range *range);

/* The prefix length when the range is exactly a CIDR prefix (RFC 4632), else -1. */
int range_prefix_length(const struct address_range *range);

enum range_problem {
	RANGE_OK,
	RANGE_NOT_AN_ADDRESS, /* no address, prefix or range at all */
	RANGE_BAD_LENGTH,     /* prefix length not a number, or over 32 or 128 */
	RANGE_HOST_BITS,      /* bits set to the right of the prefix */
	RANGE_MIXED_FAMILIES, /* from IPv4 to IPv6 or the reverse */
	RANGE_BACKWARDS,      /* the last address comes before the first */
};

/*
 * Reads "ADDRESS", "ADDRESS/LENGTH" or "FIRST-LAST". RANGE_OK: *ret_range is set. RANGE_HOST_BITS:
 * *ret_range is the prefix that was probably meant. Else *ret_range is untouched.
 */
enum range_problem range_parse(const char *text, struct address_range *ret_range);

/* Writes the shortest of the three forms that range_parse() reads; returns buffer. */
const char *range_print(const struct address_range *range, char buffer[static RANGE_TEXT_MAX]);

/*
 * Sorts ranges and joins those that overlap or touch, in place; returns how many are left. They
 * are then disjoint, which the kernel's interval sets ask for.
 */
size_t ranges_merge(struct address_range *ranges, size_t count);

/* True when ranges_merge() would leave them as they are. */
bool ranges_are_merged(const struct address_range *ranges, size_t count);

/* Reads "52:54:00:12:34:56" (or with dashes); 0 or -EINVAL. */
int mac_parse(const char *text, struct mac *ret_mac);

/* Writes the form with colons, in lower case; returns buffer. */
const char *mac_print(const struct mac *mac, char buffer[static MAC_TEXT_MAX]);

#endif
