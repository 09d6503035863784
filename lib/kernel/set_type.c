/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/set_type.h"

/* nft's enum datatypes (include/datatype.h there). */
enum {
	TYPE_IPV4_ADDR = 7,
	TYPE_IPV6_ADDR = 8,
	TYPE_ETHER_ADDR = 9,
	TYPE_INET_PROTOCOL = 12,
	TYPE_INET_SERVICE = 13,
	TYPE_ICMP_TYPE = 14,
	TYPE_ICMPV6_TYPE = 29,
	TYPE_IFNAME = 41,
};
#define TYPE_BITS       6
#define PAIR(a, b)      ((uint32_t)(a) << TYPE_BITS | (uint32_t)(b))
#define TRIPLE(a, b, c) (PAIR(a, b) << TYPE_BITS | (uint32_t)(c))

/* Address, protocol, port, address, port. */
#define FLOW(address)                                                                              \
	(PAIR(TRIPLE(address, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE), address) << TYPE_BITS |      \
	 TYPE_INET_SERVICE)

enum byte_order {
	ORDER_UNSET,
	ORDER_HOST,
	ORDER_NETWORK,
};

static const struct {
	uint32_t id;
	enum byte_order order;
} types[SET_TYPE_COUNT] = {
        [SET_IFNAME] = {TYPE_IFNAME, ORDER_HOST},
        [SET_IPV4] = {TYPE_IPV4_ADDR, ORDER_NETWORK},
        [SET_IPV6] = {TYPE_IPV6_ADDR, ORDER_NETWORK},
        [SET_PROTOCOL] = {TYPE_INET_PROTOCOL, ORDER_UNSET},
        [SET_PORT] = {TYPE_INET_SERVICE, ORDER_NETWORK},
        [SET_ICMP_TYPE] = {TYPE_ICMP_TYPE, ORDER_NETWORK},
        [SET_ICMPV6_TYPE] = {TYPE_ICMPV6_TYPE, ORDER_NETWORK},
        [SET_ETHER] = {TYPE_ETHER_ADDR, ORDER_NETWORK},
        [SET_SERVICE] = {PAIR(TYPE_INET_PROTOCOL, TYPE_INET_SERVICE), ORDER_UNSET},
        [SET_IPV4_SERVICE] = {TRIPLE(TYPE_IPV4_ADDR, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE),
                              ORDER_UNSET},
        [SET_IPV6_SERVICE] = {TRIPLE(TYPE_IPV6_ADDR, TYPE_INET_PROTOCOL, TYPE_INET_SERVICE),
                              ORDER_UNSET},
        [SET_IPV4_ETHER] = {PAIR(TYPE_IPV4_ADDR, TYPE_ETHER_ADDR), ORDER_UNSET},
        [SET_IPV6_ETHER] = {PAIR(TYPE_IPV6_ADDR, TYPE_ETHER_ADDR), ORDER_UNSET},
        [SET_IPV4_PAIR] = {PAIR(TYPE_IPV4_ADDR, TYPE_IPV4_ADDR), ORDER_UNSET},
        [SET_IPV6_PAIR] = {PAIR(TYPE_IPV6_ADDR, TYPE_IPV6_ADDR), ORDER_UNSET},
        [SET_IPV4_FLOW] = {FLOW(TYPE_IPV4_ADDR), ORDER_UNSET},
        [SET_IPV6_FLOW] = {FLOW(TYPE_IPV6_ADDR), ORDER_UNSET},
};

uint32_t set_type_id(enum set_type type)
{
	return types[type].id;
}

bool set_type_of_id(uint32_t id, enum set_type *ret_type)
{
	for (unsigned i = 0; i < SET_TYPE_COUNT; i++)
		if (types[i].id == id) {
			*ret_type = (enum set_type)i;
			return true;
		}
	return false;
}

uint32_t set_type_byte_order(enum set_type type)
{
	return types[type].order;
}
