/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway_address.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>

int gateway_addresses(struct gateway_addresses *addresses)
{
	struct ifaddrs *list;
	if (getifaddrs(&list) < 0)
		return -errno;

	int r = 0;
	for (const struct ifaddrs *i = list; i && r == 0; i = i->ifa_next) {
		int domain = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
		if (domain != AF_INET && domain != AF_INET6)
			continue;
		struct address *address = ARRAY_ADD(&addresses->list);
		if (!address)
			r = -ENOMEM;
		else if (domain == AF_INET)
			*address = address_from_bytes(
			        FAMILY_IPV4, &((const struct sockaddr_in *)i->ifa_addr)->sin_addr);
		else
			*address = address_from_bytes(
			        FAMILY_IPV6,
			        &((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr);
	}
	freeifaddrs(list);
	return r;
}

int gateway_has_address(const struct address *address)
{
	struct gateway_addresses own = {};
	int r = gateway_addresses(&own);
	if (r == 0)
		ARRAY_FOREACH (i, &own.list)
			if (address_compare(i, address) == 0)
				r = 1;
	ARRAY_DONE(&own.list);
	return r;
}
