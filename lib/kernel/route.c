/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/route.h"

#include "base/cleanup.h"
#include "kernel/datagram.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

struct found {
	uint32_t interface; /* ifindex, 0: none */
	bool local;
	bool routed;    /* by another router */
	uint8_t prefix; /* the length of the one that was found, when that was asked for */
};

static int read_attribute(const struct nlattr *attribute, void *data)
{
	struct found *found = data;
	if (mnl_attr_get_type(attribute) == RTA_OIF &&
	    mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
		found->interface = mnl_attr_get_u32(attribute);
	if (mnl_attr_get_type(attribute) == RTA_GATEWAY || mnl_attr_get_type(attribute) == RTA_VIA)
		found->routed = true;
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *message, void *data)
{
	struct found *found = data;
	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct rtmsg))
		return MNL_CB_OK;

	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	found->local = route->rtm_type == RTN_LOCAL;
	found->prefix = route->rtm_dst_len;
	if (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_UNICAST)
		return MNL_CB_STOP; /* unreachable, prohibit, blackhole: no way */
	return mnl_attr_parse(message, sizeof(*route), read_attribute, found) < 0 ? MNL_CB_ERROR
	                                                                          : MNL_CB_STOP;
}

/* Asks with these flags (RTM_F_*); 0, ROUTE_NONE or a negative errno. */
static int ask(const struct address *address, unsigned flags, struct found *ret_found)
{
	_cleanup_(close_socket) struct mnl_socket *socket =
	        mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;

	char request[256] = "", answer[8192];
	struct nlmsghdr *message = mnl_nlmsg_put_header(request);
	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = 1;
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_flags = flags;
	size_t length = family_length(address->family);
	route->rtm_family = address->family == FAMILY_IPV4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = (unsigned char)(length * 8);
	if (!mnl_attr_put_check(message, sizeof(request), RTA_DST, length, address->bytes))
		return -EMSGSIZE;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;

	ssize_t n = datagram_await(mnl_socket_get_fd(socket), answer, sizeof(answer));
	if (n < 0)
		return (int)n;
	struct found found = {};
	if (mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(socket), read_route, &found) < 0)
		return errno == ENETUNREACH || errno == EHOSTUNREACH || errno == EACCES ||
		                       errno == EINVAL
		               ? ROUTE_NONE
		               : -errno;
	*ret_found = found;
	return 0;
}

int route_lookup(const struct address *address, struct route *ret_route)
{
	struct found found;
	int r = ask(address, 0, &found);
	if (r != 0)
		return r;

	struct route result = {.index = found.interface,
	                       .local = found.local,
	                       .direct = !found.local && !found.routed};
	if (!found.interface || !if_indextoname(found.interface, result.interface))
		return ROUTE_NONE;
	*ret_route = result;
	return 0;
}

int route_is_default(const struct address *address)
{
	struct found found;
	int r = ask(address, RTM_F_FIB_MATCH, &found);
	return r != 0 ? r : found.prefix == 0;
}
