/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int binding_begin(struct binding *binding, const struct policy *policy, struct arena *arena,
                  struct problems *problems)
{
	*binding = (struct binding){.view = *policy};
	binding->view.arena = arena;
	binding->checker = (struct checker){.policy = &binding->view, .problems = problems};
	int r = check_index_names(&binding->checker);
	if (r < 0)
		check_names_done(&binding->checker);
	return r;
}

void binding_done(struct binding *binding)
{
	check_names_done(&binding->checker);
}

static const struct location at_assign = {REQUEST_AT_ASSIGN, 0};
static const struct location at_permit = {REQUEST_AT_PERMIT, 0};
static const struct location at_quarantine = {REQUEST_AT_QUARANTINE, 0};
static const struct location at_pickup = {REQUEST_AT_PICKUP, 0};

static void report_unknown(struct checker *checker, struct location at, const char *what,
                           const char *name, const struct names *names, const char *advice)
{
	const char *nearest = names_nearest(names, name, checker->problems);
	if (nearest)
		problems_add(checker->problems, at, "unknown %s \"%s\"; did you mean \"%s\"?", what,
		             name, nearest);
	else
		problems_add(checker->problems, at, "unknown %s \"%s\"%s", what, name, advice);
}

/* The time of it, and the words that the requester gives. */
static void check_occasion(struct checker *checker, const struct request_entry *request,
                           struct location at)
{
	struct problems *problems = checker->problems;

	if (request->until && request->until <= request->since)
		problems_add(problems, at, "it would end before it begins; say for how long");
	if (request->why && strlen(request->why) > REQUEST_WHY_MAX)
		problems_add(problems, at, "the reason has %zu bytes; %d are room enough for one",
		             strlen(request->why), REQUEST_WHY_MAX);
	if (request->user && strlen(request->user) > REQUEST_USER_MAX)
		problems_add(problems, at, "the name of the user has %zu bytes; %d is the most",
		             strlen(request->user), REQUEST_USER_MAX);
}

/* No host sends from these: RFC 1122 3.2.1.3, RFC 4291 2.5.2 and 2.7. */
static bool is_no_source(const struct address *address)
{
	static const uint8_t zero[sizeof(address->bytes)];
	bool ipv4 = address->family == FAMILY_IPV4;
	return memcmp(address->bytes, zero, sizeof(zero)) == 0 ||
	       address->bytes[0] >= (ipv4 ? 224 : 0xff);
}

static void check_address(struct checker *checker, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	const struct claim *claim = policy_claim_at(checker->policy, address);
	struct location at = claim ? claim_location(claim) : (struct location){};

	address_print(address, text);
	if (is_no_source(address))
		problems_add(checker->problems, at_assign, "%s is the address of no host", text);
	else if (claim && claim->host->self)
		problems_add(checker->problems, at_assign,
		             "%s is the gateway itself, host \"%s\" at %s:%u", text,
		             claim->host->name, at.file, at.line);
	else if (claim && range_is_single(&claim->written->range))
		problems_add(checker->problems, at_assign,
		             "%s is already host \"%s\" at %s:%u; change its role there", text,
		             claim->host->name, at.file, at.line);
}

const struct role *check_assignment(struct checker *checker, const struct request_entry *request)
{
	size_t before = checker->problems->list.count + checker->problems->left_out;
	const char *name = request->role ? request->role : "";
	size_t index = 0;

	check_occasion(checker, request, at_assign);
	check_address(checker, &request->address);
	if (!names_find(&checker->roles, name, &index))
		report_unknown(checker, at_assign, "role", name, &checker->roles,
		               "; the configuration has none of that name");
	if (checker->problems->list.count + checker->problems->left_out != before ||
	    checker->problems->incomplete)
		return NULL;
	return &checker->policy->roles.items[index];
}

/* One look through all hosts is faster than an index of them; that is for what needs more. */
static int need_hosts(struct checker *checker)
{
	return checker->hosts.list.count ? 0 : check_index_hosts(checker);
}

static const struct host *find_host(struct checker *checker, const char *name)
{
	size_t index;
	if (!checker->hosts.list.count)
		return policy_host(checker->policy, name);
	return names_find(&checker->hosts, name, &index) ? &checker->policy->hosts.items[index]
	                                                 : NULL;
}

/* Whose request it is: ret_host, or NULL and ret_address. No name is written like an address. 0 or
 * -ENOMEM. */
