/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/socket.h"

#include "kernel/attribute.h"
#include "kernel/datagram.h"
#include "kernel/ownership.h"
#include "kernel/wire.h"
#include "ruleset/ruleset.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* The kernel makes a dump's parts up to 32 KiB, and an answer may carry a message of ours. */
#define RECEIVE_BYTES 131072
#define OURS_COUNT    64

struct kernel {
	int fd;         /* asks */
	int commit_fd;  /* changes nf_tables, and owns the table; -1: only asks */
	bool unsettled; /* it sent something since the view was taken */
	struct owner owner;
	uint32_t ours[OURS_COUNT]; /* generations that our commits made, the latest ones */
	unsigned ours_next;
	uint32_t sequence;
	struct ruleset *view;
	uint32_t view_generation;
	uint64_t view_number;
	size_t view_learned;
	size_t whole_max;
	uint8_t buffer[RECEIVE_BYTES] __attribute__((aligned(8)));
};

/* A socket that is bound to a port of its own, or a negative errno. */
static int open_socket(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	/* Both only improve the messages: the reason in words, and not our own text sent back. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return fd;
}

static int open_kernel(bool commits, struct kernel **ret_kernel)
{
	_cleanup_(kernel_freep) struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return -ENOMEM;
	kernel->whole_max = READ_WHOLE_MAX;
	kernel->fd = kernel->commit_fd = -1;
	/* It comes first: the first port of a process is its pid, by which nft names an owner. */
	if (commits) {
		kernel->commit_fd = open_socket();
		if (kernel->commit_fd < 0)
			return kernel->commit_fd;
	}
	kernel->fd = open_socket();
	if (kernel->fd < 0)
		return kernel->fd;

	*ret_kernel = TAKE_POINTER(kernel);
	return 0;
}

int kernel_open(struct kernel **ret_kernel)
{
	return open_kernel(true, ret_kernel);
}

int kernel_open_asking(struct kernel **ret_kernel)
{
	return open_kernel(false, ret_kernel);
}

struct kernel *kernel_free(struct kernel *kernel)
{
	if (!kernel)
		return NULL;
	if (kernel->fd >= 0)
		close(kernel->fd);
	if (kernel->commit_fd >= 0)
		close(kernel->commit_fd);
	ruleset_free(kernel->view);
	free(kernel);
	return NULL;
}

const struct ruleset *kernel_view(const struct kernel *kernel, uint32_t *ret_generation)
{
	*ret_generation = kernel->view_generation;
	return kernel->view;
}

void kernel_keep_view(struct kernel *kernel, struct ruleset *ruleset, uint32_t generation)
{
	ruleset_free(kernel->view);
	kernel->view = ruleset;
	kernel->view_generation = generation;
	kernel->view_number++;
	kernel->view_learned = 0;
	kernel->unsettled = false;
}

void kernel_doubt_view(struct kernel *kernel)
{
	kernel->view_generation = 0; /* which no table has */
	kernel->unsettled = true;
}

size_t kernel_whole_max(const struct kernel *kernel)
{
	return kernel->whole_max;
}

void kernel_set_whole_max(struct kernel *kernel, size_t elements)
{
	kernel->whole_max = elements;
}

struct ruleset *kernel_change_view(struct kernel *kernel, uint32_t generation)
{
	kernel->view_generation = generation;
	kernel->view_number++;
	kernel->unsettled = false;
	return kernel->view;
}

bool kernel_view_outlasts(struct kernel *kernel, uint32_t generation)
{
	if (!kernel->view || kernel->unsettled)
		return false;
	kernel->view_generation = generation;
	return true;
}

size_t kernel_view_learned(struct kernel *kernel, size_t elements)
{
	kernel->view_learned += elements;
	return kernel->view_learned;
}

uint64_t kernel_view_number(const struct kernel *kernel)
{
	return kernel->view_number;
}

int kernel_fd(const struct kernel *kernel)
{
	return kernel->fd;
}

int kernel_commit_fd(const struct kernel *kernel)
{
	return kernel->commit_fd;
}

