/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/nflog.h"

#include "kernel/datagram.h"
#include "kernel/nflog_datagram.h"
#include "kernel/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>

/*
 * The kernel collects this many records into one message, up to that many bytes, but waits no
 * longer than that for the message to fill: a lone packet must not be late.
 */
#define THRESHOLD_RECORDS    512
#define MESSAGE_BYTES        131072
#define TIMEOUT_CENTISECONDS (NFLOG_DELAY / (10 * USEC_PER_MSEC))
#define BUFFER_BYTES         (2 * MESSAGE_BYTES)
#define LONE_RECORD_BYTES    4096 /* the least that the kernel takes for a message */

struct nflog {
	int fd;
	uint16_t group;
	uint32_t request; /* sequence number of the last configuration message */
	bool answers;     /* each is waited for; else only a refusal is sent, and passed over */
	struct nflog_numbers numbers;
	uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(8)));
};

struct nflog *nflog_free(struct nflog *nflog)
{
	if (!nflog)
		return NULL;
	if (nflog->fd >= 0)
		close(nflog->fd);
	free(nflog);
	return NULL;
}

int nflog_fd(const struct nflog *nflog)
{
	return nflog->fd;
}

struct nflog_counts nflog_counts(const struct nflog *nflog)
{
	return nflog->numbers.counts;
}

static ssize_t receive(struct nflog *nflog)
{
	return datagram_receive(nflog->fd, nflog->buffer, sizeof(nflog->buffer));
}

int nflog_read(struct nflog *nflog, size_t budget, usec_t now, nflog_callback_t callback,
               void *userdata)
{
	struct nflog_counts *counts = &nflog->numbers.counts;
	uint64_t start = counts->received;

	for (;;) {
		ssize_t n = receive(nflog);

		if (n == 0)
			return 0;
		if (n == -ENOBUFS) {
			counts->overruns++;
			continue;
		}
		if (n < 0)
			return (int)n;
		nflog_datagram_read(&nflog->numbers, nflog->buffer, (size_t)n, now, callback,
		                    userdata);
		if (counts->received - start >= budget)
			return NFLOG_MORE;
	}
}

static void begin_config(struct nflog *nflog, struct wire *wire)
{
	wire_begin(wire, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, nflog->answers ? NLM_F_ACK : 0,
	           AF_UNSPEC, nflog->group, ++nflog->request);
}

/* Records may already come before the answer; nobody listens yet. */
static void ignore_records(const struct record *records, size_t count, void *userdata)
{
}

/* Looks for the answer in a datagram; true when it is there, with its errno in *ret_error. */
static bool find_answer(struct nflog *nflog, ssize_t length, int *ret_error)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)(void *)nflog->buffer;
	int left = (int)length;

	nflog_datagram_read(&nflog->numbers, nflog->buffer, (size_t)length, 0, ignore_records,
	                    NULL);
	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_type != NLMSG_ERROR)
			continue;
		if (message->nlmsg_seq != nflog->request ||
		    mnl_nlmsg_get_payload_len(message) < sizeof(*ret_error))
			continue;
		memcpy(ret_error, mnl_nlmsg_get_payload(message), sizeof(*ret_error));
		return true;
	}
	return false;
}

static int send_config(struct nflog *nflog, struct wire *wire)
{
	int error;

	wire_end(wire);
	if (wire->error < 0)
		return wire->error;
	if (send(nflog->fd, wire->bytes, wire->length, 0) < 0)
		return -errno;
	if (!nflog->answers)
		return 0;
	for (;;) {
		ssize_t n = receive(nflog);

		if (n > 0 && find_answer(nflog, n, &error))
			return error;
		if (n < 0)
			return (int)n;
		if (n == 0) {
			int r = datagram_wait(nflog->fd);
			if (r < 0)
				return r;
		}
	}
}

static int bind_group(struct nflog *nflog)
{
	_cleanup_(wire_done) struct wire wire = {};

	begin_config(nflog, &wire);
	wire_u8(&wire, NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND);
	return send_config(nflog, &wire);
}

