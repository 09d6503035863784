/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/socket_owner.h"

#include "base/cleanup.h"
#include "kernel/datagram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define STATE_LISTEN 10 /* TCP_LISTEN of the kernel's net/tcp_states.h; an ABI of inet_diag */

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

struct found {
	const struct socket_tuple *tuple;
	struct socket_owner owner;
	bool matches;
};

/* The address as a socket of that family has it: IPv4 in a socket of IPv6 is mapped (RFC 4291). */
static void in_family(uint8_t family, const struct address *address, uint8_t bytes[static 16])
{
	bool mapped = family == AF_INET6 && address->family == FAMILY_IPV4;
	size_t at = mapped ? 12 : 0;

	memset(bytes, 0, 16);
	if (mapped)
		bytes[10] = bytes[11] = 0xff;
	memcpy(bytes + at, address->bytes, family_length(address->family));
}

static bool is_end(uint8_t family, const __be32 *bytes, __be16 port, const struct address *address,
                   uint16_t wanted)
{
	uint8_t expected[16];
	size_t length = family == AF_INET6 ? 16 : 4;
	in_family(family, address, expected);
	return ntohs(port) == wanted && memcmp(bytes, expected, length) == 0;
}

/* What is not connected has neither address nor port at its other end. */
static bool is_nowhere(uint8_t family, const __be32 *bytes, __be16 port)
{
	static const uint8_t nothing[16];
	uint8_t mapped[16];
	const struct address any = {.family = FAMILY_IPV4};
	in_family(AF_INET6, &any, mapped);
	return port == 0 && (memcmp(bytes, nothing, family == AF_INET6 ? 16 : 4) == 0 ||
	                     (family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0));
}

/* The kernel looks up as for a packet that arrives, and so may find who listens on the port. */
static bool is_wanted(const struct inet_diag_msg *socket, const struct socket_tuple *tuple)
{
	const struct inet_diag_sockid *id = &socket->id;
	uint8_t family = socket->idiag_family;
	if ((family != AF_INET && family != AF_INET6) || !socket->idiag_inode ||
	    ntohs(id->idiag_sport) != tuple->local_port)
		return false;
	bool connected =
	        is_end(family, id->idiag_dst, id->idiag_dport, &tuple->remote, tuple->remote_port);
	if (tuple->protocol == IPPROTO_TCP)
		return connected && socket->idiag_state != STATE_LISTEN;
	return connected || is_nowhere(family, id->idiag_dst, id->idiag_dport);
}

static int read_socket(const struct nlmsghdr *message, void *data)
{
	struct found *found = data;
	struct inet_diag_msg socket;
	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(socket))
		return MNL_CB_OK;
	memcpy(&socket, mnl_nlmsg_get_payload(message), sizeof(socket));
	found->matches = is_wanted(&socket, found->tuple);
	found->owner = (struct socket_owner){socket.idiag_inode, socket.idiag_uid};
	return MNL_CB_STOP;
}

static void put_end(const struct address *address, uint16_t port, __be32 *bytes, __be16 *ret_port)
{
	memcpy(bytes, address->bytes, family_length(address->family));
	*ret_port = htons(port);
}

/*
 * For TCP the kernel takes idiag_src as our end. For UDP it takes the same field as the source of a
 * packet that arrives (udp_dump_one()), so there our end is idiag_dst.
 */
static struct inet_diag_req_v2 request_for(const struct socket_tuple *tuple)
{
	struct inet_diag_req_v2 request = {
	        .sdiag_family = tuple->local.family == FAMILY_IPV4 ? AF_INET : AF_INET6,
	        .sdiag_protocol = tuple->protocol,
	        .idiag_states = ~0U,
	        .id = {.idiag_if = tuple->interface,
	               .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
	};
	struct inet_diag_sockid *id = &request.id;
	if (tuple->protocol == IPPROTO_TCP) {
		put_end(&tuple->local, tuple->local_port, id->idiag_src, &id->idiag_sport);
		put_end(&tuple->remote, tuple->remote_port, id->idiag_dst, &id->idiag_dport);
	} else {
		put_end(&tuple->remote, tuple->remote_port, id->idiag_src, &id->idiag_sport);
		put_end(&tuple->local, tuple->local_port, id->idiag_dst, &id->idiag_dport);
	}
	return request;
}

int socket_owner_find(const struct socket_tuple *tuple, struct socket_owner *ret_owner)
{
	if ((tuple->protocol != IPPROTO_TCP && tuple->protocol != IPPROTO_UDP) ||
	    tuple->local.family != tuple->remote.family)
		return -EINVAL;

	_cleanup_(close_socket) struct mnl_socket *socket =
	        mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;

	char request[256] = "", answer[8192];
	struct nlmsghdr *message = mnl_nlmsg_put_header(request);
	message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = 1;
	struct inet_diag_req_v2 question = request_for(tuple);
	memcpy(mnl_nlmsg_put_extra_header(message, sizeof(question)), &question, sizeof(question));
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;

	ssize_t n = datagram_await(mnl_socket_get_fd(socket), answer, sizeof(answer));
	if (n < 0)
		return (int)n;
	struct found found = {.tuple = tuple};
	if (mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(socket), read_socket, &found) <
	    0)
		return errno == ENOENT ? SOCKET_GONE : -errno;
	if (!found.matches)
		return SOCKET_GONE;
	*ret_owner = found.owner;
	return 0;
}
