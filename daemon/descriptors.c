/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "descriptors.h"

#include "base/array.h"
#include "journal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

struct descriptor {
	char *name;
	int fd; /* -1: taken, or closed */
	bool taken;
};

struct descriptors {
	ARRAY(struct descriptor) items;
};

static void free_names(char **names, int count)
{
	for (int i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
}

int descriptors_receive(struct descriptors **ret_descriptors)
{
	_cleanup_(descriptors_freep) struct descriptors *made = calloc(1, sizeof(*made));
	char **names = NULL;
	if (!made)
		return -ENOMEM;

	int count = sd_listen_fds_with_names(true, &names);
	if (count == -ENOMEM)
		return count;
	if (count < 0) {
		journal(LOG_WARNING, "What systemd passed cannot be taken up: %s",
		        strerror(-count));
		count = 0;
	}
	if (ARRAY_RESERVE(&made->items, (size_t)count) < 0) {
		for (int i = 0; i < count; i++)
			close(SD_LISTEN_FDS_START + i);
		free_names(names, count);
		return -ENOMEM;
	}
	for (int i = 0; i < count; i++)
		made->items.items[made->items.count++] =
		        (struct descriptor){.name = names[i], .fd = SD_LISTEN_FDS_START + i};
	free(names);
	*ret_descriptors = TAKE_POINTER(made);
	return 0;
}

struct descriptors *descriptors_free(struct descriptors *descriptors)
{
	if (!descriptors)
		return NULL;
	ARRAY_FOREACH (d, &descriptors->items) {
		if (d->fd >= 0)
			close(d->fd);
		free(d->name);
	}
	ARRAY_DONE(&descriptors->items);
	free(descriptors);
	return NULL;
}

static bool is_listener(int fd, int protocol)
{
	return sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0;
}

/* A socket stays in the network namespace in which it was opened, wherever its holder is now. */
static bool same_network(int fd, int protocol)
{
	uint64_t theirs, ours;
	socklen_t length = sizeof(theirs);
	_cleanup_close_ int probe = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	return probe >= 0 && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &theirs, &length) == 0 &&
	       getsockopt(probe, SOL_SOCKET, SO_NETNS_COOKIE, &ours, &length) == 0 &&
	       theirs == ours;
}

static bool is_netlink(int fd, int protocol)
{
	int is = -1;
	socklen_t length = sizeof(is);
	return sd_is_socket(fd, AF_NETLINK, SOCK_RAW, -1) > 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &is, &length) == 0 && is == protocol &&
	       same_network(fd, protocol);
}

static int take(struct descriptors *descriptors, const char *name, bool (*fits)(int, int),
                int protocol)
{
	ARRAY_FOREACH (d, &descriptors->items)
		if (d->fd >= 0 && strcmp(d->name, name) == 0 && fits(d->fd, protocol)) {
			d->taken = true;
			return TAKE_FD(d->fd);
		}
	return -ENOENT;
}

int descriptors_take_listener(struct descriptors *descriptors, const char *name)
{
	return take(descriptors, name, is_listener, 0);
}

int descriptors_take_netlink(struct descriptors *descriptors, const char *name, int protocol)
{
	return take(descriptors, name, is_netlink, protocol);
}

static bool is_taken(const struct descriptors *descriptors, const char *name)
{
	ARRAY_FOREACH (d, &descriptors->items)
		if (d->taken && strcmp(d->name, name) == 0)
			return true;
	return false;
}

void descriptors_close_unknown(struct descriptors *descriptors)
{
	ARRAY_FOREACH (d, &descriptors->items) {
		if (d->fd < 0)
			continue;
		journal(LOG_WARNING,
		        "systemd passed a file descriptor called \"%s\" that is none of ours, or "
		        "not what it should be; it is closed",
		        d->name);
		close(TAKE_FD(d->fd));
		/* It can be dropped by its name alone, under which there may be one that is used.
		 */
		if (!is_taken(descriptors, d->name))
			(void)descriptors_drop(d->name);
	}
}

static int outcome(int r)
{
	return r < 0 ? r : r == 0 ? DESCRIPTORS_NOT_KEPT : 0;
}

int descriptors_store(const char *name, int fd)
{
	char text[256];
	int length = snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	if (length < 0 || (size_t)length >= sizeof(text))
		return -ENAMETOOLONG;
	return outcome(sd_pid_notify_with_fds(0, 0, text, &fd, 1));
}

int descriptors_drop(const char *name)
{
	return outcome(sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=%s", name));
}
