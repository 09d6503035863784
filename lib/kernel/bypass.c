/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/bypass.h"

#include "base/printable.h"
#include "kernel/attribute.h"
#include "kernel/wire.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_CT.h>
#include <stdio.h>
#include <string.h>

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_ARP:
		return "arp";
	default: /* of a later kernel */
		return "unknown";
	}
}

/* "inet fw, chain c" */
static void write_place(char buffer[static BYPASS_NAME_MAX], uint8_t family, const char *table,
                        const char *kind, const char *name)
{
	char printed_table[BYPASS_NAME_MAX / 3], printed_name[BYPASS_NAME_MAX / 3];

	snprintf(buffer, BYPASS_NAME_MAX, "%s %s, %s %s", family_name(family),
	         printable(table, printed_table, sizeof(printed_table)), kind,
	         printable(name, printed_name, sizeof(printed_name)));
}

/* The target of iptables-nft that does the same: its flags are the first of its data. */
static bool is_notrack_target(const struct nlattr *data)
{
	struct attributes target;
	const char *name;
	const uint8_t *info;
	uint16_t flags;
	size_t length;

	attributes_of_nested(&target, data);
	name = attribute_string(target.at[NFTA_TARGET_NAME]);
	if (name && strcmp(name, "NOTRACK") == 0)
		return true;
	info = attribute_bytes(target.at[NFTA_TARGET_INFO], &length);
	if (!name || strcmp(name, "CT") != 0 || length < sizeof(flags))
		return false;
	memcpy(&flags, info, sizeof(flags));
	return flags & XT_CT_NOTRACK;
}

static bool has_notrack(const struct nlattr *expressions)
{
	const struct nlattr *element = NULL;

	while ((element = attribute_next_nested(expressions, element))) {
		struct attributes expression;
		const char *name;

		attributes_of_nested(&expression, element);
		name = attribute_string(expression.at[NFTA_EXPR_NAME]);
		if (name && (strcmp(name, "notrack") == 0 ||
		             (strcmp(name, "target") == 0 &&
		              is_notrack_target(expression.at[NFTA_EXPR_DATA]))))
			return true;
	}
	return false;
}

void bypass_add(struct bypass *bypass, const struct nlmsghdr *message)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	struct attributes attributes;
	const char *table, *name;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return;
	attributes_of_message(&attributes, message);
	if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE)) {
		table = attribute_string(attributes.at[NFTA_FLOWTABLE_TABLE]);
		name = attribute_string(attributes.at[NFTA_FLOWTABLE_NAME]);
		if (table && name && bypass->flowtables++ == 0)
			write_place(bypass->flowtable, header->nfgen_family, table, "flowtable",
			            name);
	} else if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE)) {
		table = attribute_string(attributes.at[NFTA_RULE_TABLE]);
		name = attribute_string(attributes.at[NFTA_RULE_CHAIN]);
		if (table && name && has_notrack(attributes.at[NFTA_RULE_EXPRESSIONS]) &&
		    bypass->notracks++ == 0)
			write_place(bypass->notrack, header->nfgen_family, table, "chain", name);
	}
}

static int bypass_reply(const struct nlmsghdr *message, void *userdata)
{
	bypass_add(userdata, message);
	return 0;
}

static int dump(struct kernel *kernel, unsigned type, struct bypass *bypass)
{
	_cleanup_(wire_done) struct wire wire = {};

	wire_begin(&wire, NFNL_SUBSYS_NFTABLES, type, NLM_F_DUMP, NFPROTO_UNSPEC, 0,
	           kernel_sequence(kernel));
	wire_end(&wire);
	return kernel_request(kernel, &wire, bypass_reply, bypass);
}

int bypass_read(struct kernel *kernel, struct bypass *ret_bypass)
{
	struct bypass bypass = {};
	int flowtables = dump(kernel, NFT_MSG_GETFLOWTABLE, &bypass);
	int r = dump(kernel, NFT_MSG_GETRULE, &bypass);

	/* A kernel without flowtables has none. */
	if (r == 0 && flowtables != -EOPNOTSUPP && flowtables != -ENOENT && flowtables != -EINVAL)
		r = flowtables;
	*ret_bypass = bypass;
	return r;
}
