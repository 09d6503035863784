/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "process_finder.h"

#include "processes/question.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A helper of the test's own at the other end, who answers what the test wants. */
static sd_event *event;
static struct process_finder *finder;
static char directory[] = "/tmp/egressd-finder-XXXXXX", path[64];
static int listener, helper;
static struct process_seen told[8];
static size_t told_count;
static char trouble[512];

static void on_found(const struct process_seen *seen, size_t count, void *userdata)
{
	for (size_t i = 0; i < count && told_count < 8; i++)
		told[told_count++] = seen[i];
}

static void on_trouble(const char *text, void *userdata)
{
	snprintf(trouble, sizeof(trouble), "%s", text ? text : "");
}

static void open_door(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 4), 0);
}

static void close_door(void)
{
	close(listener);
	unlink(path);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(process_finder_new(event, path, on_found, on_trouble, NULL, &finder), 0);
	helper = listener = -1;
	told_count = 0;
	trouble[0] = '\0';
}

static void teardown(void)
{
	process_finder_free(finder);
	sd_event_unref(event);
	if (helper >= 0)
		close(helper);
	close_door();
	rmdir(directory);
}

/* Everything that is there to do. */
static void run(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

/* Until there is another trouble, or none any more. */
static void run_until_trouble_changes(void)
{
	char before[sizeof(trouble)];
	strcpy(before, trouble);
	while (strcmp(before, trouble) == 0)
		ck_assert_int_ge(sd_event_run(event, 20 * USEC_PER_SEC), 0);
}

static void begin(void)
{
	open_door();
	process_finder_want(finder, true);
	helper = accept(listener, NULL, NULL);
	ck_assert_int_ge(helper, 0);
	ck_assert_str_eq(trouble, "");
}

static struct ledger_noted noted(uint16_t port)
{
	struct ledger_noted made = {
	        .key = {.port = port, .protocol = IPPROTO_TCP, .has_port = true},
	        .last = 1000 + port,
	        .source_port = 40000,
	        .has_uid = true,
	        .uid = 33};
	ck_assert_int_eq(address_parse("198.51.100.1", &made.key.source), 0);
	ck_assert_int_eq(address_parse("203.0.113.7", &made.key.destination), 0);
	return made;
}

static void ask(uint16_t port)
{
	struct ledger_noted made = noted(port);
	process_finder_ask(finder, &made, 9);
}

static struct process_question take(void)
{
	struct process_question question;
	ck_assert_int_eq(recv(helper, &question, sizeof(question), MSG_DONTWAIT), sizeof(question));
	return question;
}

static void answer(const char *format, uint64_t number)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), format, (unsigned long)number);
	ck_assert_int_eq(send(helper, text, (size_t)n, 0), n);
	run();
}

#define GONE "{\"number\": %lu, \"result\": \"gone\", \"denied\": 0, \"processes\": []}"

START_TEST(an_attempt_is_asked_about_and_its_process_is_told)
{
	begin();
	ask(25);
	struct process_question question = take();
	ck_assert_uint_eq(question.version, PROCESS_PROTOCOL);
	ck_assert_uint_eq(question.uid, 33);
	ck_assert_uint_eq(question.interface, 9);
	ck_assert_uint_eq(question.local_port, 40000);
	ck_assert_uint_eq(question.remote_port, 25);
	ck_assert_uint_eq(question.family, 4);
	ck_assert_uint_eq(question.protocol, IPPROTO_TCP);
	ck_assert_mem_eq(question.local, "\306\063\144\1\0\0\0\0", 8);
	ck_assert_mem_eq(question.remote, "\313\0\161\7\0\0\0\0", 8);
	answer("{\"number\": %lu, \"result\": \"found\", \"denied\": 0, \"processes\": [{\"pid\": "
	       "7,"
	       "\"name\": \"wget\\u001b[31m\", \"executable\": \"/usr/bin/wget\", \"command\": "
	       "null,"
	       "\"unit\": \"a.service\", \"started\": 5}, {\"pid\": 8}]}",
	       question.number);
	ck_assert_uint_eq(told_count, 2);
	ck_assert_uint_eq(told[0].pid, 7);
	ck_assert_uint_eq(told[0].uid, 33);
	ck_assert_uint_eq(told[0].last, 1025);
	ck_assert_uint_eq(told[0].started, 5);
	ck_assert_str_eq(told[0].name, "wget?[31m");
	ck_assert_str_eq(told[0].executable, "/usr/bin/wget");
	ck_assert_str_eq(told[0].command, "");
	ck_assert_str_eq(told[0].unit, "a.service");
	ck_assert_uint_eq(told[0].stream.destination.port, 25);
	ck_assert_uint_eq(told[1].pid, 8);
	ck_assert_uint_eq(process_finder_counts(finder).found, 1);
}
END_TEST

START_TEST(what_is_gone_is_told_without_a_pid)
{
	begin();
	ask(25);
	answer(GONE, take().number);
	ck_assert_uint_eq(told_count, 1);
	ck_assert_uint_eq(told[0].pid, 0);
	ck_assert_uint_eq(process_finder_counts(finder).gone, 1);
	ck_assert_str_eq(trouble, "");
}
END_TEST

START_TEST(a_helper_without_its_rights_is_said_to_lack_them_until_it_has_them)
{
	begin();
	ask(25);
	answer("{\"number\": %lu, \"result\": \"unseen\", \"denied\": 3, \"processes\": []}",
	       take().number);
	ck_assert_ptr_nonnull(strstr(trouble, "CAP_SYS_PTRACE"));
	ck_assert_uint_eq(process_finder_counts(finder).failed, 1);
	ask(26);
	answer(GONE, take().number);
	ck_assert_ptr_nonnull(strstr(trouble, "CAP_SYS_PTRACE"));
	ask(27);
	answer("{\"number\": %lu, \"result\": \"found\", \"denied\": 0, \"processes\": [{\"pid\": "
	       "7}]}",
	       take().number);
	ck_assert_str_eq(trouble, "");
}
END_TEST