uint32_t kernel_commit_port(const struct kernel *kernel)
{
	struct sockaddr_nl address = {};
	socklen_t length = sizeof(address);

	if (getsockname(kernel->commit_fd, (struct sockaddr *)&address, &length) < 0)
		return 0;
	return address.nl_pid;
}

int kernel_take_commit_fd(struct kernel *kernel, int fd)
{
	struct sockaddr_nl address = {};
	socklen_t length = sizeof(address), size = sizeof(int);
	int protocol, on = 1;
	ssize_t n;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0)
		return -errno;
	if (address.nl_family != AF_NETLINK || protocol != NETLINK_NETFILTER ||
	    address.nl_pid == 0 || address.nl_groups != 0)
		return -EBADF;
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* Answers to an earlier process could be taken for answers to us. */
	do
		n = datagram_receive(fd, kernel->buffer, sizeof(kernel->buffer));
	while (n > 0 || n == -ENOBUFS);
	if (n < 0)
		return (int)n;

	close(kernel->commit_fd);
	kernel->commit_fd = fd;
	kernel->owner.wished =
	        true; /* as it was by that process, until owner_wish() says otherwise */
	return 0;
}

int kernel_renew_commit_fd(struct kernel *kernel)
{
	int fd = open_socket();

	if (fd < 0)
		return fd;
	close(kernel->commit_fd);
	kernel->commit_fd = fd;
	kernel_keep_view(kernel, NULL, 0);
	return 0;
}

struct owner *kernel_owner(struct kernel *kernel)
{
	return &kernel->owner;
}

uint32_t kernel_sequence(struct kernel *kernel)
{
	return ++kernel->sequence;
}

void kernel_skip_sequences(struct kernel *kernel, size_t count)
{
	kernel->sequence += (uint32_t)count;
}

static int set_buffer(int fd, int force, int plain, size_t bytes)
{
	int value = bytes < INT_MAX / 2 ? (int)bytes : INT_MAX / 2;

	if (setsockopt(fd, SOL_SOCKET, force, &value, sizeof(value)) == 0 ||
	    setsockopt(fd, SOL_SOCKET, plain, &value, sizeof(value)) == 0)
		return 0;
	return -errno;
}

int kernel_receive_buffer(struct kernel *kernel, size_t bytes)
{
	int r = set_buffer(kernel->fd, SO_RCVBUFFORCE, SO_RCVBUF, bytes);

	if (r == 0 && kernel->commit_fd >= 0)
		r = set_buffer(kernel->commit_fd, SO_RCVBUFFORCE, SO_RCVBUF, bytes);
	return r;
}

int kernel_send_buffer(struct kernel *kernel, size_t bytes)
{
	return set_buffer(kernel->commit_fd, SO_SNDBUFFORCE, SO_SNDBUF, bytes);
}

static ssize_t receive(struct kernel *kernel)
{
	return datagram_receive(kernel->fd, kernel->buffer, sizeof(kernel->buffer));
}

/* What is known of an answer that is being read. */
struct answer {
	uint32_t sequence;
	bool ended;
	int result;
	kernel_reply_t reply;
	void *userdata;
};

static void answer_fail(struct answer *answer, int error)
{
	if (answer->result >= 0)
		answer->result = error;
}

/* The number that an error, or the end of a dump, carries; -EBADMSG when it is cut short. */
static int message_error(const struct nlmsghdr *message)
{
	int error;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(error))
		return -EBADMSG;
	memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	return error <= 0 ? error : -EBADMSG;
}

static void answer_message(struct answer *answer, const struct nlmsghdr *message)
{
	int error;

	/* Something that an earlier, broken off answer left behind. */
	if (message->nlmsg_seq != answer->sequence)
		return;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		answer_fail(answer, -EINTR);

	switch (message->nlmsg_type) {
	case NLMSG_ERROR:
		answer->ended = true;
		error = message_error(message);
		if (error < 0)
			answer_fail(answer, error);
		break;
	case NLMSG_DONE:
		answer->ended = true;
		/* The kernel ends a dump with the error that stopped it, or with none at all. */
		error = mnl_nlmsg_get_payload_len(message) > 0 ? message_error(message) : 0;
		if (error < 0)
			answer_fail(answer, error);
		break;
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		break;
	default:
		/* After a failure the rest is only read away, or the next dump would be refused. */
		if (answer->result >= 0) {
			error = answer->reply ? answer->reply(message, answer->userdata) : 0;
			if (error < 0)
				answer_fail(answer, error);
		}
		break;
	}
}