static int configure(struct nflog *nflog)
{
	_cleanup_(wire_done) struct wire wire = {};
	struct nfulnl_msg_config_mode mode = {
	        .copy_range = htonl(NFLOG_COPY_RANGE),
	        .copy_mode = NFULNL_COPY_PACKET,
	};

	begin_config(nflog, &wire);
	wire_put(&wire, NFULA_CFG_MODE, &mode, sizeof(mode));
	/* Other sizes than 4 KiB to 128 KiB the kernel passes over without a word. */
	wire_u32(&wire, NFULA_CFG_NLBUFSIZ, MESSAGE_BYTES);
	wire_u32(&wire, NFULA_CFG_TIMEOUT, TIMEOUT_CENTISECONDS);
	wire_u32(&wire, NFULA_CFG_QTHRESH, THRESHOLD_RECORDS);
	return send_config(nflog, &wire);
}

/* In a message of its own: a flag that the kernel does not know would refuse all the rest. */
static int number_records(struct nflog *nflog)
{
	_cleanup_(wire_done) struct wire wire = {};

	begin_config(nflog, &wire);
	wire_u16(&wire, NFULA_CFG_FLAGS, NFULNL_CFG_F_SEQ);
	return send_config(nflog, &wire);
}

int nflog_hurry(struct nflog *nflog)
{
	_cleanup_(wire_done) struct wire wire = {};

	begin_config(nflog, &wire);
	/* It makes room for a whole message each time. */
	wire_u32(&wire, NFULA_CFG_NLBUFSIZ, LONE_RECORD_BYTES);
	wire_u32(&wire, NFULA_CFG_QTHRESH, 1);
	return send_config(nflog, &wire);
}

static int set_buffer(struct nflog *nflog, size_t receive_bytes)
{
	size_t bytes = receive_bytes ? receive_bytes : NFLOG_RECEIVE_BYTES;
	int value = bytes < INT_MAX / 2 ? (int)bytes : INT_MAX / 2;

	if (setsockopt(nflog->fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value)) < 0 &&
	    setsockopt(nflog->fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

static int open_socket(struct nflog *nflog)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};

	nflog->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (nflog->fd < 0)
		return -errno;
	if (bind(nflog->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

/* From a socket to one that reads the group; NFLOG_TAKEN when another one does. */
static int set_up(struct nflog *nflog, size_t receive_bytes)
{
	int r = set_buffer(nflog, receive_bytes);

	if (r >= 0)
		r = bind_group(nflog);
	if (r == -EPERM)
		return NFLOG_TAKEN;
	if (r >= 0)
		r = configure(nflog);
	return r < 0 ? r : number_records(nflog);
}

int nflog_open(uint16_t group, size_t receive_bytes, struct nflog **ret_nflog)
{
	_cleanup_(nflog_freep) struct nflog *nflog = calloc(1, sizeof(*nflog));
	int r;

	if (!nflog)
		return -ENOMEM;
	nflog->group = group;
	nflog->answers = true;
	r = open_socket(nflog);
	if (r >= 0)
		r = set_up(nflog, receive_bytes);
	if (r != 0)
		return r;
	nflog->numbers.counts = (struct nflog_counts){};

	*ret_nflog = TAKE_POINTER(nflog);
	return 0;
}

int nflog_adopt(int fd, uint16_t group, size_t receive_bytes, struct nflog **ret_nflog)
{
	_cleanup_close_ int owned = fd;
	_cleanup_(nflog_freep) struct nflog *nflog = calloc(1, sizeof(*nflog));
	int r;

	if (!nflog)
		return -ENOMEM;
	nflog->fd = TAKE_FD(owned);
	nflog->group = group;
	/*
	 * Answers would stand behind all that is queued, or be lost where the queue is full. Only
	 * the bind is always answered, with EBUSY when it stands.
	 */
	r = set_up(nflog, receive_bytes);
	if (r != 0)
		return r == NFLOG_TAKEN ? -EPERM : r;

	*ret_nflog = TAKE_POINTER(nflog);
	return 0;
}