START_TEST(too_many_attempts_are_left_out_and_never_wait)
{
	begin();
	for (uint16_t i = 0; i < 3 * PROCESS_QUESTIONS_A_SECOND; i++)
		ask(i);
	struct process_counts counts = process_finder_counts(finder);
	ck_assert_uint_eq(counts.attempts, 3 * PROCESS_QUESTIONS_A_SECOND);
	ck_assert_uint_ge(counts.left_out, PROCESS_QUESTIONS_A_SECOND);
	ck_assert_uint_eq(counts.unanswered, 0);
}
END_TEST

START_TEST(a_helper_that_ends_is_missed_and_found_again)
{
	begin();
	ask(25);
	close(helper);
	close_door();
	run();
	ck_assert_ptr_nonnull(strstr(trouble, "nobody tells processes at"));
	ask(26);
	ck_assert_uint_eq(process_finder_counts(finder).unanswered, 2);
	open_door();
	run_until_trouble_changes();
	helper = accept(listener, NULL, NULL);
	ck_assert_int_ge(helper, 0);
	ck_assert_str_eq(trouble, "");
	ask(27);
	answer(GONE, take().number);
	ck_assert_uint_eq(process_finder_counts(finder).gone, 1);
}
END_TEST

START_TEST(a_helper_that_does_not_answer_is_given_up)
{
	begin();
	ask(25);
	run_until_trouble_changes();
	ck_assert_ptr_nonnull(strstr(trouble, "does not answer"));
	ck_assert_uint_eq(process_finder_counts(finder).unanswered, 1);
	char byte;
	(void)take();
	ck_assert_int_eq(recv(helper, &byte, 1, MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(answers_that_were_left_out_do_not_mix_up_the_others)
{
	begin();
	ask(25);
	ask(26);
	(void)take();
	answer(GONE, take().number);
	ck_assert_uint_eq(told_count, 1);
	ck_assert_uint_eq(told[0].stream.destination.port, 26);
	ck_assert_uint_eq(process_finder_counts(finder).unanswered, 1);
}
END_TEST

static const char *const nonsense[] = {
        "",
        "no JSON",
        "[]",
        "{\"number\": 99, \"result\": \"gone\", \"processes\": []}",
        "{\"number\": 1, \"processes\": []}",
        "{\"number\": 1, \"result\": 5, \"processes\": []}",
        "{\"number\": 1, \"result\": \"found\", \"processes\": [{\"pid\": -1}]}",
        "{\"number\": 1, \"result\": \"found\", \"processes\": [{\"pid\": 4294967296}]}",
        "{\"number\": 1, \"result\": \"found\", \"processes\": [7]}",
        ("{\"number\": 1, \"result\": \"found\", \"processes\": [{\"pid\": 1}, {\"pid\": 1}, "
         "{\"pid\": 1}, {\"pid\": 1}, {\"pid\": 1}]}"),
};

START_TEST(a_helper_that_talks_nonsense_is_cut_off)
{
	char byte;
	begin();
	ask(25);
	(void)take();
	ck_assert_int_eq(send(helper, nonsense[_i], strlen(nonsense[_i]), 0),
	                 (ssize_t)strlen(nonsense[_i]));
	run();
	ck_assert_int_eq(recv(helper, &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_uint_eq(told_count, 0);
	ck_assert_str_ne(trouble, "");
	ck_assert_uint_eq(process_finder_counts(finder).unanswered, 1);
}
END_TEST

START_TEST(nobody_is_asked_unless_it_is_wanted_or_about_what_has_no_socket)
{
	char byte;
	open_door();
	ask(25);
	ck_assert_uint_eq(process_finder_counts(finder).attempts, 0);
	process_finder_want(finder, true);
	helper = accept(listener, NULL, NULL);
	struct ledger_noted icmp = noted(8), forwarded = noted(25);
	icmp.key.protocol = IPPROTO_ICMP;
	forwarded.has_uid = false;
	process_finder_ask(finder, &icmp, 0);
	process_finder_ask(finder, &forwarded, 0);
	ck_assert_int_eq(recv(helper, &byte, 1, MSG_DONTWAIT), -1);
	process_finder_want(finder, false);
	ck_assert_int_eq(recv(helper, &byte, 1, MSG_DONTWAIT), 0);
	ask(25);
	ck_assert_uint_eq(process_finder_counts(finder).attempts, 0);
	ck_assert_str_eq(trouble, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process-finder");
	TCase *tests = tcase_create("process-finder");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, an_attempt_is_asked_about_and_its_process_is_told);
	tcase_add_test(tests, what_is_gone_is_told_without_a_pid);
	tcase_add_test(tests, a_helper_without_its_rights_is_said_to_lack_them_until_it_has_them);
	tcase_add_test(tests, too_many_attempts_are_left_out_and_never_wait);
	tcase_add_test(tests, a_helper_that_ends_is_missed_and_found_again);
	tcase_add_test(tests, a_helper_that_does_not_answer_is_given_up);
	tcase_add_test(tests, answers_that_were_left_out_do_not_mix_up_the_others);
	tcase_add_loop_test(tests, a_helper_that_talks_nonsense_is_cut_off, 0,
	                    sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(tests, nobody_is_asked_unless_it_is_wanted_or_about_what_has_no_socket);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
