/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "revocation.h"

#include "base/array.h"
#include "base/protocol.h"
#include "gateway_address.h"
#include "kernel/conntrack.h"
#include "kernel/neighbour.h"
#include "kernel/picked_up.h"
#include "kernel/revoked.h"
#include "kernel/route.h"
#include "policy/judge.h"
#include "policy/runtime.h"
#include "track/recent.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Ways to sources that are remembered during one pass, lest each flow asks anew. */
#define WAYS_MAX 4096

/* The way that a source, which is not our own, is reached by. */
struct way {
	struct address address; /* the key: zeroed before it is filled in */
	enum origin origin;     /* the side that it leads to */
	uint32_t interface;     /* ifindex, 0: there is no way */
};

/* One pass over conntrack. */
struct pass {
	const struct policy *policy;
	const struct scope *scope;
	struct gateway_addresses local;
	struct recent *ways;
	struct neighbours *neighbours; /* NULL: the policy has no MACs */
	struct picked_up_list picked_up;
	bool opening; /* the pickup window opens: these are the flows from before */
	ARRAY(struct flow) denied;
	/* Those that a helper expected: they are judged when all are known, see root_master(). */
	ARRAY(struct flow) expected;
	ARRAY(struct flow) found;     /* to be picked up now */
	ARRAY(struct flow) forgotten; /* picked up before, and denied now */
	ARRAY(struct flow) turned;    /* the same with their ends swapped, as their clients' */
	size_t kept;
	int error; /* a negative errno: some flow was judged without knowing its way */
};

static void pass_done(struct pass *pass)
{
	ARRAY_DONE(&pass->local.list);
	ARRAY_DONE(&pass->denied);
	ARRAY_DONE(&pass->expected);
	ARRAY_DONE(&pass->found);
	ARRAY_DONE(&pass->forgotten);
	ARRAY_DONE(&pass->turned);
	picked_up_done(&pass->picked_up);
	recent_free(pass->ways);
	neighbours_free(pass->neighbours);
}

static bool is_local(const struct pass *pass, const struct address *address)
{
	ARRAY_FOREACH (local, &pass->local.list)
		if (address_compare(local, address) == 0)
			return true;
	return false;
}

static void ask_route(struct pass *pass, struct way *way)
{
	struct route route;

	way->origin = ORIGIN_OUTSIDE;
	way->interface = 0;
	int r = route_lookup(&way->address, &route);
	if (r < 0)
		pass->error = r; /* not to know is not to be outside */
	if (r != 0)
		return;
	way->interface = route.index;
	if (policy_is_inside(pass->policy, route.interface))
		way->origin = ORIGIN_INSIDE;
}

/* Lasts until the next call. */
static const struct way *find_way(struct pass *pass, const struct address *address)
{
	struct address key;
	memset(&key, 0, sizeof(key));
	key.family = address->family;
	memcpy(key.bytes, address->bytes, sizeof(key.bytes));
	struct way *way = recent_use(pass->ways, &key);
	if (!way) {
		way = recent_add(pass->ways, &key);
		ask_route(pass, way);
	}
	return way;
}

static enum origin find_origin(struct pass *pass, const struct address *address)
{
	if (is_local(pass, address))
		return ORIGIN_SELF;
	if (policy_host_at(pass->policy, address))
		return ORIGIN_INSIDE;
	return find_way(pass, address)->origin;
}

/* The MAC that the source has now, where the judgement depends on it. */
static void find_mac(struct pass *pass, struct connection *connection)
{
	if (!pass->neighbours || connection->origin != ORIGIN_INSIDE)
		return;
	const struct host *host = policy_host_at(pass->policy, &connection->source);
	if (host && !host->mac_count)
		return;
	const struct way *way = find_way(pass, &connection->source);
	const struct mac *mac =
	        neighbours_find(pass->neighbours, &connection->source, way->interface);
	if (!mac)
		return;
	connection->has_mac = true;
	connection->mac = *mac;
}

