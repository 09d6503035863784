/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Long lists are sorted by it, so it does without memcmp(3). */
int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	for (size_t i = 0, n = family_length(a->family); i < n; i += sizeof(uint32_t)) {
		uint32_t x, y;
		memcpy(&x, a->bytes + i, sizeof(x));
		memcpy(&y, b->bytes + i, sizeof(y));
		if (x != y)
			return be32toh(x) < be32toh(y) ? -1 : 1;
	}
	return 0;
}

bool address_next(const struct address *address, struct address *ret_next)
{
	struct address next = *address;
	for (size_t i = family_length(next.family); i-- > 0;) {
		if (++next.bytes[i]) {
			*ret_next = next;
			return true;
		}
	}
	return false;
}

bool address_previous(const struct address *address, struct address *ret_previous)
{
	struct address previous = *address;
	for (size_t i = family_length(previous.family); i-- > 0;) {
		if (previous.bytes[i]--) {
			*ret_previous = previous;
			return true;
		}
	}
	return false;
}

int address_parse(const char *text, struct address *ret_address)
{
	struct address address = {.family = FAMILY_IPV4};
	if (inet_pton(AF_INET, text, address.bytes) != 1) {
		address = (struct address){.family = FAMILY_IPV6};
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return -EINVAL;
	}
	*ret_address = address;
	return 0;
}

const char *address_print(const struct address *address, char buffer[static ADDRESS_TEXT_MAX])
{
	int domain = address->family == FAMILY_IPV4 ? AF_INET : AF_INET6;
	if (!inet_ntop(domain, address->bytes, buffer, ADDRESS_TEXT_MAX))
		abort(); /* only for an unknown family or a short buffer */
	return buffer;
}

bool range_contains(const struct address_range *range, const struct address *address)
{
	return range->from.family == address->family &&
	       address_compare(&range->from, address) <= 0 &&
	       address_compare(address, &range->to) <= 0;
}

bool range_is_single(const struct address_range *range)
{
	return address_compare(&range->from, &range->to) == 0;
}

/* The last address of the prefix; false when the address has bits set behind the length. */
static bool prefix_last(const struct address *first, unsigned length, struct address *ret_last)
{
	struct address last = *first;
	bool clean = true;
	for (unsigned bit = length; bit < family_length(first->family) * 8; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));
		if (last.bytes[bit / 8] & mask)
			clean = false;
		last.bytes[bit / 8] |= mask;
	}
	*ret_last = last;
	return clean;
}

int range_prefix_length(const struct address_range *range)
{
	unsigned bits = (unsigned)family_length(range->from.family) * 8;
	unsigned length = 0;
	while (length < bits && !((range->from.bytes[length / 8] ^ range->to.bytes[length / 8]) &
	                          (0x80 >> (length % 8))))
		length++;

	struct address last;
	if (!prefix_last(&range->from, length, &last) || address_compare(&last, &range->to) != 0)
		return -1;
	return (int)length;
}

static enum range_problem parse_prefix(const char *text, const char *slash,
                                       struct address_range *ret_range)
{
	char first[ADDRESS_TEXT_MAX];
	size_t n = (size_t)(slash - text);
	if (n >= sizeof(first))
		return RANGE_NOT_AN_ADDRESS;
	memcpy(first, text, n);
	first[n] = '\0';

	struct address_range range;
	if (address_parse(first, &range.from) < 0)
		return RANGE_NOT_AN_ADDRESS;

	unsigned length = 0;
	size_t digits = strlen(slash + 1);
	if (digits < 1 || digits > 3 || strspn(slash + 1, "0123456789") != digits)
		return RANGE_BAD_LENGTH;
	for (const char *p = slash + 1; *p; p++)
		length = length * 10 + (unsigned)(*p - '0');
	if (length > family_length(range.from.family) * 8)
		return RANGE_BAD_LENGTH;

	if (prefix_last(&range.from, length, &range.to)) {
		*ret_range = range;
		return RANGE_OK;
	}

