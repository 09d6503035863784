/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/protocol.h"

#include "base/array.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct number_name {
	uint8_t number;
	const char *name;
};

static const struct number_name protocols[] = {
        {IPPROTO_TCP, "tcp"},
        {IPPROTO_UDP, "udp"},
        {IPPROTO_ICMP, "icmp"},
        {IPPROTO_ICMPV6, "icmpv6"},
        {IPPROTO_SCTP, "sctp"},
        {IPPROTO_DCCP, "dccp"},
        {IPPROTO_UDPLITE, "udplite"},
        {IPPROTO_GRE, "gre"},
        {IPPROTO_ESP, "esp"},
        {IPPROTO_AH, "ah"},
        {IPPROTO_IPIP, "ipip"},
        {IPPROTO_IPV6, "ipv6"},
        {IPPROTO_IGMP, "igmp"},
        {89, "ospf"},
        {IPPROTO_PIM, "pim"},
        {112, "vrrp"},
        {115, "l2tp"},
};

static const struct number_name icmp_types[] = {
        {0, "echo-reply"},           {3, "destination-unreachable"},
        {4, "source-quench"},        {5, "redirect"},
        {8, "echo-request"},         {9, "router-advertisement"},
        {10, "router-solicitation"}, {11, "time-exceeded"},
        {12, "parameter-problem"},   {13, "timestamp-request"},
        {14, "timestamp-reply"},     {15, "info-request"},
        {16, "info-reply"},          {17, "address-mask-request"},
        {18, "address-mask-reply"},
};

static const struct number_name icmpv6_types[] = {
        {1, "destination-unreachable"}, {2, "packet-too-big"},        {3, "time-exceeded"},
        {4, "parameter-problem"},       {128, "echo-request"},        {129, "echo-reply"},
        {130, "mld-listener-query"},    {131, "mld-listener-report"}, {132, "mld-listener-done"},
        {133, "nd-router-solicit"},     {134, "nd-router-advert"},    {135, "nd-neighbor-solicit"},
        {136, "nd-neighbor-advert"},    {137, "nd-redirect"},         {138, "router-renumbering"},
        {141, "ind-neighbor-solicit"},  {142, "ind-neighbor-advert"}, {143, "mld2-listener-report"},
};

struct table {
	const struct number_name *names;
	size_t count;
};

static struct table types_of(uint8_t protocol)
{
	if (protocol == IPPROTO_ICMP)
		return (struct table){icmp_types, ELEMENTS_OF(icmp_types)};
	if (protocol == IPPROTO_ICMPV6)
		return (struct table){icmpv6_types, ELEMENTS_OF(icmpv6_types)};
	return (struct table){};
}

static const char *name_of(struct table table, uint8_t number)
{
	for (size_t i = 0; i < table.count; i++)
		if (table.names[i].number == number)
			return table.names[i].name;
	return NULL;
}

static int number_of(struct table table, const char *name, uint8_t *ret_number)
{
	for (size_t i = 0; i < table.count; i++) {
		if (strcmp(table.names[i].name, name) == 0) {
			*ret_number = table.names[i].number;
			return 0;
		}
	}
	return -EINVAL;
}

static const struct table protocol_table = {protocols, ELEMENTS_OF(protocols)};

const char *protocol_print(uint8_t protocol, char buffer[static PROTOCOL_TEXT_MAX])
{
	const char *name = name_of(protocol_table, protocol);
	if (name)
		snprintf(buffer, PROTOCOL_TEXT_MAX, "%s", name);
	else
		snprintf(buffer, PROTOCOL_TEXT_MAX, "%u", protocol);
	return buffer;
}

int protocol_parse(const char *name, uint8_t *ret_protocol)
{
	return number_of(protocol_table, name, ret_protocol);
}

int icmp_type_parse(uint8_t protocol, const char *name, uint8_t *ret_type)
{
	size_t digits = strspn(name, "0123456789");
	if (!digits || name[digits])
		return number_of(types_of(protocol), name, ret_type);
	if (digits > 3)
		return -EINVAL;

	unsigned value = 0;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(name[i] - '0');
	if (value > UINT8_MAX)
		return -EINVAL;
	*ret_type = (uint8_t)value;
	return 0;
}

const char *icmp_type_name(uint8_t protocol, uint8_t type)
{
	return name_of(types_of(protocol), type);
}

const char *protocol_name_at(unsigned index)
{
	return index < protocol_table.count ? protocol_table.names[index].name : NULL;
}

const char *icmp_type_name_at(uint8_t protocol, unsigned index)
{
	struct table types = types_of(protocol);
	return index < types.count ? types.names[index].name : NULL;
}