/* The connection by which a flow is judged: its master's, when a helper expected it. */
static struct connection connection_of(const struct flow *flow)
{
	struct connection connection = {
	        .source = flow->source,
	        .destination = flow->reached,
	        .protocol = flow->protocol,
	        .port = flow->reached_port,
	};
	bool has_ports = flow->has_ports;
	if (flow->has_master) {
		connection.source = flow->master.source;
		connection.destination = flow->master.destination;
		connection.protocol = flow->master.protocol;
		connection.port = flow->master.destination_port;
		has_ports = flow->master.has_ports;
	}
	/* The keys of GRE are no ports to the policy. */
	connection.has_port = protocol_has_types(connection.protocol) ||
	                      (has_ports && protocol_has_ports(connection.protocol));
	return connection;
}

/* By its address, or by the MAC that it has now. */
static bool is_in_quarantine(struct pass *pass, const struct address *address)
{
	const struct mac *mac = NULL;
	if (!pass->policy->runtime || !pass->policy->runtime->quarantines.count)
		return false;
	if (pass->neighbours && !policy_host_at(pass->policy, address)) {
		const struct way *way = find_way(pass, address);
		mac = neighbours_find(pass->neighbours, address, way->interface);
	}
	return policy_quarantine(pass->policy, address, mac, NULL) != NULL;
}

/* What becomes of a flow. */
enum fate {
	FATE_KEPT,
	FATE_PICKED_UP, /* from now on */
	FATE_DENIED,
	FATE_OPEN, /* not decided */
};

/*
 * A flow that was picked up is its server's only for conntrack. Another one may be, too, whose
 * beginning conntrack did not see: it is picked up if the policy permits it like that. FATE_OPEN:
 * it is to be judged as it is.
 */
static enum fate judge_as_server(struct pass *pass, const struct flow *flow,
                                 const struct connection *connection,
                                 const struct judgement *judgement)
{
	struct judgement swapped;
	enum swap swap = judgement_swap(connection, judgement);
	bool known = picked_up_find(&pass->picked_up, flow);
	bool found = pass->opening && flow->midstream && swap == SWAP_ALWAYS;
	if (swap == SWAP_NEVER || flow->has_master || (!known && !found))
		return FATE_OPEN;
	judge_swapped(pass->policy, connection, flow->source_port,
	              find_origin(pass, &connection->destination), &swapped);
	if (known)
		return swapped.passes ? FATE_KEPT : FATE_DENIED;
	return swapped.permitted ? FATE_PICKED_UP : FATE_OPEN;
}

static enum fate find_fate(struct pass *pass, const struct flow *flow)
{
	struct connection connection = connection_of(flow);
	struct judgement judgement;

	/* Whichever end began it, and also when the other one is the gateway. */
	if (is_in_quarantine(pass, &flow->source) || is_in_quarantine(pass, &flow->reached))
		return FATE_DENIED;
	/* What ends at the gateway does not cross it. */
	if (is_local(pass, &connection.destination))
		return FATE_KEPT;
	connection.origin = find_origin(pass, &connection.source);
	if (connection.origin == ORIGIN_SELF && !pass->policy->self)
		return FATE_KEPT;
	find_mac(pass, &connection);
	judge(pass->policy, &connection, &judgement);
	enum fate fate = judge_as_server(pass, flow, &connection, &judgement);
	if (fate != FATE_OPEN)
		return fate;
	return judgement.passes ? FATE_KEPT : FATE_DENIED;
}

/* What a helper expected is judged by its master, and so are its ends. */
static bool in_scope(const struct scope *scope, const struct flow *flow)
{
	return scope_contains(scope, &flow->source) || scope_contains(scope, &flow->reached) ||
	       (flow->has_master && (scope_contains(scope, &flow->master.source) ||
	                             scope_contains(scope, &flow->master.destination)));
}

/*
 * What was picked up ends as its client's connection: the server's segments that still come are
 * those of a flow that was cut, whoever may be reached by them.
 */
static int forget(struct pass *pass, const struct flow *flow)
{
	struct flow *forgotten = ARRAY_ADD(&pass->forgotten);
	struct flow *turned = ARRAY_ADD(&pass->turned);
	if (!forgotten || !turned)
		return -ENOMEM;
	*forgotten = *turned = *flow;
	turned->source = flow->reached;
	turned->source_port = flow->reached_port;
	turned->reached = flow->source;
	turned->reached_port = flow->source_port;
	return 0;
}

