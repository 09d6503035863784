/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/host_pieces.h"

#include <errno.h>
#include <string.h>

/* The same piece of the policy before, or NULL. Mostly it is the one after the last that was. */
static const struct host_piece *find_before(struct loader *loader, const struct host_piece *piece)
{
	const struct policy *before = loader->origin.before;
	size_t count = before ? before->pieces.count : 0;
	for (size_t i = 0; i < count; i++) {
		size_t at = (loader->next_piece + i) % count;
		const struct host_piece *other = &before->pieces.items[at];
		if (strcmp(other->digest, piece->digest) != 0)
			continue;
		loader->next_piece = at + 1;
		return other;
	}
	return NULL;
}

/*
 * Adds a host as load_hosts() would: without what check finds out, in the file that is being walked
 * now, and so many lines further down (or up: the numbers wrap around).
 */
static int copy_host(struct loader *loader, const struct host *before, unsigned down)
{
	struct arena *arena = loader->context.arena;
	struct host *host = ARRAY_ADD(&loader->hosts);
	const char **role = ARRAY_ADD(&loader->host_roles);
	if (!host || !role)
		return -ENOMEM;
	*role = before->role->name;
	*host = (struct host){
	        .name = arena_strdup(arena, before->name),
	        .at = {loader->context.file, before->at.line + down},
	        .ranges = arena_copy(arena, before->ranges, before->range_count,
	                             sizeof(*before->ranges)),
	        .range_count = before->range_count,
	        .macs = arena_copy(arena, before->macs, before->mac_count, sizeof(*before->macs)),
	        .mac_count = before->mac_count,
	        .role_line = before->role_line + down,
	        .self = before->self,
	        .mode = before->mode,
	};
	for (size_t i = 0; host->ranges && i < host->range_count; i++)
		host->ranges[i].line += down;
	return host->name && !host->ranges == !before->ranges && !host->macs == !before->macs
	               ? 0
	               : -ENOMEM;
}

int host_pieces_begin(struct loader *loader, const char *text, size_t length, unsigned line)
{
	struct digest digest;
	struct host_piece *piece = ARRAY_ADD(&loader->pieces);
	if (!piece)
		return -ENOMEM;
	digest_start(&digest);
	digest_add(&digest, text, length);
	digest_end(&digest, piece->digest);
	piece->first = loader->hosts.count;
	piece->line = line;

	const struct host_piece *before = find_before(loader, piece);
	if (!before)
		return 0;
	const struct host *hosts = loader->origin.before->hosts.items + before->first;
	for (size_t i = 0; i < before->count; i++) {
		int r = copy_host(loader, &hosts[i], line - before->line);
		if (r < 0)
			return r;
	}
	piece->as_before = true;
	host_pieces_end(loader);
	return 1;
}

void host_pieces_end(struct loader *loader)
{
	struct host_piece *piece = &loader->pieces.items[loader->pieces.count - 1];
	piece->count = loader->hosts.count - piece->first;
}
