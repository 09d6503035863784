/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/decode.h"

#include "kernel/helpers.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

const char *comment_within(const struct nlattr *userdata, uint8_t type)
{
	size_t left;
	const uint8_t *at = attribute_bytes(userdata, &left);

	/* One byte of type, one of length, the value: nft's own layout, which anybody may write. */
	while (left >= 2 && left - 2 >= at[1]) {
		size_t length = at[1];

		if (at[0] == type && length > 0 && at[2 + length - 1] == '\0')
			return (const char *)at + 2;
		at += 2 + length;
		left -= 2 + length;
	}
	return NULL;
}

int decode_comment(struct arena *arena, const struct nlattr *userdata, uint8_t type,
                   const char **ret_comment)
{
	const char *comment = comment_within(userdata, type);

	*ret_comment = comment ? arena_strdup(arena, comment) : NULL;
	return comment && !*ret_comment ? -ENOMEM : 0;
}

int decode_table(const struct attributes *message, struct ruleset *ruleset)
{
	ruleset->exists = true;
	if (!attribute_u32(message->at[NFTA_TABLE_FLAGS], &ruleset->flags))
		ruleset->flags = 0;
	if (!attribute_u32(message->at[NFTA_TABLE_OWNER], &ruleset->owner))
		ruleset->owner = 0;
	return decode_comment(ruleset->arena, message->at[NFTA_TABLE_USERDATA],
	                      NFTNL_UDATA_TABLE_COMMENT, &ruleset->comment);
}

/* The hook, priority and policy of a base chain; false when it is none that we make. */
static bool decode_hook(const struct attributes *message, struct chain *chain)
{
	const char *type = attribute_string(message->at[NFTA_CHAIN_TYPE]);
	struct attributes hook;
	uint32_t number, priority, policy = NF_ACCEPT;

	attributes_of_nested(&hook, message->at[NFTA_CHAIN_HOOK]);
	if (!attribute_u32(hook.at[NFTA_HOOK_HOOKNUM], &number) ||
	    !attribute_u32(hook.at[NFTA_HOOK_PRIORITY], &priority) || hook.at[NFTA_HOOK_DEV] ||
	    hook.at[NFTA_HOOK_DEVS])
		return false;
	chain->priority = (int32_t)priority;

	(void)attribute_u32(message->at[NFTA_CHAIN_POLICY], &policy);
	if (policy != NF_ACCEPT && policy != NF_DROP)
		return false;
	chain->policy_drop = policy == NF_DROP;

	if (number == NF_INET_PRE_ROUTING)
		chain->hook = HOOK_PREROUTING;
	else if (number == NF_INET_FORWARD)
		chain->hook = HOOK_FORWARD;
	else if (number == NF_INET_LOCAL_OUT)
		chain->hook = HOOK_OUTPUT;
	else
		return false;
	return type && strcmp(type, "filter") == 0;
}

int decode_chain(const struct attributes *message, struct ruleset *ruleset)
{
	const char *name = attribute_string(message->at[NFTA_CHAIN_NAME]);
	uint32_t flags = 0;
	struct chain *chain;

	if (!name)
		return -EBADMSG;
	(void)attribute_u32(message->at[NFTA_CHAIN_FLAGS], &flags);
	if (flags & NFT_CHAIN_BINDING)
		return 0;

	chain = ARRAY_ADD(&ruleset->chains);
	if (!chain)
		return -ENOMEM;
	chain->name = arena_strdup(ruleset->arena, name);
	if (!chain->name)
		return -ENOMEM;
	if (flags & ~(uint32_t)NFT_CHAIN_BASE || message->at[NFTA_CHAIN_COUNTERS])
		chain->foreign = true;
	if (message->at[NFTA_CHAIN_HOOK] && !decode_hook(message, chain))
		chain->foreign = true;
	return decode_comment(ruleset->arena, message->at[NFTA_CHAIN_USERDATA],
	                      NFTNL_UDATA_CHAIN_COMMENT, &chain->comment);
}

static int add_object(struct ruleset *ruleset, const char *name, uint32_t type)
{
	struct object *object = ARRAY_ADD(&ruleset->objects);

	if (!object)
		return -ENOMEM;
	object->name = arena_strdup(ruleset->arena, name);
	object->type = type;
	return object->name ? 0 : -ENOMEM;
}

static int add_counter(struct ruleset *ruleset, const char *name)
{
	struct counter *counter = ARRAY_ADD(&ruleset->counters);

	if (!counter)
		return -ENOMEM;
	counter->name = arena_strdup(ruleset->arena, name);
	return counter->name ? 0 : -ENOMEM;
}

static int add_helper(struct ruleset *ruleset, const char *name, const struct nlattr *data)
{
	struct helper *helper = ARRAY_ADD(&ruleset->helpers);
	struct attributes fields;
	uint16_t family = NFPROTO_UNSPEC;
	const char *kind;

	if (!helper)
		return -ENOMEM;
	attributes_of_nested(&fields, data);
	kind = attribute_string(fields.at[NFTA_CT_HELPER_NAME]);
	if (!kind || !attribute_u8(fields.at[NFTA_CT_HELPER_L4PROTO], &helper->protocol))
		return -EBADMSG;
	(void)attribute_u16(fields.at[NFTA_CT_HELPER_L3PROTO], &family);

	helper->name = arena_strdup(ruleset->arena, name);
	helper->families = helper_families(family);
	/* The kernel names no other family. A kind like this one equals none that we ask for. */
	helper->kind = helper->families
	                       ? arena_strdup(ruleset->arena, kind)
	                       : arena_printf(ruleset->arena, "%s, l3proto %u", kind, family);
	return helper->name && helper->kind ? 0 : -ENOMEM;
}

int decode_object(const struct attributes *message, struct ruleset *ruleset)
{
	const char *name = attribute_string(message->at[NFTA_OBJ_NAME]);
	uint32_t type;

	if (!name || !attribute_u32(message->at[NFTA_OBJ_TYPE], &type))
		return -EBADMSG;
	if (type == NFT_OBJECT_COUNTER)
		return add_counter(ruleset, name);
	if (type == NFT_OBJECT_CT_HELPER)
		return add_helper(ruleset, name, message->at[NFTA_OBJ_DATA]);
	return add_object(ruleset, name, type);
}

int decode_flowtable(const struct attributes *message, struct ruleset *ruleset)
{
	const char *name = attribute_string(message->at[NFTA_FLOWTABLE_NAME]);

	const char **foreign = name ? ARRAY_ADD(&ruleset->foreign) : NULL;

	if (!foreign)
		return name ? -ENOMEM : -EBADMSG;
	*foreign = arena_printf(ruleset->arena, "flowtable %s", name);
	return *foreign ? 0 : -ENOMEM;
}
