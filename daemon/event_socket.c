/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_socket.h"

#include "journal.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SOCKET_NAME_MAX sizeof("nflog-65535")

/* The kernel does not tell which group a socket is bound to: its name has to. */
static void name_of(uint16_t group, char name[static SOCKET_NAME_MAX])
{
	snprintf(name, SOCKET_NAME_MAX, "nflog-%u", group);
}

static int adopt(struct events *events, struct descriptors *descriptors, uint16_t group)
{
	char name[SOCKET_NAME_MAX];
	name_of(group, name);
	int fd = descriptors ? descriptors_take_netlink(descriptors, name, NETLINK_NETFILTER)
	                     : -ENOENT;
	return fd < 0 ? fd : events_adopt(events, group, fd);
}

static void keep(struct events *events)
{
	char name[SOCKET_NAME_MAX];
	uint16_t group;
	int fd = events_fd(events, &group);
	name_of(group, name);
	int r = descriptors_store(name, fd);
	if (r < 0)
		journal(LOG_WARNING,
		        "systemd does not keep the socket of NFLOG group %u (%s): what is blocked "
		        "during a restart will be counted but not listed",
		        group, strerror(-r));
}

int event_socket_listen(struct events *events, struct descriptors *descriptors, uint16_t group)
{
	uint16_t before;
	bool listened = events_fd(events, &before) >= 0;
	if (listened && before == group)
		return 0;
	if (!listened && adopt(events, descriptors, group) == 0)
		return 0;

	int r = events_listen(events, group);
	if (r != 0)
		return r;
	if (listened) {
		char name[SOCKET_NAME_MAX];
		name_of(before, name);
		(void)descriptors_drop(name);
	}
	keep(events);
	return 0;
}
