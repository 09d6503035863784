/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/socket.h"

#include "kernel/answer.h"
#include "kernel/attribute.h"
#include "kernel/datagram.h"
#include "kernel/ownership.h"
#include "kernel/view.h"
#include "kernel/wire.h"

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
	int fd;        /* asks */
	int commit_fd; /* changes nf_tables, and owns the table; -1: only asks */
	struct owner owner;
	uint32_t ours[OURS_COUNT]; /* generations that our commits made, the latest ones */
	unsigned ours_next;
	uint32_t sequence;
	struct view view;
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
	view_done(&kernel->view);
	free(kernel);
	return NULL;
}

size_t kernel_whole_max(const struct kernel *kernel)
{
	return kernel->whole_max;
}

void kernel_set_whole_max(struct kernel *kernel, size_t elements)
{
	kernel->whole_max = elements;
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

struct view *kernel_known(struct kernel *kernel)
{
	return &kernel->view;
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
			answer_read(&answer, kernel->buffer, (size_t)n);
		} else if (n < 0) {
			return (int)n;
		} else {
			answer_read(&answer, kernel->buffer, (size_t)n);
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
	kernel->view.unsettled = true;
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
