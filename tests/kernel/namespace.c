/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespace.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool enter_user(void)
{
	unsigned uid = getuid(), gid = getgid();
	char map[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	/* Without a map an exec would lose what the namespace gives. */
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return write_file("/proc/self/gid_map", map);
}

void namespace_enter(void)
{
	if (!enter_user())
		ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
}

void namespace_enter_network(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
}

static bool possible_in_child(bool (*enter)(void))
{
	int status = 1;
	pid_t child = fork();

	if (child == 0)
		_exit(enter() ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool enter_network(void)
{
	return unshare(CLONE_NEWNET) == 0;
}

bool namespace_possible(void)
{
	return possible_in_child(enter_user) || possible_in_child(enter_network);
}

bool namespace_network_possible(void)
{
	return possible_in_child(enter_network);
}

bool namespace_has_force_options(void)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bytes = 65536;

	ck_assert_int_ge(fd, 0);
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == 0;
}

void namespace_loopback_up(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
}

int namespace_run(const char *command, const char *input)
{
	FILE *pipe = popen(command, "we");
	int status;

	ck_assert_ptr_nonnull(pipe);
	if (input)
		ck_assert_int_ge(fputs(input, pipe), 0);
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *namespace_output(const char *command)
{
	FILE *pipe = popen(command, "re");
	size_t length = 0;
	ssize_t n;
	char *text = NULL;

	ck_assert_ptr_nonnull(pipe);
	n = getdelim(&text, &length, '\0', pipe);
	ck_assert_int_eq(pclose(pipe), 0);
	ck_assert_int_ge(n, 0);
	return text;
}

void namespace_send_udp(uint16_t port, size_t count)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {
	        .sin_family = AF_INET,
	        .sin_port = htons(port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < count; i++)
		(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
}
