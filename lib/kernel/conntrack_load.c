/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/conntrack_load.h"

#include "kernel/attribute.h"
#include "kernel/wire.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

static int global_reply(const struct nlmsghdr *message, void *userdata)
{
	struct conntrack_load *load = userdata;
	struct attributes attributes;

	attributes_of_message(&attributes, message);
	(void)attribute_u32(attributes.at[CTA_STATS_GLOBAL_ENTRIES], &load->entries);
	(void)attribute_u32(attributes.at[CTA_STATS_GLOBAL_MAX_ENTRIES], &load->most);
	return 0;
}

/* One message for each processor. */
static int processor_reply(const struct nlmsghdr *message, void *userdata)
{
	struct conntrack_load *load = userdata;
	struct attributes attributes;
	uint32_t dropped = 0, failed = 0;

	attributes_of_message(&attributes, message);
	(void)attribute_u32(attributes.at[CTA_STATS_DROP], &dropped);
	(void)attribute_u32(attributes.at[CTA_STATS_INSERT_FAILED], &failed);
	load->dropped += dropped;
	load->failed += failed;
	return 0;
}

static int ask(struct kernel *kernel, unsigned type, unsigned flags, kernel_reply_t reply,
               struct conntrack_load *load)
{
	_cleanup_(wire_done) struct wire wire = {};

	wire_begin(&wire, NFNL_SUBSYS_CTNETLINK, type, flags, AF_UNSPEC, 0,
	           kernel_sequence(kernel));
	wire_end(&wire);
	return kernel_request(kernel, &wire, reply, load);
}

int conntrack_load_read(struct kernel *kernel, struct conntrack_load *ret_load)
{
	struct conntrack_load load = {};
	int r = ask(kernel, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, global_reply, &load);

	if (r == 0)
		r = ask(kernel, IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP, processor_reply, &load);
	if (r == 0)
		*ret_load = load;
	return r;
}
