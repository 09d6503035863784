/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "descriptors.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

/* The service manager's end: a datagram socket of our own, whose name is abstract. */
static int manager = -1;

static void listen_as_manager(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[64];
	snprintf(name, sizeof(name), "@egressd-test-descriptors-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(manager, 0);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, length), 0);
}

static void forget_manager(void)
{
	unsetenv("NOTIFY_SOCKET");
	close(manager);
}

/* The next notice, and the descriptor that came with it or -1; "" when there is none. */
static const char *next_notice(int *ret_fd)
{
	static char text[512];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} control = {};
	struct iovec io = {text, sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &io,
	                         .msg_iovlen = 1,
	                         .msg_control = control.space,
	                         .msg_controllen = sizeof(control.space)};
	*ret_fd = -1;
	ssize_t length = recvmsg(manager, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	text[length > 0 ? length : 0] = '\0';
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); length > 0 && c;
	     c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	return text;
}

static int listening_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* Bound to nothing but the family, it gets an abstract name of the kernel's. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)) < 0 ||
	    listen(fd, 1) < 0)
		return -1;
	return fd;
}

static ino_t inode(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(__LINE__ % 255 + 1);                                                 \
	} while (0)

/*
 * Runs in a process of its own that is passed those descriptors as systemd does it, from the third
 * on: there they may stand in the way of the test runner's own.
 */
static void as_service(const int *fds, int count, const char *names, void (*body)(void))
{
	fflush(NULL);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		char text[32];
		int above[8];
		for (int i = 0; i < count; i++)
			EXPECT((above[i] = fcntl(fds[i], F_DUPFD, 100)) >= 0);
		for (int i = 0; i < count; i++)
			EXPECT(dup2(above[i], SD_LISTEN_FDS_START + i) >= 0);
		snprintf(text, sizeof(text), "%d", (int)getpid());
		setenv("LISTEN_PID", text, 1);
		snprintf(text, sizeof(text), "%d", count);
		setenv("LISTEN_FDS", text, 1);
		setenv("LISTEN_FDNAMES", names, 1);
		body();
		_exit(0);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	              "the service ended with status %#x; its line modulo 255 is one less than "
	              "the exit status",
	              (unsigned)status);
}

static void take_both(void)
{
	struct descriptors *descriptors;
	ino_t control = inode(3), log = inode(4);
	EXPECT(descriptors_receive(&descriptors) == 0);
	EXPECT(!getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES") && !getenv("LISTEN_PID"));

	int fd = descriptors_take_netlink(descriptors, "log", NETLINK_NETFILTER);
	EXPECT(fd >= 0 && inode(fd) == log && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	EXPECT(descriptors_take_netlink(descriptors, "log", NETLINK_NETFILTER) == -ENOENT);
	int listener = descriptors_take_listener(descriptors, "control");
	EXPECT(listener >= 0 && inode(listener) == control);
	EXPECT(descriptors_take_listener(descriptors, "other") == -ENOENT);

	/* They are the taker's: what is left over ends without them. */
	descriptors_close_unknown(descriptors);
	descriptors_free(descriptors);
	EXPECT(inode(fd) == log && inode(listener) == control);
}

START_TEST(what_was_passed_is_taken_once_by_its_name)
{
	const int fds[] = {listening_socket(), socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER)};
	int fd;
	as_service(fds, 2, "control:log", take_both);
	ck_assert_str_eq(next_notice(&fd), "");
}
END_TEST

static void find_all_unfit(void)
{
	struct descriptors *descriptors;
	EXPECT(descriptors_receive(&descriptors) == 0);
	EXPECT(descriptors_take_listener(descriptors, "control") == -ENOENT);
	EXPECT(descriptors_take_listener(descriptors, "log") == -ENOENT);
	EXPECT(descriptors_take_netlink(descriptors, "control", NETLINK_NETFILTER) == -ENOENT);
	EXPECT(descriptors_take_netlink(descriptors, "log", NETLINK_NETFILTER) == -ENOENT);
	descriptors_close_unknown(descriptors);
	EXPECT(inode(3) == 0 && inode(4) == 0);
	descriptors_free(descriptors);
}

START_TEST(what_is_not_what_it_should_be_is_closed_and_dropped)
{
	/* A Unix socket that does not listen, and netlink of another protocol. */
	const int fds[] = {socket(AF_UNIX, SOCK_STREAM, 0),
	                   socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)};
	int fd;
	as_service(fds, 2, "control:log", find_all_unfit);
	ck_assert_str_eq(next_notice(&fd), "FDSTOREREMOVE=1\nFDNAME=control");
	ck_assert_str_eq(next_notice(&fd), "FDSTOREREMOVE=1\nFDNAME=log");
	ck_assert_str_eq(next_notice(&fd), "");
}
END_TEST

