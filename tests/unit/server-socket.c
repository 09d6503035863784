/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "server-fixture.h"

#include "base/array.h"
#include "peer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

START_TEST(a_call_over_the_socket_file_is_answered)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	struct end end = open_path(f.path);
	expect_echo(&f, &end, "hello");
	expect_echo(&f, &end, "again");
	ck_assert_uint_eq(server_clients(f.server), 1);

	send_text(&f, &end, "{\"method\":\"io.egressd.Whoami\"}");
	struct reply reply;
	ck_assert(receive(&f, &end, &reply));
	ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "uid")),
	                 (int)getuid());
	ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "pid")), getpid());
	reply_done(&reply);
	close_end(&end);
	settle(&f);
	ck_assert_uint_eq(server_clients(f.server), 0);
	tear_down(&f);
}
END_TEST

START_TEST(the_socket_file_is_for_owner_and_group_alone_and_goes_with_the_server)
{
	struct fixture f;
	struct stat st;
	set_up(&f);
	mode_t mask = umask(0);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	umask(mask);
	ck_assert_int_eq(stat(f.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	*strrchr(f.path, '/') = '\0';
	ck_assert_int_eq(stat(f.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	f.path[strlen(f.path)] = '/';
	f.server = server_free(f.server);
	ck_assert_int_eq(stat(f.path, &st), -1);
	tear_down(&f);
}
END_TEST

START_TEST(a_stale_socket_file_is_replaced_and_a_live_one_is_not)
{
	struct fixture f, other;
	set_up(&f);
	set_up(&other);
	ck_assert_int_eq(server_listen(f.server, f.path), 0);
	ck_assert_int_eq(server_listen(other.server, f.path), -EADDRINUSE);
	struct end end = open_path(f.path);
	expect_echo(&f, &end, "still there");
	close_end(&end);
	settle(&f);

	/* A daemon that was killed leaves its file behind. */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", f.directory);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	ck_assert_int_eq(server_listen(other.server, address.sun_path), 0);
	tear_down(&other);
	tear_down(&f);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
	struct fixture f;
	char path[64];
	set_up(&f);
	snprintf(path, sizeof(path), "%s/file", f.directory);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(server_listen(f.server, path), -ENOTSOCK);
	ck_assert_int_eq(unlink(path), 0);
	tear_down(&f);
}
END_TEST

START_TEST(an_inherited_listening_socket_serves)
{
	struct fixture f;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	set_up(&f);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", f.directory);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(server_adopt(f.server, fd), -EINVAL);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(server_adopt(f.server, fd), 0);
	struct end end = open_path(address.sun_path);
	expect_echo(&f, &end, "inherited");
	close_end(&end);
	ck_assert_int_eq(unlink(address.sun_path), 0);
	tear_down(&f);
}
END_TEST

START_TEST(another_user_gets_16_connections_and_no_answers_without_the_group)
{
	struct fixture f;
	struct end end = {};
	int fds[2];
	set_up(&f);
	/* The kernel notes who makes the pair. */
	ck_assert_int_eq(seteuid(54321), 0);
	for (unsigned i = 0; i < 17; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		ck_assert_int_eq(server_connect(f.server, fds[0]), i < 16 ? 0 : -EUSERS);
		if (i == 0)
			end.fd = fds[1];
	}
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_uint_eq(server_clients(f.server), 16);

	frames_init(&end.frames, FRAME_REPLY_MAX);
	send_text(&f, &end, "{\"method\":\"org.varlink.service.GetInfo\"}");
	expect_error(&f, &end, "io.egressd.PermissionDenied");
	expect_closed(&f, &end);
	close_end(&end);
	tear_down(&f);
}
END_TEST

START_TEST(only_the_entitled_may_read_and_change)
{
	gid_t read_member[] = {7, 100}, change_member[] = {7, 200}, others[] = {7, 8};
	const struct peer_rules rules = {.own = 500, .read = {true, 100}, .change = {true, 200}};
	const struct peer_rules no_groups = {
	        .own = 500, .read = {false, 100}, .change = {false, 200}};
	const struct {
		struct peer peer;
		bool read, change, read_without_groups;
	} cases[] = {
	        {{.uid = 0, .gid = 0}, true, true, true},
	        {{.uid = 500, .gid = 9}, true, true, true},
	        {{.uid = 501, .gid = 9}, false, false, false},
	        {{.uid = 501, .gid = 0}, false, false, false},
	        {{.uid = 501, .gid = 100}, true, false, false},
	        {{.uid = 501, .gid = 200}, true, true, false},
	        {{.uid = 501, .gid = 9, .groups = read_member, .group_count = 2},
	         true,
	         false,
	         false},
	        {{.uid = 501, .gid = 9, .groups = change_member, .group_count = 2},
	         true,
	         true,
	         false},
	        {{.uid = 501, .gid = 9, .groups = others, .group_count = 2}, false, false, false},
	        {{.uid = 501, .gid = 9, .groups = read_member, .group_count = 1},
	         false,
	         false,
	         false},
	        {{.uid = (uid_t)-1, .gid = (gid_t)-1}, false, false, false},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		const struct peer *peer = &cases[i].peer;
		ck_assert_int_eq(peer_may(peer, &rules, ACCESS_READ), cases[i].read);
		ck_assert_int_eq(peer_may(peer, &rules, ACCESS_CHANGE), cases[i].change);
		ck_assert_int_eq(peer_may(peer, &no_groups, ACCESS_READ),
		                 cases[i].read_without_groups);
		ck_assert_int_eq(peer_may(peer, &no_groups, ACCESS_CHANGE),
		                 cases[i].read_without_groups);
	}
}
END_TEST

START_TEST(a_peer_that_cannot_be_asked_about_is_turned_away)
{
	struct fixture f;
	struct peer peer;
	int fds[2];
	set_up(&f);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(peer_read(fds[0], &peer), -ENOTSOCK);
	ck_assert_int_eq(server_connect(f.server, fds[0]), -ENOTSOCK);
	ck_assert_uint_eq(server_clients(f.server), 0);
	close(fds[1]);
	tear_down(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server-socket");
	TCase *tests = tcase_create("server-socket");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_call_over_the_socket_file_is_answered);
	tcase_add_test(tests,
	               the_socket_file_is_for_owner_and_group_alone_and_goes_with_the_server);
	tcase_add_test(tests, a_stale_socket_file_is_replaced_and_a_live_one_is_not);
	tcase_add_test(tests, a_file_that_is_no_socket_is_left_alone);
	tcase_add_test(tests, an_inherited_listening_socket_serves);
	tcase_add_test(tests, only_the_entitled_may_read_and_change);
	tcase_add_test(tests, a_peer_that_cannot_be_asked_about_is_turned_away);
	if (getuid() == 0)
		tcase_add_test(tests,
		               another_user_gets_16_connections_and_no_answers_without_the_group);
	else
		puts("skipped: limits of other users, for only root can play them");
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