static void answer_datagram(struct answer *answer, const uint8_t *buffer, ssize_t length)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)buffer;
	int left = (int)length;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		answer_message(answer, message);
}

int kernel_request(struct kernel *kernel, const struct wire *wire, kernel_reply_t reply,
                   void *userdata)
{
	struct answer answer = {.reply = reply, .userdata = userdata};
	struct nlmsghdr header;
	ssize_t n;
	int r;

	if (wire->error < 0)
		return wire->error;
	memcpy(&header, wire->bytes, sizeof(header));
	answer.sequence = header.nlmsg_seq;

	do
		n = send(kernel->fd, wire->bytes, wire->length, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;

	while (!answer.ended && answer.result != -EFBIG) {
		n = receive(kernel);
		if (n == 0) {
			r = datagram_wait(kernel->fd);
			if (r < 0)
				return r;
		} else if (n == -ENOBUFS) {
			/* The end itself may be what was lost: then there is no more to wait for.
			 */
			answer_fail(&answer, -ENOBUFS);
			n = receive(kernel);
			if (n == 0)
				break;
			if (n < 0)
				return (int)n;
			answer_datagram(&answer, kernel->buffer, n);
		} else if (n < 0) {
			return (int)n;
		} else {
			answer_datagram(&answer, kernel->buffer, n);
		}
	}
	return answer.result;
}

static int drain(struct kernel *kernel, int fd, kernel_reply_t reply, void *userdata)
{
	bool lost = false;

	for (;;) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(void *)kernel->buffer;
		ssize_t n = datagram_receive(fd, kernel->buffer, sizeof(kernel->buffer));
		int left, r;

		if (n == 0)
			return lost ? -ENOBUFS : 0;
		if (n == -ENOBUFS) {
			lost = true;
			continue;
		}
		if (n < 0)
			return (int)n;
		for (left = (int)n; mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left)) {
			r = reply(message, userdata);
			if (r < 0)
				return r;
		}
	}
}

int kernel_drain(struct kernel *kernel, kernel_reply_t reply, void *userdata)
{
	return drain(kernel, kernel->fd, reply, userdata);
}

int kernel_commit_send(struct kernel *kernel, const struct wire *wire)
{
	ssize_t n;

	if (wire->error < 0)
		return wire->error;
	kernel->unsettled = true;
	do
		n = send(kernel->commit_fd, wire->bytes, wire->length, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

void kernel_note_ours(struct kernel *kernel, uint32_t generation)
{
	kernel->ours[kernel->ours_next++ % OURS_COUNT] = generation;
}

bool kernel_is_ours(const struct kernel *kernel, uint32_t generation)
{
	for (unsigned i = 0; i < OURS_COUNT; i++)
		if (kernel->ours[i] == generation)
			return generation != 0;
	return false;
}

int kernel_commit_drain(struct kernel *kernel, kernel_reply_t reply, void *userdata)
{
	return drain(kernel, kernel->commit_fd, reply, userdata);
}

static int generation_reply(const struct nlmsghdr *message, void *userdata)
{
	struct attributes attributes;

	attributes_of_message(&attributes, message);
	return attribute_u32(attributes.at[NFTA_GEN_ID], userdata) ? 0 : -EBADMSG;
}

int kernel_generation(struct kernel *kernel, uint32_t *ret_generation)
{
	_cleanup_(wire_done) struct wire wire = {};
	uint32_t generation = 0;
	int r;

	wire_begin(&wire, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NLM_F_ACK, AF_UNSPEC, 0,
	           kernel_sequence(kernel));
	wire_end(&wire);
	r = kernel_request(kernel, &wire, generation_reply, &generation);
	if (r < 0)
		return r;
	/* The kernel never gives out 0, which in a batch means that nothing is to be compared. */
	if (generation == 0)
		return -EBADMSG;

	*ret_generation = generation;
	return 0;
}
