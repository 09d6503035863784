/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/neighbour.h"

#include "base/array.h"
#include "kernel/datagram.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define READ_TRIES 4 /* of a dump that changes, or loses something, while it is read */

/*
 * States in which an entry has the MAC of the neighbour. NUD_NOARP is none of them: the MAC is then
 * one that the kernel made up, such as the device's own.
 */
#define STATES_KNOWN (NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

struct neighbour {
	struct address address;
	uint32_t interface; /* ifindex */
	struct mac mac;
};

/* Sorted by address and interface. */
struct neighbours {
	ARRAY(struct neighbour) list;
};

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

struct fields {
	struct neighbour neighbour;
	bool has_address;
	bool has_mac;
};

static int read_attribute(const struct nlattr *attribute, void *data)
{
	struct fields *fields = data;
	struct neighbour *neighbour = &fields->neighbour;
	enum family family = neighbour->address.family;
	const void *bytes = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);

	if (mnl_attr_get_type(attribute) == NDA_DST && length == family_length(family)) {
		neighbour->address = address_from_bytes(family, bytes);
		fields->has_address = true;
	} else if (mnl_attr_get_type(attribute) == NDA_LLADDR &&
	           length == sizeof(neighbour->mac.bytes)) {
		memcpy(neighbour->mac.bytes, bytes, length);
		fields->has_mac = true;
	}
	return MNL_CB_OK;
}

static int read_neighbour(const struct nlmsghdr *message, void *data)
{
	struct neighbours *neighbours = data;
	struct fields fields = {};
	struct ndmsg header;

	if (message->nlmsg_type != RTM_NEWNEIGH ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(header))
		return MNL_CB_OK;
	memcpy(&header, mnl_nlmsg_get_payload(message), sizeof(header));
	if ((header.ndm_family != AF_INET && header.ndm_family != AF_INET6) ||
	    !(header.ndm_state & STATES_KNOWN) || (header.ndm_flags & NTF_PROXY) ||
	    header.ndm_ifindex <= 0)
		return MNL_CB_OK;

	fields.neighbour.address.family = header.ndm_family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
	fields.neighbour.interface = (uint32_t)header.ndm_ifindex;
	if (mnl_attr_parse(message, sizeof(header), read_attribute, &fields) < 0)
		return MNL_CB_ERROR;
	if (!fields.has_address || !fields.has_mac || neighbours->list.count >= NEIGHBOURS_MAX)
		return MNL_CB_OK;

	struct neighbour *neighbour = ARRAY_ADD(&neighbours->list);
	if (!neighbour) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	*neighbour = fields.neighbour;
	return MNL_CB_OK;
}

static int dump_once(struct neighbours *neighbours)
{
	_cleanup_(close_socket) struct mnl_socket *socket =
	        mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;

	char request[256] = "", answer[32768];
	struct nlmsghdr *message = mnl_nlmsg_put_header(request);
	message->nlmsg_type = RTM_GETNEIGH;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = 1;
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->ndm_family = AF_UNSPEC;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;

	int r = MNL_CB_OK;
	while (r > MNL_CB_STOP) {
		ssize_t n = datagram_await(mnl_socket_get_fd(socket), answer, sizeof(answer));
		if (n < 0)
			return (int)n;
		r = mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(socket), read_neighbour,
		               neighbours);
	}
	return r < 0 ? -errno : 0;
}

static int compare_neighbours(const void *left, const void *right)
{
	const struct neighbour *a = left, *b = right;
	int r = address_compare(&a->address, &b->address);
	return r != 0 ? r : (a->interface > b->interface) - (a->interface < b->interface);
}

int neighbours_read(struct neighbours **ret_neighbours)
{
	_cleanup_(neighbours_freep) struct neighbours *neighbours = calloc(1, sizeof(*neighbours));
	if (!neighbours)
		return -ENOMEM;

	int r = -EINTR;
	for (unsigned i = 0; i < READ_TRIES && (r == -EINTR || r == -ENOBUFS); i++) {
		neighbours->list.count = 0;
		r = dump_once(neighbours);
	}
	if (r < 0)
		return r;
	if (neighbours->list.count > 0)
		qsort(neighbours->list.items, neighbours->list.count,
		      sizeof(*neighbours->list.items), compare_neighbours);
	*ret_neighbours = TAKE_POINTER(neighbours);
	return 0;
}

struct neighbours *neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return NULL;
	ARRAY_DONE(&neighbours->list);
	free(neighbours);
	return NULL;
}

const struct mac *neighbours_find(const struct neighbours *neighbours,
                                  const struct address *address, uint32_t interface)
{
	struct neighbour key = {.address = *address, .interface = interface};
	if (neighbours->list.count == 0)
		return NULL;
	const struct neighbour *found =
	        bsearch(&key, neighbours->list.items, neighbours->list.count,
	                sizeof(*neighbours->list.items), compare_neighbours);
	return found ? &found->mac : NULL;
}
