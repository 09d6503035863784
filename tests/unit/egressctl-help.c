/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "tool-answers.h"

#include "base/array.h"
#include "verb.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(wrong_usage_ends_with_2_and_says_what_would_be_right)
{
	static const struct {
		const char *line;
		const char *errors;
	} wrong[] = {
	        {"statsu", "egressctl: there is no verb \"statsu\"; did you mean \"status\"?\n"},
	        {"frobnicate",
	         "egressctl: there is no verb \"frobnicate\"; see egressctl --help\n"},
	        {"explain 192.0.2.1",
	         "egressctl: usage: egressctl explain SRC DST SERVICE [--interface NAME] [--mac "
	         "MAC]\n"},
	        {"status now", "egressctl: usage: egressctl status\n"},
	        {"check", "egressctl: usage: egressctl check FILE\n"},
	        {"status --role desk", "egressctl: status takes no option --role\n"},
	        {"--frob", "egressctl: there is no option --frob; see egressctl --help\n"},
	        {"blocked --since", "egressctl: --since needs a value; see egressctl --help\n"},
	};
	struct fixture f;
	set_up(&f);
	for (size_t i = 0; i < ELEMENTS_OF(wrong); i++) {
		ck_assert_int_eq(run(&f, wrong[i].line), OUTCOME_USAGE);
		ck_assert_str_eq(f.errors, wrong[i].errors);
		ck_assert_str_eq(f.out, "");
	}
	ck_assert_int_eq(run(&f, ""), OUTCOME_USAGE);
	ck_assert_ptr_nonnull(strstr(f.errors, "Usage: "));
	tear_down(&f);
}
END_TEST

START_TEST(help_fits_80_columns_and_has_every_verb)
{
	static const char *const names[] = {"status",  "roles",  "hosts",    "blocked",
	                                    "explain", "check",  "table",    "reload",
	                                    "restore", "assign", "unassign", "assignments",
	                                    "permit",  "revoke", "permits",  "watch"};
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "--help"), OUTCOME_DONE);
	for (const char *line = f.out; *line; line += strcspn(line, "\n") + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 80);
	for (size_t i = 0; i < ELEMENTS_OF(names); i++) {
		char start[32];
		snprintf(start, sizeof(start), "\n  %s ", names[i]);
		ck_assert_ptr_nonnull(strstr(f.out, start));
	}
	ck_assert_int_eq(run(&f, "--version"), OUTCOME_DONE);
	ck_assert_str_eq(f.out, "egressctl " EGRESSD_VERSION "\n");
	tear_down(&f);
}
END_TEST

/* The words of a line are set apart by bars; the last one is being typed. */
static void expect_completions(const char *line, const char *expected)
{
	char program[] = "egressctl", complete[] = "--complete", words[128], *text = NULL;
	char *argv[16] = {program, complete}, *rest = words;
	size_t length;
	int argc = 2;
	snprintf(words, sizeof(words), "%s", line);
	while (rest)
		argv[argc++] = strsep(&rest, "|");
	FILE *out = open_memstream(&text, &length);
	ck_assert_int_eq(egressctl_run(argc, argv, out, stderr, NOW), OUTCOME_DONE);
	fclose(out);
	ck_assert_msg(strcmp(text, expected) == 0, "%s: %s", line, text);
	free(text);
}

START_TEST(a_shell_is_told_what_may_come_next)
{
	expect_completions("re", "reload\nrestore\nrevoke\nrelease\n");
	expect_completions("--so", "--socket\n");
	expect_completions("blocked|--so", "--socket\n--source\n");
	expect_completions("--json|blocked|--by|",
	                   "source\ndestination\nhost\nservice\nreason\nrole\n");
	expect_completions("blocked|--by=r", "reason\nrole\n");
	expect_completions("blocked|--since|t", "today\n");
	expect_completions("blocked|--since|today|", "");
	expect_completions("check|", ":files\n");
	expect_completions("check|a.conf|", "");
	expect_completions("--socket|", ":files\n");
	expect_completions("alarms|", "show\nack\nclear\n");
	expect_completions("permit|www1|https|", "to\n");
	expect_completions("permit|www1|submi", "submission\nsubmissions\n");
	expect_completions("permit|www1|https|--for|2h|t", "to\n");
	expect_completions("statsu|", "");
	expect_completions("status|", "");
}
END_TEST

START_TEST(a_shell_is_told_the_names_that_the_daemon_knows_and_nothing_without_one)
{
	struct fixture f;
	set_up(&f);
	char line[128];
	static const struct {
		const char *words;
		const char *expected;
	} cases[] = {
	        {"explain|", "www1\n"},
	        {"blocked|--host|w", "www1\n"},
	        {"hosts|--role|", "desk\n"},
	        {"assign|192.0.2.9|d", "desk\n"},
	        {"alarms|ack|", "7\n6\n5\n"},
	        {"permit|www1|https|to|", "host:www1\nrole:desk\n"},
	        {"permit|www1|https|to|role:d", "role:desk\n"},
	        {"permit|www1|https|to|host:x", ""},
	        {"release|", ""}, /* that daemon does not know who is in quarantine */
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		snprintf(line, sizeof(line), "--socket|%s|%s", f.path, cases[i].words);
		expect_completions(line, cases[i].expected);
	}
	stop_daemon(&f);
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		snprintf(line, sizeof(line), "--socket=%s|%s", f.path, cases[i].words);
		expect_completions(line, "");
	}
	tear_down(&f);
}
END_TEST

START_TEST(a_verb_s_own_help_tells_of_that_verb)
{
	struct fixture f;
	set_up(&f);
	ck_assert_int_eq(run(&f, "blocked --help"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(
	        f.out, "Usage: egressctl blocked [--source ADDRESS] [--host NAME] [--role NAME]"));
	ck_assert_ptr_nonnull(strstr(f.out, "destination, host, service, reason or role"));
	ck_assert_ptr_null(strstr(f.out, "quarantine"));
	ck_assert_int_eq(run(&f, "--help permit"), OUTCOME_DONE);
	ck_assert_ptr_nonnull(strstr(f.out, " --for TIME --why TEXT\n"));
	ck_assert_ptr_nonnull(strstr(f.out, "host:NAME\nor role:NAME"));
	for (const struct verb *verb = verbs; verb->name; verb++) {
		char line[64];
		snprintf(line, sizeof(line), "%s --help", verb->name);
		ck_assert_int_eq(run(&f, line), OUTCOME_DONE);
		for (const char *rest = strchr(f.out, '\n'); *rest; rest += strcspn(rest, "\n"))
			ck_assert_uint_le(strcspn(++rest, "\n"), 80);
	}
	tear_down(&f);
}
END_TEST

int main(void)
{
	if (!place_reader())
		return EXIT_FAILURE;

	Suite *suite = suite_create("egressctl-help");
	TCase *tests = tcase_create("egressctl-help");
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, wrong_usage_ends_with_2_and_says_what_would_be_right);
	tcase_add_test(tests, help_fits_80_columns_and_has_every_verb);
	tcase_add_test(tests, a_shell_is_told_what_may_come_next);
	tcase_add_test(tests,
	               a_shell_is_told_the_names_that_the_daemon_knows_and_nothing_without_one);
	tcase_add_test(tests, a_verb_s_own_help_tells_of_that_verb);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
