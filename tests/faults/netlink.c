/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/*
 * Preloaded, it harms what a program hears from netlink. EGRESSD_NETLINK_FAULTS names the file of
 * struct control; counted is each datagram that was received, or for the last kind sent.
 */
enum fault {
	DROP,      /* it never comes */
	ENOBUFS_1, /* it is lost, and that is told */
	EINTR_1,   /* a signal comes first */
	TRUNCATE,  /* its second half is missing, and that is told */
	SHORT,     /* its last four bytes are missing, and nothing is told */
	REORDER,   /* the next one comes before it */
	REPEAT,    /* it comes twice */
	SEND_EINTR,
	SEND_ENOBUFS,
};

#define HELD_BYTES (256 * 1024)

static struct control *control;
static ssize_t (*next_recvmsg)(int, struct msghdr *, int);
static ssize_t (*next_recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
static ssize_t (*next_send)(int, const void *, size_t, int);
static ssize_t (*next_sendto)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
static int (*next_poll)(struct pollfd *, nfds_t, int);

/* A datagram that is to come later. */
static struct {
	int fd;
	bool is;
	size_t length, from_length;
	char from[128];
	char bytes[HELD_BYTES];
} held;

#define LOOK_UP(name) *(void **)&next_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
	LOOK_UP(recvmsg);
	LOOK_UP(recvfrom);
	LOOK_UP(send);
	LOOK_UP(sendto);
	LOOK_UP(poll);
	control = control_map("EGRESSD_NETLINK_FAULTS");
}

static bool is_netlink(int fd)
{
	int domain = 0, before = errno;
	socklen_t length = sizeof(domain);
	bool is = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
	          domain == AF_NETLINK;
	errno = before;
	return is;
}

/* Where nothing comes any more, who waits without an end is a hang, which no test would survive. */
static void refuse_to_hang(int fd, int flags)
{
	struct timeval wait = {};
	socklen_t length = sizeof(wait);
	if ((flags & MSG_DONTWAIT) || (fcntl(fd, F_GETFL) & O_NONBLOCK))
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, &length) == 0 &&
	    (wait.tv_sec || wait.tv_usec))
		return;
	fprintf(stderr, "netlink fault: this receive would hang for ever\n");
	abort();
}

static bool counts(int fd, bool sending)
{
	return control && control->armed && (control->kind >= SEND_EINTR) == sending &&
	       is_netlink(fd);
}

static ssize_t fail(int error)
{
	errno = error;
	return -1;
}

static void hold(int fd, const struct msghdr *message, size_t length)
{
	held.fd = fd;
	held.is = length <= sizeof(held.bytes) && message->msg_namelen <= sizeof(held.from);
	if (!held.is)
		return;
	held.length = length;
	held.from_length = message->msg_namelen;
	memcpy(held.bytes, message->msg_iov[0].iov_base, length);
	memcpy(held.from, message->msg_name, message->msg_namelen);
}

static ssize_t give_held(struct msghdr *message)
{
	size_t room = message->msg_iov[0].iov_len, length = held.length;
	held.is = false;
	memcpy(message->msg_iov[0].iov_base, held.bytes, length < room ? length : room);
	if (message->msg_name)
		memcpy(message->msg_name, held.from, held.from_length);
	message->msg_namelen = (socklen_t)held.from_length;
	message->msg_flags = length > room ? MSG_TRUNC : 0;
	return (ssize_t)(length < room ? length : room);
}

static ssize_t harm(int fd, struct msghdr *message, int flags, size_t length)
{
	switch ((enum fault)control->kind) {
	case DROP:
		refuse_to_hang(fd, flags);
		return fail(EAGAIN);
	case ENOBUFS_1:
		return fail(ENOBUFS);
	case TRUNCATE:
		message->msg_flags |= MSG_TRUNC;
		return (ssize_t)(length / 2);
	case SHORT:
		return (ssize_t)(length > 4 ? length - 4 : length);
	case REORDER:
		hold(fd, message, length);
		return recvmsg(fd, message, flags);
	case REPEAT:
		hold(fd, message, length);
		return (ssize_t)length;
	case EINTR_1:
	case SEND_EINTR:
	case SEND_ENOBUFS:
		break;
	}
	return (ssize_t)length;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (!counts(fd, false))
		return next_recvmsg(fd, message, flags);
	if (held.is && held.fd == fd) {
		/* One that was only to come after the next one comes when there is none. */
		socklen_t name = message->msg_namelen;
		ssize_t n = control->kind == REORDER
		                    ? next_recvmsg(fd, message, flags | MSG_DONTWAIT)
		                    : -1;
		if (n >= 0)
			return n;
		message->msg_namelen = name;
		return give_held(message);
	}
	if (control->kind == EINTR_1 && control_fails(control))
		return fail(EINTR);
	ssize_t n = next_recvmsg(fd, message, flags);
	if (n < 0 || control->kind == EINTR_1 || !control_fails(control))
		return n;
	return harm(fd, message, flags, (size_t)n);
}

ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
                 socklen_t *from_length)
{
	if (!counts(fd, false))
		return next_recvfrom(fd, buffer, size, flags, from, from_length);
	struct iovec part = {buffer, size};
	struct msghdr message = {
	        .msg_name = from,
	        .msg_namelen = from_length ? *from_length : 0,
	        .msg_iov = &part,
	        .msg_iovlen = 1,
	};
	ssize_t n = recvmsg(fd, &message, flags);
	if (from_length)
		*from_length = message.msg_namelen;
	return n;
}

static bool harm_send(int fd)
{
	if (!counts(fd, true) || !control_fails(control))
		return false;
	errno = control->kind == SEND_EINTR ? EINTR : ENOBUFS;
	return true;
}

ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
	return harm_send(fd) ? -1 : next_send(fd, buffer, size, flags);
}

ssize_t sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *to,
               socklen_t length)
{
	return harm_send(fd) ? -1 : next_sendto(fd, buffer, size, flags, to, length);
}

/* The kernel answers while it is asked: what is not there yet never comes, and is not waited for. */
int poll(struct pollfd *places, nfds_t count, int timeout)
{
	if (count == 1 && control && control->armed && control->done && is_netlink(places->fd)) {
		if (held.is && held.fd == places->fd) {
			places->revents = POLLIN;
			return 1;
		}
		timeout = 0;
	}
	return next_poll(places, count, timeout);
}
