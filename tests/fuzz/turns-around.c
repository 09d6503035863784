/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/bypass.h"
#include "kernel/conntrack.h"
#include "kernel/conntrack_load.h"
#include "kernel/counters.h"
#include "kernel/link.h"
#include "kernel/neighbour.h"
#include "kernel/revoked.h"
#include "kernel/route.h"
#include "kernel/helpers.h"
#include "kernel/picked_up.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What is around the table, for turns-kernel.h: a few connections, and a world of two interfaces.
 */

struct conntrack {
	size_t flows;
};

struct neighbours {
	struct mac mac;
};

/* The same secrets each time, so that an input does the same each time. */
ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
	memset(buffer, 7, size);
	return (ssize_t)size;
}

/* Counters: none, so that all that is heard is news. */

int counters_read(struct kernel *kernel, struct counter_values **ret_values)
{
	*ret_values = calloc(1, sizeof(**ret_values));
	return *ret_values ? 0 : -ENOMEM;
}

struct counter_values *counter_values_free(struct counter_values *values)
{
	free(values);
	return NULL;
}

int counted_elements_read(const char *set, size_t most, struct counted_elements **ret_elements)
{
	return -ENOENT;
}

int counted_element_find(struct kernel *kernel, const char *set, const void *key, size_t key_length,
                         struct counted_element *ret_element)
{
	return -ENOENT;
}

struct counted_elements *counted_elements_free(struct counted_elements *elements)
{
	return NULL;
}

/* Connections: some of the office to the world, whatever was cut before. */

#define FLOWS 3

int conntrack_open(size_t receive_bytes, struct conntrack **ret_conntrack)
{
	*ret_conntrack = calloc(1, sizeof(**ret_conntrack));
	return *ret_conntrack ? 0 : -ENOMEM;
}

struct conntrack *conntrack_free(struct conntrack *conntrack)
{
	free(conntrack);
	return NULL;
}

int conntrack_count(struct conntrack *conntrack, uint32_t *ret_count)
{
	*ret_count = FLOWS;
	return 0;
}

int conntrack_dump(struct conntrack *conntrack, conntrack_callback_t callback, void *userdata)
{
	static const uint8_t world[4] = {203, 0, 113, 7};
	int r = 0;
	for (uint8_t i = 0; i < FLOWS && r == 0; i++) {
		const uint8_t desk[4] = {192, 168, 0, (uint8_t)(11 + i)};
		const struct flow flow = {
		        .source = address_from_bytes(FAMILY_IPV4, desk),
		        .destination = address_from_bytes(FAMILY_IPV4, world),
		        .reached = address_from_bytes(FAMILY_IPV4, world),
		        .protocol = IPPROTO_TCP,
		        .has_ports = true,
		        .destination_port = (uint16_t)(80 + i),
		        .reached_port = (uint16_t)(80 + i),
		        .confirmed = true,
		};
		r = callback(&flow, userdata);
	}
	return r;
}

int conntrack_dump_address(struct conntrack *conntrack, const struct address *address,
                           conntrack_callback_t callback, void *userdata)
{
	return conntrack_dump(conntrack, callback, userdata);
}

int conntrack_delete_many(struct conntrack *conntrack, const struct flow *flows, size_t count,
                          size_t *ret_deleted)
{
	*ret_deleted = count;
	return 0;
}

int revoked_add(struct kernel *kernel, const struct flow *flows, size_t count)
{
	return 0;
}

int conntrack_load_read(struct kernel *kernel, struct conntrack_load *ret_load)
{
	*ret_load = (struct conntrack_load){.most = 1000};
	return 0;
}

/* Around the gateway: every address inside answers with the MAC that its packets have. */

int neighbours_read(struct neighbours **ret_neighbours)
{
	*ret_neighbours = calloc(1, sizeof(**ret_neighbours));
	return *ret_neighbours ? 0 : -ENOMEM;
}

struct neighbours *neighbours_free(struct neighbours *neighbours)
{
	free(neighbours);
	return NULL;
}

const struct mac *neighbours_find(const struct neighbours *neighbours,
                                  const struct address *address, uint32_t interface)
{
	static struct mac mac;
	mac = (struct mac){{2, 0, 0, 0, 0, address->bytes[3]}};
	return &mac;
}

static bool is_inside(const struct address *address)
{
	return address->bytes[0] == 192;
}

int route_lookup(const struct address *address, struct route *ret_route)
{
	*ret_route = (struct route){.index = is_inside(address) ? 1 : 2, .direct = true};
	strcpy(ret_route->interface, is_inside(address) ? "lo" : "wan0");
	return 0;
}

int route_is_default(const struct address *address)
{
	return 0;
}

/* The addresses of this machine are nothing to go by. */
int getifaddrs(struct ifaddrs **ret_list)
{
	*ret_list = NULL;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
}

int links_read(struct links *ret_links)
{
	*ret_links = (struct links){};
	return 0;
}

void links_done(struct links *links)
{
}

const struct link *links_find(const struct links *links, uint32_t index)
{
	return NULL;
}

int bypass_read(struct kernel *kernel, struct bypass *ret_bypass)
{
	*ret_bypass = (struct bypass){};
	return 0;
}

/* Each helper is there, and nothing was picked up. */

int helpers_ask(struct kernel *kernel, const struct helper *helpers, size_t count,
                bool *ret_lacking)
{
	for (size_t i = 0; i < count; i++)
		ret_lacking[i] = false;
	return 0;
}

void picked_up_done(struct picked_up_list *list)
{
	ARRAY_DONE(&list->list);
}

int picked_up_read(struct kernel *kernel, struct picked_up_list *ret_list)
{
	*ret_list = (struct picked_up_list){};
	return 0;
}

const struct picked_up *picked_up_find(const struct picked_up_list *list, const struct flow *flow)
{
	return NULL;
}

int picked_up_add(struct kernel *kernel, const struct flow *flows, size_t count)
{
	return 0;
}

int picked_up_renew(struct kernel *kernel, const struct flow *flows, size_t count)
{
	return 0;
}

int picked_up_remove(struct kernel *kernel, const struct flow *flows, size_t count)
{
	return 0;
}
