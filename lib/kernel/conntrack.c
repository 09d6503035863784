/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/conntrack.h"

#include "kernel/attribute.h"
#include "kernel/socket.h"
#include "kernel/wire.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Deletions in one send. Each can be answered with an error before the send returns, and that many
 * answers, some 800 bytes each as the kernel accounts them, fit into the smallest usual buffer.
 */
#define DELETE_MESSAGES 256

struct conntrack {
	struct kernel *kernel;
};

int conntrack_open(size_t receive_bytes, struct conntrack **ret_conntrack)
{
	_cleanup_(conntrack_freep) struct conntrack *conntrack = calloc(1, sizeof(*conntrack));
	int r;

	if (!conntrack)
		return -ENOMEM;
	r = kernel_open_asking(&conntrack->kernel);
	if (r >= 0)
		r = kernel_receive_buffer(conntrack->kernel,
		                          receive_bytes ? receive_bytes : CONNTRACK_RECEIVE_BYTES);
	if (r < 0)
		return r;

	*ret_conntrack = TAKE_POINTER(conntrack);
	return 0;
}

struct conntrack *conntrack_free(struct conntrack *conntrack)
{
	if (!conntrack)
		return NULL;
	kernel_free(conntrack->kernel);
	free(conntrack);
	return NULL;
}

struct dump {
	conntrack_callback_t callback;
	void *userdata;
	int result; /* of the callback */
	bool strange;
};

static int dump_reply(const struct nlmsghdr *message, void *userdata)
{
	struct dump *dump = userdata;
	struct flow flow;

	if (flow_read(message, &flow) < 0) {
		dump->strange = true;
		return 0;
	}
	dump->result = dump->callback(&flow, dump->userdata);
	return dump->result < 0 ? dump->result : 0;
}

/* What a dump is narrowed down to. */
struct narrow {
	uint8_t family;                /* AF_*; AF_UNSPEC: both */
	const struct address *address; /* or NULL: all of the family */
	bool reply; /* whose reply comes from the address; else whose original direction does */
};

static int dump_once(struct conntrack *conntrack, const struct narrow *narrow, struct dump *dump)
{
	_cleanup_(wire_done) struct wire wire = {};

	wire_begin(&wire, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP, narrow->family, 0,
	           kernel_sequence(conntrack->kernel));
	if (narrow->address)
		flow_write_filter(&wire, narrow->address, narrow->reply);
	wire_end(&wire);
	return kernel_request(conntrack->kernel, &wire, dump_reply, dump);
}

static int dump_narrow(struct conntrack *conntrack, const struct narrow *narrow,
                       conntrack_callback_t callback, void *userdata)
{
	for (unsigned i = 0; i < CONNTRACK_TRIES; i++) {
		struct dump dump = {.callback = callback, .userdata = userdata};
		int r = dump_once(conntrack, narrow, &dump);

		if (dump.result < 0)
			return dump.result;
		if (r == -EINTR || r == -ENOBUFS)
			continue;
		if (r < 0)
			return r;
		return dump.strange ? CONNTRACK_INCOMPLETE : 0;
	}
	return CONNTRACK_INCOMPLETE;
}

int conntrack_dump(struct conntrack *conntrack, conntrack_callback_t callback, void *userdata)
{
	return dump_narrow(conntrack, &(struct narrow){.family = AF_UNSPEC}, callback, userdata);
}

int conntrack_dump_address(struct conntrack *conntrack, const struct address *address,
                           conntrack_callback_t callback, void *userdata)
{
	struct narrow narrow = {.family = AF_INET6};
	int initiated, reached;

	if (address->family == FAMILY_IPV6)
		return dump_narrow(conntrack, &narrow, callback, userdata);
	narrow = (struct narrow){.family = AF_INET, .address = address};
	initiated = dump_narrow(conntrack, &narrow, callback, userdata);
	if (initiated < 0)
		return initiated;
	narrow.reply = true;
	reached = dump_narrow(conntrack, &narrow, callback, userdata);
	return reached != 0 ? reached : initiated;
}

struct entries {
	uint32_t count;
	bool told;
};

static int entries_reply(const struct nlmsghdr *message, void *userdata)
{
	struct entries *entries = userdata;
	struct attributes attributes;

	attributes_of_message(&attributes, message);
	entries->told = attribute_u32(attributes.at[CTA_STATS_GLOBAL_ENTRIES], &entries->count);
	return 0;
}