static int find_owner(struct checker *checker, const char *name, struct location at,
                      const struct host **ret_host, struct address *ret_address)
{
	*ret_host = NULL;
	if (address_parse(name, ret_address) == 0) {
		if (is_no_source(ret_address))
			problems_add(checker->problems, at, "%s is the address of no host", name);
		return 0;
	}
	*ret_host = find_host(checker, name);
	if (*ret_host)
		return 0;
	int r = need_hosts(checker);
	if (r == 0)
		report_unknown(checker, at, "host", name, &checker->hosts,
		               "; name one of the configuration, or an address");
	return r;
}

static int make_word(struct checker *checker, const char *text, struct words *ret_words)
{
	struct arena *arena = checker->policy->arena;
	struct word *word = arena_alloc(arena, 1, sizeof(*word));
	if (!word)
		return -ENOMEM;
	*word = (struct word){arena_strdup(arena, text), at_permit};
	if (!word->text)
		return -ENOMEM;
	*ret_words = (struct words){word, 1};
	return 0;
}

int check_permit(struct checker *checker, const struct request_entry *request,
                 struct permit *ret_permit)
{
	struct permission permission = {.any_peer = !request->to, .group = request->to != NULL};

	check_occasion(checker, request, at_permit);
	if (!request->until)
		problems_add(checker->problems, at_permit,
		             "a permit ends; say for how long it is needed");
	if (!request->why || !request->why[0])
		problems_add(checker->problems, at_permit, "a permit has a reason; say why");

	const char *name = request->host ? request->host : "";
	int r = find_owner(checker, name, at_permit, &ret_permit->host, &ret_permit->address);
	if (r == 0 && !ret_permit->host) {
		const struct claim *claim = policy_claim_at(checker->policy, &ret_permit->address);
		if (claim && claim->host->self)
			problems_add(checker->problems, at_permit,
			             "%s is the gateway itself; name it by its host, \"%s\"", name,
			             claim->host->name);
	}
	if (r == 0 && request->to)
		r = need_hosts(checker);
	if (r == 0)
		r = make_word(checker, request->service ? request->service : "",
		              &permission.services);
	if (r == 0 && request->to)
		r = make_word(checker, request->to, &permission.peers);
	if (r == 0)
		r = check_permission(checker, &permission);
	if (r < 0)
		return r;
	ret_permit->permission = permission;
	return 0;
}

int check_quarantine(struct checker *checker, const struct request_entry *request,
                     struct quarantine *ret_quarantine)
{
	const char *name = request->host ? request->host : "";

	check_occasion(checker, request, at_quarantine);
	int r = find_owner(checker, name, at_quarantine, &ret_quarantine->host,
	                   &ret_quarantine->address);
	if (r < 0)
		return r;
	const struct host *host = ret_quarantine->host;
	if (!host) {
		const struct claim *claim =
		        policy_claim_at(checker->policy, &ret_quarantine->address);
		host = claim ? claim->host : NULL;
	}
	if (host && host->self)
		problems_add(
		        checker->problems, at_quarantine,
		        "%s is the gateway itself, host \"%s\" at %s:%u, which is never put in "
		        "quarantine",
		        name, host->name, host->at.file, host->at.line);
	return 0;
}

void check_pickup(struct checker *checker, const struct request_entry *request)
{
	check_occasion(checker, request, at_pickup);
	if (!request->until)
		problems_add(checker->problems, at_pickup,
		             "a pickup window closes; say for how long it is open, as in 2m");
	else if (request->until > request->since + PICKUP_SPAN_MAX)
		problems_add(
		        checker->problems, at_pickup,
		        "a pickup window is open for 1 hour at most: while it is open, hosts can "
		        "pretend to continue connections that never were");
}

int request_check(const struct policy *policy, const struct request_entry *request,
                  struct problems *problems)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct binding binding;
	struct permit permit = {};
	struct quarantine quarantine = {};
	if (!arena)
		return -ENOMEM;
	int r = binding_begin(&binding, policy, arena, problems);
	if (r < 0)
		return r;

	switch (request->kind) {
	case REQUEST_ASSIGN:
		(void)check_assignment(&binding.checker, request);
		break;
	case REQUEST_PERMIT:
		r = check_permit(&binding.checker, request, &permit);
		break;
	case REQUEST_QUARANTINE:
		r = check_quarantine(&binding.checker, request, &quarantine);
		break;
	case REQUEST_PICKUP:
		check_pickup(&binding.checker, request);
		break;
	}
	binding_done(&binding);
	return r;
}
