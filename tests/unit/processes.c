/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "processes/answer.h"
#include "processes/proc.h"
#include "processes/question.h"
#include "processes/unit.h"

#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *cgroups;
	const char *unit; /* NULL: none */
} units[] = {
        {"0::/system.slice/nginx.service\n", "nginx.service"},
        {"0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"},
        {"0::/user.slice/user-1000.slice/session-2.scope\n", "session-2.scope"},
        {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service\n",
         "user@1000.service/foo.service"},
        {"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n",
         "user@1000.service/init.scope"},
        {"0::/system.slice/docker-3fa9.scope/payload\n", "docker-3fa9.scope"},
        {"0::/machine.slice/libpod-1.scope/container/x.service\n", "libpod-1.scope"},
        {"0::/init.scope\n", "init.scope"},
        {"0::/system.slice/_cpu.service\n", "cpu.service"},
        {"12:cpu:/a\n1:name=systemd:/system.slice/sshd.service\n0::/\n", "sshd.service"},
        {"1:name=systemd:/user.slice/user-0.slice/session-1.scope\n", "session-1.scope"},
        {"0::/\n", NULL},
        {"0::/system.slice\n", NULL},
        {"0::/.slice/.service\n", NULL},
        {"0::/kubepods/pod7\n", NULL},
        {"4:name=other:/a.service\n", NULL},
        {"0::", NULL},
        {"", NULL},
        {"nonsense without an end", NULL},
};

START_TEST(the_unit_is_the_first_part_of_systemds_path_that_is_no_slice)
{
	char unit[PROCESS_UNIT_BYTES] = "";
	bool found = unit_of_cgroups(units[_i].cgroups, unit, sizeof(unit));
	ck_assert_str_eq(found ? unit : "-", units[_i].unit ? units[_i].unit : "-");
}
END_TEST

START_TEST(a_unit_with_a_long_name_is_cut)
{
	char text[4000] = "0::/", unit[PROCESS_UNIT_BYTES];
	memset(text + 4, 'a', sizeof(text) - 20);
	strcpy(text + sizeof(text) - 20, ".service\n");
	ck_assert(unit_of_cgroups(text, unit, sizeof(unit)));
	ck_assert_uint_eq(strlen(unit), sizeof(unit) - 1);
}
END_TEST

static uint32_t inode_of(int fd)
{
	struct stat status;
	ck_assert_int_eq(fstat(fd, &status), 0);
	return (uint32_t)status.st_ino;
}

START_TEST(whoever_has_the_socket_is_found_with_name_program_and_arguments)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct holders holders;
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	ck_assert_int_gt(n, 0);
	self[n] = '\0';
	ck_assert_int_eq(proc_find_holders(inode_of(fd), &holders), 0);
	ck_assert_uint_ge(holders.count, 1);
	const struct process *found = NULL;
	for (size_t i = 0; i < holders.count; i++)
		if (holders.items[i].pid == getpid())
			found = &holders.items[i];
	ck_assert_ptr_nonnull(found);
	ck_assert_ptr_nonnull(strstr(self, found->name));
	if (strlen(self) < sizeof(found->executable))
		ck_assert_str_eq(found->executable, self);
	ck_assert_ptr_nonnull(strstr(found->command, "test-processes"));
	time_t started = (time_t)(found->started / 1000000), now = time(NULL);
	ck_assert_int_le(started, now + 1);
	ck_assert_int_ge(started, now - 600);
	close(fd);
}
END_TEST

START_TEST(a_socket_that_nobody_has_any_more_is_found_with_nobody)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint32_t inode = inode_of(fd);
	struct holders holders;
	close(fd);
	ck_assert_int_eq(proc_find_holders(inode, &holders), 0);
	ck_assert_uint_eq(holders.count, 0);
}
END_TEST