	/* Say what was probably meant: the same prefix with the bits cleared. */
	for (unsigned bit = length; bit < family_length(range.from.family) * 8; bit++)
		range.from.bytes[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
	*ret_range = range;
	return RANGE_HOST_BITS;
}

static enum range_problem parse_span(const char *text, const char *dash,
                                     struct address_range *ret_range)
{
	char first[ADDRESS_TEXT_MAX];
	size_t n = (size_t)(dash - text);
	if (n >= sizeof(first))
		return RANGE_NOT_AN_ADDRESS;
	memcpy(first, text, n);
	first[n] = '\0';

	struct address_range range;
	if (address_parse(first, &range.from) < 0 || address_parse(dash + 1, &range.to) < 0)
		return RANGE_NOT_AN_ADDRESS;
	if (range.from.family != range.to.family)
		return RANGE_MIXED_FAMILIES;
	if (address_compare(&range.from, &range.to) > 0)
		return RANGE_BACKWARDS;
	*ret_range = range;
	return RANGE_OK;
}

enum range_problem range_parse(const char *text, struct address_range *ret_range)
{
	const char *slash = strchr(text, '/');
	if (slash)
		return parse_prefix(text, slash, ret_range);

	const char *dash = strchr(text, '-');
	if (dash)
		return parse_span(text, dash, ret_range);

	struct address address;
	if (address_parse(text, &address) < 0)
		return RANGE_NOT_AN_ADDRESS;
	*ret_range = (struct address_range){address, address};
	return RANGE_OK;
}

const char *range_print(const struct address_range *range, char buffer[static RANGE_TEXT_MAX])
{
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
	address_print(&range->from, from);

	int length = range_prefix_length(range);
	if (range_is_single(range))
		snprintf(buffer, RANGE_TEXT_MAX, "%s", from);
	else if (length >= 0)
		snprintf(buffer, RANGE_TEXT_MAX, "%s/%d", from, length);
	else
		snprintf(buffer, RANGE_TEXT_MAX, "%s-%s", from, address_print(&range->to, to));
	return buffer;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct address_range *x = a, *y = b;
	int c = address_compare(&x->from, &y->from);
	return c ? c : address_compare(&x->to, &y->to);
}

/* As they are in most published lists. */
static bool are_sorted(const struct address_range *ranges, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_ranges(&ranges[i - 1], &ranges[i]) > 0)
			return false;
	return true;
}

/* True when there is a gap between the first range and the second, which does not begin before. */
static bool are_apart(const struct address_range *a, const struct address_range *b)
{
	struct address after;
	return a->to.family != b->from.family ||
	       (address_next(&a->to, &after) && address_compare(&after, &b->from) < 0);
}

bool ranges_are_merged(const struct address_range *ranges, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_ranges(&ranges[i - 1], &ranges[i]) > 0 ||
		    !are_apart(&ranges[i - 1], &ranges[i]))
			return false;
	return true;
}

size_t ranges_merge(struct address_range *ranges, size_t count)
{
	if (!count)
		return 0;

	if (!are_sorted(ranges, count))
		qsort(ranges, count, sizeof(*ranges), compare_ranges);

	size_t last = 0;
	for (size_t i = 1; i < count; i++) {
		if (are_apart(&ranges[last], &ranges[i]))
			ranges[++last] = ranges[i];
		else if (address_compare(&ranges[i].to, &ranges[last].to) > 0)
			ranges[last].to = ranges[i].to;
	}
	return last + 1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_parse(const char *text, struct mac *ret_mac)
{
	struct mac mac;
	if (strlen(text) != MAC_TEXT_MAX - 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(mac.bytes); i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
		char separator = text[3 * i + 2];
		if (high < 0 || low < 0)
			return -EINVAL;
		if (i < sizeof(mac.bytes) - 1 && separator != ':' && separator != '-')
			return -EINVAL;
		mac.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_mac = mac;
	return 0;
}

const char *mac_print(const struct mac *mac, char buffer[static MAC_TEXT_MAX])
{
	const uint8_t *b = mac->bytes;
	snprintf(buffer, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
	         b[4], b[5]);
	return buffer;
}