int conntrack_count(struct conntrack *conntrack, uint32_t *ret_count)
{
	_cleanup_(wire_done) struct wire wire = {};
	struct entries entries = {};
	int r;

	wire_begin(&wire, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC, 0,
	           kernel_sequence(conntrack->kernel));
	wire_end(&wire);
	r = kernel_request(conntrack->kernel, &wire, entries_reply, &entries);
	if (r < 0)
		return r;
	if (!entries.told)
		return -EBADMSG;
	*ret_count = entries.count;
	return 0;
}

static void write_delete(struct wire *wire, const struct flow *flow, unsigned flags,
                         uint32_t sequence)
{
	wire_begin(wire, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, flags,
	           flow_message_family(flow), 0, sequence);
	/* Never without: the kernel takes a message that names no entry as a flush. */
	flow_write_name(wire, flow);
	wire_end(wire);
}

int conntrack_delete(struct conntrack *conntrack, const struct flow *flow)
{
	_cleanup_(wire_done) struct wire wire = {};
	int r;

	write_delete(&wire, flow, NLM_F_ACK, kernel_sequence(conntrack->kernel));
	r = kernel_request(conntrack->kernel, &wire, NULL, NULL);
	return r == -ENOENT ? CONNTRACK_GONE : r;
}

/* What the kernel answers to the deletions of one send. */
struct answers {
	uint32_t first; /* sequence numbers */
	uint32_t count;
	bool ended; /* the last one was answered, and so all before it are done */
	size_t gone;
	int result;
};

static int answer_reply(const struct nlmsghdr *message, void *userdata)
{
	struct answers *answers = userdata;
	uint32_t index = message->nlmsg_seq - answers->first;
	int error;

	/* Anything else is what an earlier request left behind. */
	if (message->nlmsg_type != NLMSG_ERROR || index >= answers->count ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(error))
		return 0;
	memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	if (index == answers->count - 1)
		answers->ended = true;
	if (error == -ENOENT)
		answers->gone++;
	else if (error < 0 && answers->result >= 0)
		answers->result = error;
	return 0;
}

static int delete_singly(struct conntrack *conntrack, const struct flow *flows, size_t count,
                         size_t *deleted)
{
	for (size_t i = 0; i < count; i++) {
		int r = conntrack_delete(conntrack, &flows[i]);

		if (r < 0)
			return r;
		if (r == 0)
			(*deleted)++;
	}
	return 0;
}

static int send_deletes(struct conntrack *conntrack, const struct flow *flows, size_t count,
                        struct answers *answers)
{
	_cleanup_(wire_done) struct wire wire = {};
	ssize_t n;

	answers->first = kernel_sequence(conntrack->kernel);
	answers->count = (uint32_t)count;
	kernel_skip_sequences(conntrack->kernel, count - 1);
	/* Errors come unasked; the one acknowledgement tells that there will be no more of them. */
	for (size_t i = 0; i < count; i++)
		write_delete(&wire, &flows[i], i == count - 1 ? NLM_F_ACK : 0,
		             answers->first + (uint32_t)i);
	if (wire.error < 0)
		return wire.error;
	do
		n = send(kernel_fd(conntrack->kernel), wire.bytes, wire.length, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int delete_some(struct conntrack *conntrack, const struct flow *flows, size_t count,
                       size_t *deleted)
{
	struct answers answers = {};
	int r;

	r = send_deletes(conntrack, flows, count, &answers);
	if (r < 0)
		return r;
	/* The kernel works all of it off within the send, so all the answers are there. */
	r = kernel_drain(conntrack->kernel, answer_reply, &answers);
	if (r < 0 && r != -ENOBUFS)
		return r;
	if (answers.result < 0)
		return answers.result;
	if (r == -ENOBUFS || !answers.ended)
		return delete_singly(conntrack, flows, count, deleted);
	*deleted += count - answers.gone;
	return 0;
}

int conntrack_delete_many(struct conntrack *conntrack, const struct flow *flows, size_t count,
                          size_t *ret_deleted)
{
	int r = 0;

	*ret_deleted = 0;
	while (count > 0 && r >= 0) {
		size_t some = count < DELETE_MESSAGES ? count : DELETE_MESSAGES;

		r = delete_some(conntrack, flows, some, ret_deleted);
		flows += some;
		count -= some;
	}
	return r;
}
