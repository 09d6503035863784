/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/checker.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

static void find_role(struct checker *checker, struct host *host, const char *name)
{
	struct location at = {host->at.file, host->role_line};
	size_t index;
	if (!name)
		return; /* reported by load */
	if (names_find(&checker->roles, name, &index)) {
		host->role = &checker->policy->roles.items[index];
		return;
	}
	if (checker->partial)
		return;
	const char *nearest = names_nearest(&checker->roles, name, checker->problems);
	if (nearest)
		problems_add(checker->problems, at,
		             "host \"%s\" has the unknown role \"%s\"; did you mean \"%s\"?",
		             host->name, name, nearest);
	else
		problems_add(checker->problems, at, "host \"%s\" has the unknown role \"%s\"",
		             host->name, name);
}

static void check_self(struct checker *checker, const struct host *host)
{
	const struct host *first = checker->policy->self;
	if (!host->self)
		return;
	if (first)
		problems_add(checker->problems, host->at,
		             "host \"%s\" is the gateway too; host \"%s\" at %s:%u already is",
		             host->name, first->name, first->at.file, first->at.line);
	else
		checker->policy->self = host;
}

/* Only sockets of the gateway itself have processes here. */
static void check_processes(struct checker *checker)
{
	const struct gateway *gateway = &checker->policy->gateway;
	if (gateway->processes && !checker->policy->self && !checker->partial)
		problems_add(checker->problems, gateway->processes_at,
		             "\"processes\" is about the gateway's own connections, which are not "
		             "judged; give it a host with self = true, or leave it out");
}

static enum mode first_set(enum mode own, enum mode next)
{
	return own != MODE_UNSET ? own : next;
}

static bool is_one_machine(const struct host *host)
{
	for (size_t i = 0; i < host->range_count; i++)
		if (!range_is_single(&host->ranges[i].range))
			return false;
	return true;
}

int check_hosts(struct checker *checker)
{
	struct policy *policy = checker->policy;
	for (size_t i = 0; i < policy->roles.count; i++) {
		struct role *role = &policy->roles.items[i];
		role->index = i;
		role->effective_mode = first_set(role->mode, policy->gateway.mode);
	}
	for (size_t i = 0; i < policy->hosts.count; i++) {
		struct host *host = &policy->hosts.items[i];
		find_role(checker, host, checker->host_roles[i]);
		host->effective_mode = first_set(host->mode, host->role ? host->role->effective_mode
		                                                        : policy->gateway.mode);
		host->one_machine = is_one_machine(host);
		check_self(checker, host);
	}
	check_processes(checker);
	return 0;
}

static int compare_macs(const void *a, const void *b)
{
	const struct sole_mac *x = a, *y = b;
	int c = memcmp(x->mac.bytes, y->mac.bytes, sizeof(x->mac.bytes));
	return c ? c : (x->host > y->host) - (x->host < y->host);
}

static int keep_macs(struct policy *policy, const struct sole_mac *macs, size_t count)
{
	if (!count)
		return 0;
	policy->sole_macs = arena_alloc(policy->arena, count, sizeof(*macs));
	if (!policy->sole_macs)
		return -ENOMEM;
	memcpy(policy->sole_macs, macs, count * sizeof(*macs));
	policy->sole_mac_count = count;
	return 0;
}

int check_macs(struct checker *checker)
{
	const struct policy *policy = checker->policy;
	ARRAY(struct sole_mac) macs = {};
	for (size_t i = 0; i < policy->hosts.count; i++) {
		const struct host *host = &policy->hosts.items[i];
		for (size_t j = 0; !host->ranges && j < host->mac_count; j++) {
			struct sole_mac *mac = ARRAY_ADD(&macs);
			if (!mac) {
				ARRAY_DONE(&macs);
				return -ENOMEM;
			}
			*mac = (struct sole_mac){host->macs[j], host};
		}
	}

	if (macs.count)
		qsort(macs.items, macs.count, sizeof(*macs.items), compare_macs);
	for (size_t i = 1; i < macs.count; i++) {
		const struct sole_mac *mac = &macs.items[i], *before = mac - 1;
		char text[MAC_TEXT_MAX];
		if (memcmp(mac->mac.bytes, before->mac.bytes, sizeof(mac->mac.bytes)) == 0)
			problems_add(checker->problems, mac->host->at,
			             "host \"%s\" has no address but the MAC %s, which is already "
			             "host \"%s\" at %s:%u",
			             mac->host->name, mac_print(&mac->mac, text),
			             before->host->name, before->host->at.file,
			             before->host->at.line);
	}

	int r = keep_macs(checker->policy, macs.items, macs.count);
	ARRAY_DONE(&macs);
	return r;
}
