/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/reading.h"

#include "kernel/attribute.h"
#include "kernel/decode.h"
#include "kernel/read.h"
#include "kernel/wire.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

void table_request(struct wire *wire, struct kernel *kernel, unsigned type, unsigned flags)
{
	wire_begin(wire, NFNL_SUBSYS_NFTABLES, type, flags, NFPROTO_INET, 0,
	           kernel_sequence(kernel));
}

static int request(struct reading *reading, struct wire *wire, kernel_reply_t reply)
{
	wire_end(wire);
	return kernel_request(reading->kernel, wire, reply, reading);
}

static int read_all_of(struct reading *reading, unsigned type, unsigned table, kernel_reply_t reply)
{
	_cleanup_(wire_done) struct wire wire = {};

	table_request(&wire, reading->kernel, type, NLM_F_DUMP);
	wire_string(&wire, table, TABLE_NAME);
	return request(reading, &wire, reply);
}

/* The attributes of a message of that type about our table; false for any other. */
static bool is_ours(const struct nlmsghdr *message, unsigned type, unsigned table,
                    struct attributes *ret_attributes)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	const char *name;

	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    header->nfgen_family != NFPROTO_INET)
		return false;
	attributes_of_message(ret_attributes, message);
	name = attribute_string(ret_attributes->at[table]);
	return name && strcmp(name, TABLE_NAME) == 0;
}

static int table_reply(const struct nlmsghdr *message, void *userdata)
{
	struct reading *reading = userdata;
	struct attributes attributes;

	if (!is_ours(message, NFT_MSG_NEWTABLE, NFTA_TABLE_NAME, &attributes))
		return 0;
	return decode_table(&attributes, reading->ruleset);
}

int reading_header(struct reading *reading)
{
	_cleanup_(wire_done) struct wire wire = {};
	int r;

	table_request(&wire, reading->kernel, NFT_MSG_GETTABLE, NLM_F_ACK);
	wire_string(&wire, NFTA_TABLE_NAME, TABLE_NAME);
	r = request(reading, &wire, table_reply);
	return r == -ENOENT ? 0 : r;
}

static int chain_reply(const struct nlmsghdr *message, void *userdata)
{
	struct reading *reading = userdata;
	struct attributes attributes;

	if (!is_ours(message, NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE, &attributes))
		return 0;
	return decode_chain(&attributes, reading->ruleset);
}

static int chain_order(const void *a, const void *b)
{
	const struct chain *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Once all chains are read that will be, so that they move no more. */
static int index_chains(struct reading *reading)
{
	struct ruleset *ruleset = reading->ruleset;
	size_t i = 0;

	reading->index = calloc(ruleset->chains.count + 1, sizeof(struct chain *));
	if (!reading->index)
		return -ENOMEM;
	ARRAY_FOREACH (chain, &ruleset->chains) {
		reading->index[i++] = chain;
	}
	qsort(reading->index, i, sizeof(struct chain *), chain_order);
	return 0;
}

int reading_chains(struct reading *reading)
{
	int r = read_all_of(reading, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, chain_reply);

	return r < 0 ? r : index_chains(reading);
}

/* Asks for one thing by its name; one that is not there is no failure. */
static int read_one(struct reading *reading, unsigned type, unsigned table, unsigned attribute,
                    const char *name, kernel_reply_t reply)
{
	_cleanup_(wire_done) struct wire wire = {};
	int r;

	table_request(&wire, reading->kernel, type, NLM_F_ACK);
	wire_string(&wire, table, TABLE_NAME);
	wire_string(&wire, attribute, name);
	r = request(reading, &wire, reply);
	return r == -ENOENT ? 0 : r;
}

int reading_chains_called(struct reading *reading, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = read_one(reading, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME,
		                 names[i], chain_reply);
		if (r < 0)
			return r;
	}
	return index_chains(reading);
}

static struct chain *find_chain(struct reading *reading, const char *name)
{
	struct chain key = {.name = name}, *pointer = &key, **found;

	if (reading->chain && strcmp(reading->chain->name, name) == 0)
		return reading->chain;
	found = bsearch(&pointer, reading->index, reading->ruleset->chains.count,
	                sizeof(struct chain *), chain_order);
	if (!found)
		return NULL;
	reading->chain = *found;
	return *found;
}

static int rule_reply(const struct nlmsghdr *message, void *userdata)
{
	struct reading *reading = userdata;
	struct attributes attributes;
	struct chain *chain;
	struct rule *rule;
	const char *name;

	if (!is_ours(message, NFT_MSG_NEWRULE, NFTA_RULE_TABLE, &attributes))
		return 0;
	name = attribute_string(attributes.at[NFTA_RULE_CHAIN]);
	if (!name)
		return -EBADMSG;
	/* The rules of a chain that lives within one rule. */
	chain = find_chain(reading, name);
	if (!chain)
		return 0;
	rule = ARRAY_ADD(&chain->rules);
	if (!rule)
		return -ENOMEM;
	return decode_rule(reading->ruleset->arena, &attributes, rule);
}

int reading_rules(struct reading *reading)
{
	return read_all_of(reading, NFT_MSG_GETRULE, NFTA_RULE_TABLE, rule_reply);
}

