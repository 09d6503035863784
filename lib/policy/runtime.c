/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/runtime.h"

#include "policy/binding.h"

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

bool runtime_has(const struct runtime *runtime, uint64_t id)
{
	for (size_t i = 0; i < runtime->assignments.count; i++)
		if (runtime->assignments.items[i].id == id)
			return true;
	for (size_t i = 0; i < runtime->permits.count; i++)
		if (runtime->permits.items[i].id == id)
			return true;
	return false;
}

static const struct location at_assign = {REQUEST_AT_ASSIGN, 0};
static const struct location at_permit = {REQUEST_AT_PERMIT, 0};

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
	                 .role_name = {role->name, at},
	                 .role = role,
	                 .effective_mode = role->effective_mode,
	                 .index = SIZE_MAX},
	        .comment = describe(arena, request),
	        .until = request->until,
	        .id = request->id,
	};
	struct host *host = &assignment->host;
	struct word *word = arena_alloc(arena, 1, sizeof(*word));
	host->name = arena_strdup(arena, address_print(&request->address, text));
	host->ranges = arena_alloc(arena, 1, sizeof(*host->ranges));
	if (!word || !host->name || !host->ranges || !assignment->comment)
		return -ENOMEM;
	*word = (struct word){host->name, at};
	host->addresses = (struct words){word, 1};
	host->ranges[0] = (struct address_range){request->address, request->address};
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

static int bind_all(struct binding *binding, const struct requests *requests, usec_t now,
                    struct problems *problems, struct runtime *runtime)
{
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
	return 0;
}

/* With room for every request. */
static int runtime_new(const struct requests *requests, struct runtime **ret_runtime)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct runtime *runtime = arena ? arena_alloc(arena, 1, sizeof(*runtime)) : NULL;
	size_t assignments = 0;
	if (!runtime)
		return -ENOMEM;

	ARRAY_FOREACH (request, &requests->list)
		assignments += request->kind == REQUEST_ASSIGN;
	size_t permits = requests->list.count - assignments;
	if (assignments) {
		runtime->assignments.items =
		        arena_alloc(arena, assignments, sizeof(*runtime->assignments.items));
		if (!runtime->assignments.items)
			return -ENOMEM;
	}
	if (permits) {
		runtime->permits.items =
		        arena_alloc(arena, permits, sizeof(*runtime->permits.items));
		if (!runtime->permits.items)
			return -ENOMEM;
	}
	runtime->arena = TAKE_POINTER(arena);
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