static int judge_now(struct pass *pass, const struct flow *flow, bool scoped)
{
	enum fate fate = scoped ? find_fate(pass, flow) : FATE_KEPT;
	struct flow *slot;

	switch (fate) {
	case FATE_KEPT:
		pass->kept++;
		return 0;
	case FATE_PICKED_UP:
		slot = ARRAY_ADD(&pass->found);
		if (!slot)
			return -ENOMEM;
		*slot = *flow;
		return 0;
	case FATE_OPEN:
	case FATE_DENIED:
		slot = ARRAY_ADD(&pass->denied);
		if (!slot)
			return -ENOMEM;
		*slot = *flow;
		return picked_up_find(&pass->picked_up, flow) ? forget(pass, flow) : 0;
	}
	abort(); /* no other value is ever made */
}

/* What cannot be remembered as picked up is cut: nothing would permit it the next time. */
static int pick_up(struct kernel *kernel, struct pass *pass)
{
	if (!pass->found.count)
		return 0;
	int r = picked_up_add(kernel, pass->found.items, pass->found.count);
	if (r == 0)
		return 0;
	ARRAY_FOREACH (flow, &pass->found) {
		struct flow *denied = ARRAY_ADD(&pass->denied);
		if (!denied)
			return -ENOMEM;
		*denied = *flow;
	}
	pass->found.count = 0;
	return 0;
}

static int judge_flow(const struct flow *flow, void *userdata)
{
	struct pass *pass = userdata;
	if (!flow->has_master)
		return judge_now(pass, flow, in_scope(pass->scope, flow));
	struct flow *expected = ARRAY_ADD(&pass->expected);
	if (!expected)
		return -ENOMEM;
	*expected = *flow;
	return 0;
}

/* The original tuple of a flow in the form in which its children name it. */
static struct flow_master as_master(const struct flow *flow)
{
	return (struct flow_master){
	        .source = flow->source,
	        .destination = flow->destination,
	        .protocol = flow->protocol,
	        .has_ports = flow->has_ports,
	        .source_port = flow->source_port,
	        .destination_port = flow->destination_port,
	        .code = flow->code,
	};
}

static int compare_masters(const struct flow_master *a, const struct flow_master *b)
{
	int c = address_compare(&a->source, &b->source);
	if (!c)
		c = address_compare(&a->destination, &b->destination);
	if (!c)
		c = a->protocol - b->protocol;
	if (!c)
		c = a->source_port - b->source_port;
	return c ? c : a->destination_port - b->destination_port;
}

static int compare_tuples(const void *a, const void *b)
{
	struct flow_master x = as_master(a), y = as_master(b);
	return compare_masters(&x, &y);
}

static int compare_to_tuple(const void *master, const void *flow)
{
	struct flow_master tuple = as_master(flow);
	return compare_masters(master, &tuple);
}

/*
 * What a helper expected may expect something itself: a call that a registration expected has
 * speech, and Q.931 has H.245. The policy knows only the connection at the root of these. Entries
 * that name each other in a ring do not exist, but a dump is not made at one moment.
 */
#define MASTERS_MAX 4
static struct flow_master root_master(const struct pass *pass, const struct flow *flow)
{
	struct flow_master master = flow->master;
	for (int i = 0; i < MASTERS_MAX; i++) {
		const struct flow *parent =
		        bsearch(&master, pass->expected.items, pass->expected.count,
		                sizeof(*pass->expected.items), compare_to_tuple);
		if (!parent)
			break;
		master = parent->master;
	}
	return master;
}

static int judge_expected(struct pass *pass)
{
	int r = 0;
	if (pass->expected.count)
		qsort(pass->expected.items, pass->expected.count, sizeof(*pass->expected.items),
		      compare_tuples);
	for (size_t i = 0; r == 0 && i < pass->expected.count; i++) {
		struct flow flow = pass->expected.items[i];
		bool scoped = in_scope(pass->scope, &flow);
		flow.master = root_master(pass, &flow);
		r = judge_now(pass, &flow, scoped || in_scope(pass->scope, &flow));
	}
	return r;
}

static bool has_macs(const struct policy *policy)
{
	for (size_t i = 0; i < policy->hosts.count; i++)
		if (policy->hosts.items[i].mac_count)
			return true;
	return false;
}

static bool any_helper(const struct service_items *items)
{
	for (size_t i = 0; i < items->count; i++)
		if (items->items[i].helper)
			return true;
	return false;
}

static bool list_has_helper(const struct permission_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (any_helper(&list->items[i]->resolved))
			return true;
	return false;
}

