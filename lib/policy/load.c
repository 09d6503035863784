/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load.h"

#include "policy/check.h"
#include "policy/include.h"
#include "policy/loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHIPPED_NAME "services.conf (shipped)"

extern const char services_conf[]; /* conf/services.conf */

static int load_memory(struct loader *loader, const char *name, const char *text, size_t length)
{
	char *file = arena_strdup(loader->context.arena, name);
	_cleanup_free_ char *copy = malloc(length + 2);
	if (!file || !copy)
		return -ENOMEM;
	memcpy(copy, text, length);
	copy[length] = copy[length + 1] = '\0';

	struct words includes = {};
	return load_parsed(loader, file, copy, length, &includes);
}

static int loader_start(struct loader *loader, const char *file, struct problems *problems)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct policy *policy = arena ? arena_alloc(arena, 1, sizeof(*policy)) : NULL;
	loader->scratch = arena_new();
	if (!policy || !loader->scratch)
		return -ENOMEM;
	policy->file = arena_strdup(arena, file);
	if (!policy->file)
		return -ENOMEM;
	policy->gateway.mode = MODE_ENFORCE;
	policy->gateway.refuse = REFUSE_REJECT;
	policy->gateway.check_source = CHECK_SOURCE_CONNECTION;
	policy->gateway.nflog_group = NFLOG_GROUP_DEFAULT;
	policy->gateway.contact_group = CONTACT_GROUP_DEFAULT;
	policy->gateway.pickup = PICKUP_SPAN_DEFAULT;
	policy->gateway.own_table = true;
	policy->gateway.ledger =
	        (struct ledger_limits){LEDGER_ENTRIES_DEFAULT, LEDGER_ATTEMPTS_DEFAULT};

	digest_start(&loader->digest);
	loader->context.problems = problems;
	loader->context.arena = arena;
	loader->policy = policy;
	policy->arena = TAKE_POINTER(arena);

	bool alone = loader->alone;
	loader->shipped = loader->alone = true;
	int r = load_memory(loader, SHIPPED_NAME, services_conf, strlen(services_conf));
	loader->shipped = false;
	loader->alone = alone;
	return r;
}

static void loader_done(struct loader *loader)
{
	ARRAY_DONE(&loader->services);
	ARRAY_DONE(&loader->networks);
	ARRAY_DONE(&loader->roles);
	ARRAY_DONE(&loader->hosts);
	ARRAY_DONE(&loader->host_roles);
	ARRAY_DONE(&loader->pieces);
	arena_free(loader->scratch);
	ARRAY_DONE(&loader->visited);
	policy_free(loader->policy);
}

/* Moves what was collected into the arena. */
static int settle(struct loader *loader)
{
	struct policy *policy = loader->policy;
	struct arena *arena = policy->arena;
#define SETTLE(part)                                                                               \
	policy->part.count = loader->part.count;                                                   \
	policy->part.items = ARENA_KEEP(arena, &loader->part);                                     \
	if (policy->part.count && !policy->part.items)                                             \
	return -ENOMEM
	SETTLE(services);
	SETTLE(networks);
	SETTLE(roles);
	SETTLE(hosts);
	SETTLE(pieces);
#undef SETTLE
	return 0;
}

static size_t found(const struct problems *problems)
{
	return problems->list.count + problems->left_out;
}

/* Ends the digest; that of a snapshot has to be what it was. */
static void end_digest(struct loader *loader)
{
	const struct snapshot *snapshot = loader->origin.snapshot;
	char *digest = loader->policy->digest;
	digest_end(&loader->digest, digest);
	if (snapshot && strcmp(snapshot->digest, digest) != 0)
		problems_add(loader->context.problems, (struct location){loader->policy->file, 0},
		             "what was kept of it is not what it was: the digest is another");
}

static int finish(struct loader *loader, size_t found_before, struct policy **ret_policy)
{
	struct problems *problems = loader->context.problems;
	end_digest(loader);
	load_check_required(loader);
	int r = settle(loader);
	if (r < 0)
		return r;
	r = policy_check(loader->policy, loader->host_roles.items, loader->partial, problems);
	if (r < 0)
		return r;
	if (problems->incomplete)
		return -ENOMEM;
	if (found(problems) > found_before) {
		problems_sort(problems);
		return POLICY_REJECTED;
	}
	*ret_policy = TAKE_POINTER(loader->policy);
	return 0;
}

int policy_load_from(const struct policy_origin *origin, struct problems *problems,
                     struct policy **ret_policy)
{
	const struct snapshot *snapshot = origin->snapshot;
	_cleanup_(loader_done) struct loader loader = {.origin = *origin};
	size_t before = found(problems);
	int r = loader_start(&loader, snapshot ? snapshot->files.items[0].path : origin->file,
	                     problems);
	if (r == 0)
		r = load_file(&loader, loader.policy->file, (struct location){}, 0);
	if (r < 0)
		return r;
	return finish(&loader, before, ret_policy);
}

int policy_load(const char *file, struct source_paths *paths, struct problems *problems,
                struct policy **ret_policy)
{
	const struct policy_origin origin = {.file = file, .paths = paths};
	return policy_load_from(&origin, problems, ret_policy);
}

int policy_load_text(const char *name, const char *text, size_t length, struct problems *problems,
                     struct policy **ret_policy)
{
	_cleanup_(loader_done) struct loader loader = {.alone = true};
	size_t before = found(problems);
	int r = loader_start(&loader, name, problems);
	if (r < 0)
		return r;
	digest_add(&loader.digest, text, length);
	r = load_memory(&loader, loader.policy->file, text, length);
	if (r < 0)
		return r;
	return finish(&loader, before, ret_policy);
}
