/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP_ENTRY_MAX ((size_t)1024 * 1024) /* bytes; the list of members is in it */

static int read_groups(int fd, gid_t **ret_groups, size_t *ret_count)
{
	socklen_t length = 64 * sizeof(gid_t);
	for (;;) {
		gid_t *groups = malloc(length ? length : sizeof(gid_t));
		if (!groups)
			return -ENOMEM;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0) {
			*ret_groups = groups;
			*ret_count = length / sizeof(gid_t);
			return 0;
		}
		free(groups);
		if (errno != ERANGE) /* else length is now what is needed */
			return -errno;
	}
}

int peer_read(int fd, struct peer *ret_peer)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	/* The kernel says so when the peer has no credentials to show. */
	if (length != sizeof(credentials) || credentials.uid == (uid_t)-1 ||
	    credentials.gid == (gid_t)-1)
		return -ENODATA;

	struct peer peer = {.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
	int r = read_groups(fd, &peer.groups, &peer.group_count);
	if (r < 0)
		return r;
	*ret_peer = peer;
	return 0;
}

void peer_done(struct peer *peer)
{
	free(peer->groups);
	*peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
}

static struct peer_group find_group(const char *name)
{
	for (size_t size = 4096; size <= GROUP_ENTRY_MAX; size *= 2) {
		_cleanup_free_ char *buffer = malloc(size);
		struct group group, *found = NULL;
		if (!buffer)
			break;
		int r = getgrnam_r(name, &group, buffer, size, &found);
		if (r == 0 && found)
			return (struct peer_group){true, found->gr_gid};
		if (r != ERANGE && r != EINTR)
			break;
	}
	return (struct peer_group){};
}

struct peer_rules peer_rules_read(void)
{
	return (struct peer_rules){
	        .own = geteuid(),
	        .read = find_group(PEER_GROUP_READ),
	        .change = find_group(PEER_GROUP_CHANGE),
	};
}

static bool is_member(const struct peer *peer, const struct peer_group *group)
{
	if (!group->exists)
		return false;
	if (peer->gid == group->gid)
		return true;
	for (size_t i = 0; i < peer->group_count; i++)
		if (peer->groups[i] == group->gid)
			return true;
	return false;
}

bool peer_may(const struct peer *peer, const struct peer_rules *rules, enum access access)
{
	if (peer->uid == 0 || peer->uid == rules->own || is_member(peer, &rules->change))
		return true;
	switch (access) {
	case ACCESS_READ:
		return is_member(peer, &rules->read);
	case ACCESS_CHANGE:
		return false;
	}
	return false;
}