/* True when some permission assigns a conntrack helper, so that there may be expected flows. */
static bool has_helpers(const struct policy *policy)
{
	for (size_t i = 0; i < policy->roles.count; i++)
		if (list_has_helper(&policy->roles.items[i].may_initiate) ||
		    list_has_helper(&policy->roles.items[i].may_be_reached))
			return true;
	for (size_t i = 0; policy->runtime && i < policy->runtime->permits.count; i++)
		if (any_helper(&policy->runtime->permits.items[i].permission.resolved))
			return true;
	return false;
}

/*
 * A dump goes through all buckets of conntrack's hash, and there are two narrow ones for each
 * address: past so many addresses, or with fewer entries than that, one of all is cheaper.
 */
#define NARROW_MAX     4
#define NARROW_ENTRIES 20000

static bool is_narrow(const struct scope *scope, const struct policy *policy)
{
	if (scope->all || scope->ranges.count > NARROW_MAX || has_helpers(policy))
		return false;
	ARRAY_FOREACH (range, &scope->ranges)
		if (!range_is_single(range))
			return false;
	return true;
}

/* Of so many entries in all. 0, CONNTRACK_INCOMPLETE or a negative errno. */
static int judge_flows(struct conntrack *conntrack, size_t count, struct pass *pass)
{
	bool narrow = count >= NARROW_ENTRIES && is_narrow(pass->scope, pass->policy);
	int r = narrow ? 0 : conntrack_dump(conntrack, judge_flow, pass);

	for (size_t i = 0; narrow && i < pass->scope->ranges.count; i++) {
		const struct address *address = &pass->scope->ranges.items[i].from;
		int result = conntrack_dump_address(conntrack, address, judge_flow, pass);
		if (result < 0)
			return result;
		if (result > 0)
			r = result;
	}
	int result = r < 0 ? r : judge_expected(pass);
	if (result < 0)
		return result;
	/* Those that were not told are kept as well. */
	size_t decided = pass->denied.count + pass->found.count;
	if (narrow)
		pass->kept = count > decided ? count - decided : 0;
	return r;
}

static int cut_denied(struct kernel *kernel, struct conntrack *conntrack, const struct pass *pass,
                      struct revocation *revocation)
{
	/* Remembered first: a packet right after the deletion must not look like an attempt. */
	int r = revoked_add(kernel, pass->denied.items, pass->denied.count);
	if (r == 0 && pass->turned.count)
		r = revoked_add(kernel, pass->turned.items, pass->turned.count);
	/* The rules judge what stays in the set as they judge now: it is only listed for longer. */
	if (pass->forgotten.count)
		(void)picked_up_remove(kernel, pass->forgotten.items, pass->forgotten.count);
	revocation->forgotten = r != 0;
	return conntrack_delete_many(conntrack, pass->denied.items, pass->denied.count,
	                             &revocation->cut);
}

int revoke_flows(struct kernel *kernel, struct conntrack *conntrack, const struct policy *policy,
                 const struct scope *scope, bool opening, struct revocation *ret_revocation)
{
	_cleanup_(pass_done) struct pass pass = {.policy = policy, .scope = scope};
	struct revocation revocation = {};
	uint32_t count;

	int r = conntrack_count(conntrack, &count);
	if (r < 0 || count == 0) {
		*ret_revocation = revocation;
		return r;
	}
	r = gateway_addresses(&pass.local);
	if (r == 0)
		r = recent_new(WAYS_MAX, sizeof(struct address), sizeof(struct way), &pass.ways);
	if (r == 0 && has_macs(policy))
		r = neighbours_read(&pass.neighbours);
	if (r == 0 && policy->runtime && policy->runtime->pickup.known) {
		pass.opening = opening;
		r = picked_up_read(kernel, &pass.picked_up);
	}
	if (r == 0)
		r = judge_flows(conntrack, count, &pass);
	if (r >= 0) {
		bool incomplete = r == CONNTRACK_INCOMPLETE;
		r = pick_up(kernel, &pass);
		revocation.picked_up = pass.found.count;
		revocation.kept = pass.kept + pass.found.count;
		if (r == 0)
			r = cut_denied(kernel, conntrack, &pass, &revocation);
		if (r == 0 && incomplete)
			r = -EAGAIN;
		if (r == 0)
			r = pass.error;
	}
	*ret_revocation = revocation;
	return r;
}
