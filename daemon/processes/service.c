/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "processes/service.h"

#include "base/cleanup.h"
#include "base/socket_file.h"
#include "processes/answer.h"
#include "processes/question.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

/* There is one egressd; a second connection is of one that starts while another one ends. */
#define CLIENTS_MAX 4
#define BACKLOG     4
#define SIGNALS     0 /* places in the list that is polled */
#define LISTENER    1
#define CLIENTS     2

int service_listen(const char *path, uid_t user)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (!length || length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	int r = socket_file_clear(&address, SOCK_SEQPACKET);
	if (r < 0)
		return r;

	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	mode_t mask = umask(0177); /* nobody else's from the moment that it is there */
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	if ((user != geteuid() && chown(path, user, (gid_t)-1) < 0) || listen(fd, BACKLOG) < 0) {
		r = -errno;
		(void)unlink(path);
		return r;
	}
	return TAKE_FD(fd);
}

/* Accepts who connected; his descriptor, or -1. */
static int let_in(int listener, uid_t user)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || length != sizeof(peer) ||
	    (peer.uid != 0 && peer.uid != user)) {
		fprintf(stderr, SD_WARNING "A connection of uid %ld was refused\n",
		        length == sizeof(peer) ? (long)peer.uid : -1L);
		return -1;
	}
	return TAKE_FD(fd);
}

/* Answers the next question; false when the connection is to be closed. */
static bool serve(int fd)
{
	uint8_t question[sizeof(struct process_question) + 1]; /* one more shows what is longer */
	_cleanup_free_ char *answer = NULL;
	size_t length;
	ssize_t n = recv(fd, question, sizeof(question), 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	int r = process_answer(question, (size_t)n, &answer, &length);
	if (r < 0) {
		fprintf(stderr, SD_WARNING "A question could not be answered: %s\n", strerror(-r));
		return r != -EBADMSG;
	}
	/* Who does not take his answers goes without them: nothing here waits for anybody. */
	return send(fd, answer, length, MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
}

static int open_signals(void)
{
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int service_run(int listener, uid_t user)
{
	struct pollfd list[CLIENTS + CLIENTS_MAX];
	nfds_t count = CLIENTS;
	_cleanup_close_ int signals = open_signals();
	if (signals < 0)
		return signals;
	list[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
	list[LISTENER] = (struct pollfd){.fd = listener, .events = POLLIN};

	for (;;) {
		/* A full house lets the next one wait at the door. */
		list[LISTENER].events = count < CLIENTS + CLIENTS_MAX ? POLLIN : 0;
		if (poll(list, count, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (list[SIGNALS].revents)
			return 0;
		for (nfds_t i = count; i-- > CLIENTS;) {
			if (!list[i].revents || serve(list[i].fd))
				continue;
			close(list[i].fd);
			list[i] = list[--count];
		}
		if (list[LISTENER].revents & ~POLLIN)
			return -EIO;
		int fd = list[LISTENER].revents ? let_in(listener, user) : -1;
		if (fd >= 0)
			list[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
}
