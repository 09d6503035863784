/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/runtime.h"

#include "policy/binding.h"
#include "policy/request_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct runtime *runtime_free(struct runtime *runtime)
{
	if (runtime)
		arena_free(runtime->arena); /* the runtime itself lives in it */
	return NULL;
}

struct runtime *policy_use_runtime(struct policy *policy, struct runtime *runtime)
{
	struct runtime *before = policy->runtime;
	policy->runtime = runtime;
	return before;
}

const struct assignment *policy_assignment(const struct policy *policy,
                                           const struct address *address)
{
	if (!policy->runtime)
		return NULL;

	const struct assignment *items = policy->runtime->assignments.items;
	size_t low = 0, high = policy->runtime->assignments.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = address_compare(&items[middle].address, address);
		if (order == 0)
			return &items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Those of an address come first. */
static int compare_quarantines(const void *a, const void *b)
{
	const struct quarantine *x = a, *y = b;
	if (!x->host || !y->host)
		return x->host || y->host ? (x->host ? 1 : -1)
		                          : address_compare(&x->address, &y->address);
	return (x->host > y->host) - (x->host < y->host);
}

static const struct quarantine *find_quarantine(const struct runtime *runtime,
                                                const struct host *host,
                                                const struct address *address)
{
	struct quarantine key = {.host = host};
	if (address)
		key.address = *address;
	return runtime->quarantines.count
	               ? bsearch(&key, runtime->quarantines.items, runtime->quarantines.count,
	                         sizeof(key), compare_quarantines)
	               : NULL;
}

const struct quarantine *policy_quarantine(const struct policy *policy,
                                           const struct address *address, const struct mac *mac,
                                           const struct host **ret_owner)
{
	const struct runtime *runtime = policy->runtime;
	const struct quarantine *found = NULL;
	if (!runtime || !runtime->quarantines.count)
		return NULL;

	const struct host *host = policy_host_at(policy, address);
	found = find_quarantine(runtime, NULL, address);
	if (!found && host)
		found = find_quarantine(runtime, host, NULL);
	/* Whatever address it takes, its MAC tells a host that has none of its own. */
	const struct host *by_mac = mac ? policy_host_by_mac(policy, mac) : NULL;
	if (!found && by_mac) {
		found = find_quarantine(runtime, by_mac, NULL);
		host = by_mac;
	}
	if (found && ret_owner)
		*ret_owner = host;
	return found;
}

bool runtime_has(const struct runtime *runtime, uint64_t id)
{
	for (size_t i = 0; i < runtime->assignments.count; i++)
		if (runtime->assignments.items[i].id == id)
			return true;
	for (size_t i = 0; i < runtime->permits.count; i++)
		if (runtime->permits.items[i].id == id)
			return true;
	for (size_t i = 0; i < runtime->quarantines.count; i++)
		if (runtime->quarantines.items[i].id == id)
			return true;
	return runtime->pickup.id && runtime->pickup.id == id;
}

static const struct location at_assign = {REQUEST_AT_ASSIGN, 0};
static const struct location at_permit = {REQUEST_AT_PERMIT, 0};
static const struct location at_quarantine = {REQUEST_AT_QUARANTINE, 0};
static const struct location at_pickup = {REQUEST_AT_PICKUP, 0};

/* "assigned by alice", as the place in which no configuration has it. */
static int origin_of(struct arena *arena, const char *done, const struct request_entry *request,
                     struct location *ret_at)
{
	const char *file = arena_printf(arena, "%s by %s", done,
	                                request->user ? request->user : "nobody known");
	*ret_at = (struct location){file, 0};
	return file ? 0 : -ENOMEM;
}

static const char *describe(struct arena *arena, const struct request_entry *request)
{
	char text[REQUEST_TEXT_MAX];
	return arena_strdup(arena, request_describe(request, text));
}

static int bind_assignment(struct checker *checker, const struct request_entry *request,
                           const struct role *role, struct assignment *assignment)
{
	struct arena *arena = checker->policy->arena;
	char text[ADDRESS_TEXT_MAX];
	struct location at;
	int r = origin_of(arena, "assigned", request, &at);
	if (r < 0)
		return r;

	*assignment = (struct assignment){
	        .address = request->address,
	        .host = {.at = at,
	                 .role = role,
	                 .effective_mode = role->effective_mode,
	                 .one_machine = true},
	        .comment = describe(arena, request),
	        .until = request->until,
	        .id = request->id,
	};
	struct host *host = &assignment->host;
	host->name = arena_strdup(arena, address_print(&request->address, text));
	host->ranges = arena_alloc(arena, 1, sizeof(*host->ranges));
	if (!host->name || !host->ranges || !assignment->comment)
		return -ENOMEM;
	host->ranges[0].range = (struct address_range){request->address, request->address};
	host->range_count = 1;
	return 0;
}

static int bind_permit(struct checker *checker, const struct request_entry *request,
                       struct permit *permit)
{
	struct arena *arena = checker->policy->arena;
	permit->id = request->id;
	permit->until = request->until;
	permit->comment = describe(arena, request);
	if (!permit->comment)
		return -ENOMEM;
	return origin_of(arena, "permitted", request, &permit->permission.at);
}

static int bind_quarantine(struct checker *checker, const struct request_entry *request,
                           struct quarantine *quarantine)
{
	struct arena *arena = checker->policy->arena;
	quarantine->id = request->id;
	quarantine->until = request->until;
	quarantine->automatic = request->automatic;
	quarantine->comment = describe(arena, request);
	if (!quarantine->comment)
		return -ENOMEM;
	return origin_of(arena, "put in quarantine", request, &quarantine->at);
}

static int bind_pickup(struct checker *checker, const struct request_entry *request,
                       struct pickup *pickup)
{
	pickup->id = request->id;
	pickup->until = request->until;
	pickup->comment = describe(checker->policy->arena, request);
	pickup->known = true;
	return pickup->comment ? 0 : -ENOMEM;
}

/* Says which request is over, and why. */
static void report_over(const struct request_entry *request, const struct problems *reasons,
                        struct problems *problems)
{
	char address[ADDRESS_TEXT_MAX];
	const char *user = request->user ? request->user : "nobody known";

	ARRAY_FOREACH (reason, &reasons->list) {
		switch (request->kind) {
		case REQUEST_ASSIGN:
			problems_add(problems, at_assign,
			             "the role \"%s\" of %s, assigned by %s, is over: %s",
			             request->role ? request->role : "",
			             address_print(&request->address, address), user, reason->text);
			break;
		case REQUEST_PERMIT:
			problems_add(problems, at_permit,
			             "permit %llu, %s for %s by %s, is over: %s",
			             (unsigned long long)request->id,
			             request->service ? request->service : "",
			             request->host ? request->host : "", user, reason->text);
			break;
		case REQUEST_QUARANTINE:
			problems_add(problems, at_quarantine,
			             "the quarantine of %s by %s is over: %s",
			             request->host ? request->host : "", user, reason->text);
			break;
		case REQUEST_PICKUP:
			problems_add(problems, at_pickup, "the pickup window of %s is closed: %s",
			             user, reason->text);
			break;
		}
	}
}

static int bind_one(struct binding *binding, const struct request_entry *request,
                    struct runtime *runtime)
{
	struct checker *checker = &binding->checker;
	struct problems *reasons = checker->problems;
	const struct role *role;
	struct permit permit = {};
	struct quarantine quarantine = {};
	int r = 0;

	switch (request->kind) {
	case REQUEST_ASSIGN:
		role = check_assignment(checker, request);
		if (role)
			r = bind_assignment(
			        checker, request, role,
			        &runtime->assignments.items[runtime->assignments.count++]);
		return reasons->incomplete ? -ENOMEM : r;
	case REQUEST_PERMIT:
		r = check_permit(checker, request, &permit);
		if (r < 0 || !problems_empty(reasons))
			return reasons->incomplete ? -ENOMEM : r;
		r = bind_permit(checker, request, &permit);
		runtime->permits.items[runtime->permits.count++] = permit;
		return r;
	case REQUEST_QUARANTINE:
		r = check_quarantine(checker, request, &quarantine);
		if (r < 0 || !problems_empty(reasons))
			return reasons->incomplete ? -ENOMEM : r;
		r = bind_quarantine(checker, request, &quarantine);
		runtime->quarantines.items[runtime->quarantines.count++] = quarantine;
		return r;
	case REQUEST_PICKUP:
		check_pickup(checker, request);
		if (!problems_empty(reasons))
			return reasons->incomplete ? -ENOMEM : 0;
		return bind_pickup(checker, request, &runtime->pickup);
	}
	abort(); /* no other value is ever made */
}

static int compare_assignments(const void *a, const void *b)
{
	const struct assignment *x = a, *y = b;
	return address_compare(&x->address, &y->address);
}

static int compare_permits(const void *a, const void *b)
{
	const struct permit *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

/* So many requests that name hosts are better served by an index of them. */
#define HOSTS_NAMED_MAX 8

static int index_hosts(struct binding *binding, const struct requests *requests)
{
	struct address address;
	size_t named = 0;
	ARRAY_FOREACH (request, &requests->list)
		named += request->host && address_parse(request->host, &address) < 0;
	return named > HOSTS_NAMED_MAX ? check_index_hosts(&binding->checker) : 0;
}

static int bind_all(struct binding *binding, const struct requests *requests, usec_t now,
                    struct problems *problems, struct runtime *runtime)
{
	int indexed = index_hosts(binding, requests);
	if (indexed < 0)
		return indexed;
	ARRAY_FOREACH (request, &requests->list) {
		struct problems reasons = {};
		if (request->until && request->until <= now)
			continue;
		binding->checker.problems = &reasons;
		int r = bind_one(binding, request, runtime);
		report_over(request, &reasons, problems);
		problems_done(&reasons);
		if (r < 0)
			return r;
	}

	if (runtime->assignments.count)
		qsort(runtime->assignments.items, runtime->assignments.count,
		      sizeof(*runtime->assignments.items), compare_assignments);
	if (runtime->permits.count)
		qsort(runtime->permits.items, runtime->permits.count,
		      sizeof(*runtime->permits.items), compare_permits);
	if (runtime->quarantines.count)
		qsort(runtime->quarantines.items, runtime->quarantines.count,
		      sizeof(*runtime->quarantines.items), compare_quarantines);
	return 0;
}

/* Room for so many in a list that is empty; 0 or -ENOMEM. */
#define ROOM_FOR(list, count, arena)                                                               \
	((count) && !((list).items = arena_alloc((arena), (count), sizeof(*(list).items)))         \
	         ? -ENOMEM                                                                         \
	         : 0)

/* With room for every request. */
static int runtime_new(const struct requests *requests, struct runtime **ret_runtime)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct runtime *runtime = arena ? arena_alloc(arena, 1, sizeof(*runtime)) : NULL;
	size_t counts[REQUEST_KIND_COUNT] = {};
	if (!runtime)
		return -ENOMEM;

	ARRAY_FOREACH (request, &requests->list)
		counts[request->kind]++;
	if (ROOM_FOR(runtime->assignments, counts[REQUEST_ASSIGN], arena) < 0 ||
	    ROOM_FOR(runtime->permits, counts[REQUEST_PERMIT], arena) < 0 ||
	    ROOM_FOR(runtime->quarantines, counts[REQUEST_QUARANTINE], arena) < 0)
		return -ENOMEM;
	runtime->arena = TAKE_POINTER(arena);
	runtime->pickup.known = requests->picked_up;
	*ret_runtime = runtime;
	return 0;
}

int runtime_bind(const struct policy *policy, const struct requests *requests, usec_t now,
                 struct problems *problems, struct runtime **ret_runtime)
{
	_cleanup_(runtime_freep) struct runtime *runtime = NULL;
	struct binding binding;
	int r = runtime_new(requests, &runtime);
	if (r < 0)
		return r;
	if (requests->list.count) {
		r = binding_begin(&binding, policy, runtime->arena, problems);
		if (r < 0)
			return r;
		r = bind_all(&binding, requests, now, problems, runtime);
		binding_done(&binding);
	}
	if (r < 0)
		return r;

	*ret_runtime = TAKE_POINTER(runtime);
	return 0;
}