static void take_the_second(void)
{
	struct descriptors *descriptors;
	ino_t second = inode(4);
	EXPECT(descriptors_receive(&descriptors) == 0);
	int fd = descriptors_take_netlink(descriptors, "log", NETLINK_NETFILTER);
	EXPECT(fd >= 0 && inode(fd) == second);
	descriptors_close_unknown(descriptors);
	EXPECT(inode(3) == 0 && inode(fd) == second);
}

START_TEST(one_that_is_used_stays_stored_though_another_of_its_name_is_closed)
{
	const int fds[] = {listening_socket(), socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER)};
	int fd;
	as_service(fds, 2, "log:log", take_the_second);
	ck_assert_str_eq(next_notice(&fd), "");
}
END_TEST

START_TEST(without_systemd_nothing_is_passed_and_nothing_kept)
{
	struct descriptors *descriptors;
	unsetenv("NOTIFY_SOCKET");
	ck_assert_int_eq(descriptors_receive(&descriptors), 0);
	ck_assert_int_eq(descriptors_take_listener(descriptors, "control"), -ENOENT);
	descriptors_close_unknown(descriptors);
	descriptors_free(descriptors);
	ck_assert_int_eq(descriptors_store("log", 0), DESCRIPTORS_NOT_KEPT);
	ck_assert_int_eq(descriptors_drop("log"), DESCRIPTORS_NOT_KEPT);
}
END_TEST

static void expect_nothing(void)
{
	struct descriptors *descriptors;
	setenv("LISTEN_FDS", "many", 1);
	EXPECT(descriptors_receive(&descriptors) == 0);
	EXPECT(descriptors_take_listener(descriptors, "control") == -ENOENT);
	descriptors_free(descriptors);
}

START_TEST(a_garbled_environment_is_nothing_to_fail_about)
{
	as_service(NULL, 0, "", expect_nothing);
}
END_TEST

START_TEST(what_is_stored_goes_to_systemd_with_its_name_and_is_never_polled)
{
	int kept, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	ck_assert_int_eq(descriptors_store("nflog-5", fd), 0);
	ck_assert_str_eq(next_notice(&kept), "FDSTORE=1\nFDNAME=nflog-5\nFDPOLL=0");
	ck_assert_uint_eq(inode(kept), inode(fd));
	ck_assert_int_eq(descriptors_drop("nflog-5"), 0);
	ck_assert_str_eq(next_notice(&kept), "FDSTOREREMOVE=1\nFDNAME=nflog-5");
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("descriptors");
	TCase *tests = tcase_create("descriptors");
	tcase_add_checked_fixture(tests, listen_as_manager, forget_manager);
	tcase_add_test(tests, what_was_passed_is_taken_once_by_its_name);
	tcase_add_test(tests, what_is_not_what_it_should_be_is_closed_and_dropped);
	tcase_add_test(tests, one_that_is_used_stays_stored_though_another_of_its_name_is_closed);
	tcase_add_test(tests, without_systemd_nothing_is_passed_and_nothing_kept);
	tcase_add_test(tests, a_garbled_environment_is_nothing_to_fail_about);
	tcase_add_test(tests, what_is_stored_goes_to_systemd_with_its_name_and_is_never_polled);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
