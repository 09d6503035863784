/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/check.h"

#include "policy/checker.h"

/* Indexes the names of everything of one kind. */
#define INDEX(checker, part, what)                                                                 \
	({                                                                                         \
		int _r = 0;                                                                        \
		for (size_t _i = 0; _r == 0 && _i < (checker)->policy->part.count; _i++)           \
			_r = names_add(&(checker)->part, (checker)->policy->part.items[_i].name,   \
			               (checker)->policy->part.items[_i].at, _i);                  \
		names_check(&(checker)->part, what, (checker)->problems);                          \
		_r;                                                                                \
	})

int check_index_names(struct checker *checker)
{
	int r = INDEX(checker, services, "service");
	if (r == 0)
		r = INDEX(checker, networks, "network");
	if (r == 0)
		r = INDEX(checker, roles, "role");
	return r;
}

int check_index_hosts(struct checker *checker)
{
	return INDEX(checker, hosts, "host");
}

void check_names_done(struct checker *checker)
{
	names_done(&checker->services);
	names_done(&checker->networks);
	names_done(&checker->roles);
	names_done(&checker->hosts);
}

static int check_blocklist(struct checker *checker)
{
	struct policy *policy = checker->policy;
	return check_peers(checker, &policy->blocklist, false, &policy->blocked_peers,
	                   &policy->blocked_peer_count);
}

/* Two kinds of records in one group could not be counted apart. */
static int check_log_groups(struct checker *checker)
{
	const struct policy *policy = checker->policy;
	const struct gateway *gateway = &policy->gateway;
	if (gateway->contact_group == gateway->nflog_group && policy_tells_contacts(policy, NULL))
		problems_add(checker->problems, gateway->at,
		             "contact_group is %u, as nflog_group is; permitted first contacts "
		             "(detection.trw) need a group of their own, as in contact_group = %u",
		             gateway->contact_group,
		             gateway->contact_group < UINT16_MAX ? gateway->contact_group + 1u
		                                                 : UINT16_MAX - 1u);
	return 0;
}

static int check_all(struct checker *checker)
{
	/* Each step stands on the ones before: permissions need services, networks and hosts. */
	static int (*const steps[])(struct checker *) = {
	        check_index_names, check_index_hosts, check_services, check_networks,
	        check_hosts,       check_macs,        check_claims,   check_roles,
	        check_blocklist,   check_log_groups,
	};
	for (size_t i = 0; i < ELEMENTS_OF(steps); i++) {
		int r = steps[i](checker);
		if (r < 0)
			return r;
	}
	return 0;
}

int policy_check(struct policy *policy, const char *const *host_roles, bool partial,
                 struct problems *problems)
{
	struct checker checker = {
	        .policy = policy,
	        .host_roles = host_roles,
	        .problems = problems,
	        .partial = partial,
	};
	int r = check_all(&checker);
	check_names_done(&checker);
	return r;
}