/* More children than are told have it, one of them with an odd name and arguments. */
START_TEST(of_many_who_share_a_socket_some_are_told)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), pipes[2];
	struct holders holders;
	ck_assert_int_eq(pipe(pipes), 0);
	for (int i = 0; i < PROCESSES_TOLD + 2; i++) {
		if (fork())
			continue;
		char byte;
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) != 0);
	}
	ck_assert_int_eq(proc_find_holders(inode_of(fd), &holders), 0);
	ck_assert_uint_eq(holders.count, PROCESSES_TOLD);
	close(pipes[1]);
	while (wait(NULL) > 0)
		;
	close(fd);
}
END_TEST

static struct process_question question(void)
{
	return (struct process_question){.number = 7,
	                                 .version = PROCESS_PROTOCOL,
	                                 .uid = getuid(),
	                                 .local_port = 1,
	                                 .remote_port = 2,
	                                 .family = 4,
	                                 .protocol = IPPROTO_TCP,
	                                 .local = {127, 0, 0, 1},
	                                 .remote = {127, 0, 0, 2}};
}

static json_t *ask(const struct process_question *question)
{
	char *text = NULL;
	size_t length;
	ck_assert_int_eq(process_answer(question, sizeof(*question), &text, &length), 0);
	ck_assert_uint_eq(strlen(text), length);
	json_t *answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(answer);
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "number")), 7);
	free(text);
	return answer;
}

static const char *result_of(const json_t *answer)
{
	return json_string_value(json_object_get(answer, "result"));
}

START_TEST(what_is_no_question_gets_no_answer)
{
	struct process_question good = question(), bad;
	uint8_t bytes[sizeof(good) + 1] = {};
	char *text = NULL;
	size_t length;
	memcpy(bytes, &good, sizeof(good));
	for (size_t n = 0; n <= sizeof(bytes); n++)
		if (n != sizeof(good))
			ck_assert_int_eq(process_answer(bytes, n, &text, &length), -EBADMSG);
	bad = good;
	bad.version++;
	ck_assert_int_eq(process_answer(&bad, sizeof(bad), &text, &length), -EBADMSG);
	bad = good;
	bad.family = 5;
	ck_assert_int_eq(process_answer(&bad, sizeof(bad), &text, &length), -EBADMSG);
	bad = good;
	bad.protocol = IPPROTO_ICMP;
	ck_assert_int_eq(process_answer(&bad, sizeof(bad), &text, &length), -EBADMSG);
	bad = good;
	bad.unused[5] = 1;
	ck_assert_int_eq(process_answer(&bad, sizeof(bad), &text, &length), -EBADMSG);
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(a_socket_of_our_own_is_answered_and_that_of_another_user_is_not)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);

	struct process_question about = question();
	about.protocol = IPPROTO_UDP;
	about.local_port = ntohs(address.sin_port);
	json_t *answer = ask(&about);
	ck_assert_str_eq(result_of(answer), "found");
	ck_assert_uint_ge(json_array_size(json_object_get(answer, "processes")), 1);
	json_decref(answer);

	about.uid++;
	answer = ask(&about);
	ck_assert_str_eq(result_of(answer), "gone");
	json_decref(answer);
	about.uid--;
	close(fd);
	answer = ask(&about);
	ck_assert_str_eq(result_of(answer), "gone");
	json_decref(answer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("processes");
	TCase *tests = tcase_create("processes");
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, the_unit_is_the_first_part_of_systemds_path_that_is_no_slice, 0,
	                    sizeof(units) / sizeof(units[0]));
	tcase_add_test(tests, a_unit_with_a_long_name_is_cut);
	tcase_add_test(tests, whoever_has_the_socket_is_found_with_name_program_and_arguments);
	tcase_add_test(tests, a_socket_that_nobody_has_any_more_is_found_with_nobody);
	tcase_add_test(tests, of_many_who_share_a_socket_some_are_told);
	tcase_add_test(tests, what_is_no_question_gets_no_answer);
	tcase_add_test(tests, a_socket_of_our_own_is_answered_and_that_of_another_user_is_not);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