int reading_rules_of(struct reading *reading, const char *chain)
{
	_cleanup_(wire_done) struct wire wire = {};

	table_request(&wire, reading->kernel, NFT_MSG_GETRULE, NLM_F_DUMP);
	wire_string(&wire, NFTA_RULE_TABLE, TABLE_NAME);
	wire_string(&wire, NFTA_RULE_CHAIN, chain);
	return request(reading, &wire, rule_reply);
}

static int set_reply(const struct nlmsghdr *message, void *userdata)
{
	struct reading *reading = userdata;
	struct attributes attributes;

	if (!is_ours(message, NFT_MSG_NEWSET, NFTA_SET_TABLE, &attributes))
		return 0;
	return decode_set(&attributes, reading->ruleset);
}

static int object_reply(const struct nlmsghdr *message, void *userdata)
{
	struct reading *reading = userdata;
	struct attributes attributes;

	if (!is_ours(message, NFT_MSG_NEWOBJ, NFTA_OBJ_TABLE, &attributes))
		return 0;
	return decode_object(&attributes, reading->ruleset);
}

static int flowtable_reply(const struct nlmsghdr *message, void *userdata)
{
	struct reading *reading = userdata;
	struct attributes attributes;

	if (!is_ours(message, NFT_MSG_NEWFLOWTABLE, NFTA_FLOWTABLE_TABLE, &attributes))
		return 0;
	return decode_flowtable(&attributes, reading->ruleset);
}

int reading_objects(struct reading *reading)
{
	return read_all_of(reading, NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, object_reply);
}

int reading_sets(struct reading *reading)
{
	return read_all_of(reading, NFT_MSG_GETSET, NFTA_SET_TABLE, set_reply);
}

int reading_sets_called(struct reading *reading, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = read_one(reading, NFT_MSG_GETSET, NFTA_SET_TABLE, NFTA_SET_NAME, names[i],
		                 set_reply);
		if (r < 0)
			return r;
	}
	return 0;
}

int reading_flowtables(struct reading *reading)
{
	int r = read_all_of(reading, NFT_MSG_GETFLOWTABLE, NFTA_FLOWTABLE_TABLE, flowtable_reply);

	/* A kernel without flowtables has none. */
	return r == -EOPNOTSUPP || r == -ENOENT || r == -EINVAL ? 0 : r;
}

/* Mostly it is the one of the element before. */
const char *reading_target(struct reading *reading, const char *name)
{
	struct chain *chain = find_chain(reading, name);

	if (chain)
		return chain->name;
	if (!reading->target || strcmp(reading->target, name) != 0)
		reading->target = arena_strdup(reading->ruleset->arena, name);
	return reading->target;
}

static int add_element(struct reading *reading, const struct raw_element *raw)
{
	struct set *set = reading->set;
	struct raw_element *end;
	struct element *element;
	struct life life = raw->life;
	const struct life *kept = NULL;
	const char *target = NULL;

	if (raw->chain) {
		target = reading_target(reading, raw->chain);
		if (!target)
			return -ENOMEM;
	}
	if (set->timed) {
		life.chain = target;
		kept = life_copy(reading->ruleset->arena, &life);
		if (!kept)
			return -ENOMEM;
	}
	if (set->interval) {
		end = ARRAY_ADD(&reading->ends);
		if (!end)
			return -ENOMEM;
		*end = *raw;
		end->chain = target;
		end->kept = kept;
		return 0;
	}
	element = ARRAY_ADD(&set->elements);
	if (!element)
		return -ENOMEM;
	memcpy(element->key, raw->key, sizeof(element->key));
	if (set->timed)
		element->life = kept;
	else
		element->chain = target;
	return 0;
}

/* Of a range both ends come, the second of the last one perhaps later. */
static bool has_more(const struct reading *reading)
{
	return reading->set->elements.count + reading->ends.count / 2 > reading->most;
}

static int elements_reply(const struct nlmsghdr *message, void *userdata)
{
	struct reading *reading = userdata;
	const struct nlattr *list, *element = NULL;
	struct attributes attributes;
	struct raw_element raw;
	int r;

	if (!is_ours(message, NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_TABLE, &attributes))
		return 0;
	list = attributes.at[NFTA_SET_ELEM_LIST_ELEMENTS];
	while ((element = attribute_next_nested(list, element))) {
		if (!decode_element(reading->set, element, &raw)) {
			reading->set->foreign = true;
			continue;
		}
		r = add_element(reading, &raw);
		if (r < 0)
			return r;
		if (reading->most && has_more(reading))
			return -EFBIG;
	}
	return 0;
}

int reading_elements(struct reading *reading, struct set *set)
{
	_cleanup_(wire_done) struct wire wire = {};
	int r;

	reading->set = set;
	reading->ends.count = 0;
	table_request(&wire, reading->kernel, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	wire_string(&wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
	wire_string(&wire, NFTA_SET_ELEM_LIST_SET, set->name);
	r = request(reading, &wire, elements_reply);
	if (r < 0)
		return r;

	if (set->interval) {
		r = pair_elements(set, reading->ends.items, reading->ends.count);
		if (r == -EBADMSG) {
			set->foreign = true;
			r = 0;
		}
		return r;
	}
	set_sort(set);
	return 0;
}

void reading_done(struct reading *reading)
{
	ruleset_free(reading->ruleset);
	free(reading->index);
	ARRAY_DONE(&reading->ends);
}
