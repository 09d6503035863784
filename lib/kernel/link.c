/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/link.h"

#include "kernel/attribute.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

/* These numbers are in the byte order of the host. */
static uint32_t number(const struct nlattr *attribute)
{
	uint32_t value = 0;
	size_t length;
	const uint8_t *bytes = attribute_bytes(attribute, &length);

	if (bytes && length == sizeof(value))
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static void read_kind(const struct nlattr *info, struct link *link)
{
	struct attributes fields, data;
	const char *kind;
	const uint8_t *call;
	size_t length;

	attributes_of_nested(&fields, info);
	kind = attribute_string(fields.at[IFLA_INFO_KIND]);
	link->bridge = kind && strcmp(kind, "bridge") == 0;
	if (!link->bridge)
		return;
	attributes_of_nested(&data, fields.at[IFLA_INFO_DATA]);
	call = attribute_bytes(data.at[IFLA_BR_NF_CALL_IPTABLES], &length);
	link->judged = call && length == 1 && *call;
}

static int read_link(const struct nlmsghdr *message, void *data)
{
	struct links *links = data;
	struct attributes attributes;
	struct ifinfomsg header;
	const uint8_t *payload = mnl_nlmsg_get_payload(message);
	size_t length = mnl_nlmsg_get_payload_len(message);
	const char *name;
	struct link *link;

	if (message->nlmsg_type != RTM_NEWLINK || length < sizeof(header))
		return MNL_CB_OK;
	memcpy(&header, payload, sizeof(header));
	attributes_read(&attributes, payload + sizeof(header), length - sizeof(header));
	name = attribute_string(attributes.at[IFLA_IFNAME]);
	if (!name || strlen(name) >= IF_NAMESIZE)
		return MNL_CB_OK;

	link = ARRAY_ADD(&links->list);
	if (!link) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	*link = (struct link){.index = (uint32_t)header.ifi_index,
	                      .master = number(attributes.at[IFLA_MASTER])};
	memcpy(link->name, name, strlen(name));
	read_kind(attributes.at[IFLA_LINKINFO], link);
	return MNL_CB_OK;
}

int links_read(struct links *ret_links)
{
	_cleanup_(close_socket) struct mnl_socket *socket =
	        mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char request[256] = "", answer[32768];
	struct links links = {};
	struct nlmsghdr *message;
	struct ifinfomsg *header;
	int r = MNL_CB_OK;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	message = mnl_nlmsg_put_header(request);
	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = 1;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->ifi_family = AF_UNSPEC;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(socket, answer, sizeof(answer));

		r = n < 0 ? MNL_CB_ERROR
		          : mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(socket),
		                       read_link, &links);
	}
	if (r < 0) {
		r = -errno;
		links_done(&links);
		return r;
	}
	*ret_links = links;
	return 0;
}

void links_done(struct links *links)
{
	ARRAY_DONE(&links->list);
}

const struct link *links_find(const struct links *links, uint32_t index)
{
	ARRAY_FOREACH (link, &links->list)
		if (link->index == index)
			return link;
	return NULL;
}
