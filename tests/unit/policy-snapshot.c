/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "policy-text.h"
#include "policy/print.h"
#include "policy/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration in three files, which is gone from the disk by the time it is read again. */

static char folder[] = "/tmp/egressd-snapshot-XXXXXX";

static const struct {
	const char *path, *text;
} files[] = {
        {"main.conf", "gateway = { inside = [ \"lan0\" ]; };\n"
                      "include = [ \"roles.d/*.conf\" ];\n"
                      "networks = { bad = { file = \"bad.txt\"; }; };\n"
                      "blocklist = [ \"bad\" ];\n"
                      "hosts = ( { name = \"h\"; role = \"desk\"; address = \"192.0.2.1\"; } );\n"},
        {"bad.txt", "203.0.113.0/24\n# with a NUL behind the end of what counts\n"},
        {"roles.d/a.conf", "roles = { desk = { outbound = [ \"http\" ]; }; };\n"},
        {"roles.d/b.conf", "services = { x = [ \"tcp/1\" ]; };\n"},
};

static void enter_folder(void)
{
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	umask(022);
	ck_assert_int_eq(mkdir("roles.d", 0755), 0);
	for (size_t i = 0; i < ELEMENTS_OF(files); i++) {
		FILE *file = fopen(files[i].path, "we");
		ck_assert_ptr_nonnull(file);
		ck_assert_int_ge(fputs(files[i].text, file), 0);
		ck_assert_int_eq(fclose(file), 0);
	}
}

static void remove_files(void)
{
	for (size_t i = 0; i < ELEMENTS_OF(files); i++)
		(void)unlink(files[i].path);
}

static void leave_folder(void)
{
	remove_files();
	ck_assert_int_eq(rmdir("roles.d"), 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static char *print(const struct policy *policy)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(policy_print(policy, out), 0);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* Loads the files, and gives the snapshot's text and the policy as it is printed. */
static char *take_snapshot(size_t *ret_length, char **ret_printed)
{
	struct problems problems = {};
	struct policy *policy;
	char *text = NULL;
	struct snapshot_writer writer = {.out = open_memstream(&text, ret_length)};
	const struct policy_origin origin = {.file = "main.conf", .copy = &writer};

	ck_assert_ptr_nonnull(writer.out);
	snapshot_begin(&writer);
	ck_assert_int_eq(policy_load_from(&origin, &problems, &policy), 0);
	snapshot_end(&writer, policy->digest, 1764268000000000);
	ck_assert_int_eq(fclose(writer.out), 0);
	ck_assert(!writer.oversize);
	*ret_printed = print(policy);
	policy_free(policy);
	return text;
}

/* Loads a policy from a snapshot's text, of which only a copy is changed. NULL: it is refused. */
static struct policy *load_snapshot(const char *text, size_t length, struct problems *problems)
{
	struct snapshot snapshot;
	struct policy *policy = NULL;
	char *copy = malloc(length + 1); /* of that size, so that a sanitizer sees its end */
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, length);
	int r = snapshot_parse(copy, length, &snapshot);
	if (r == 0) {
		const struct policy_origin origin = {.snapshot = &snapshot};
		ck_assert_uint_eq(snapshot.time, 1764268000000000);
		r = policy_load_from(&origin, problems, &policy);
		ck_assert(r == 0 || r == POLICY_REJECTED);
		snapshot_done(&snapshot);
	} else {
		ck_assert_int_eq(r, SNAPSHOT_BROKEN);
	}
	free(copy);
	return policy;
}

START_TEST(what_was_read_can_be_loaded_when_the_files_are_gone)
{
	size_t length;
	char *printed, *text = take_snapshot(&length, &printed);
	struct problems problems = {};
	remove_files();
	struct policy *policy = load_snapshot(text, length, &problems);
	ck_assert_ptr_nonnull(policy);
	char *again = print(policy);
	ck_assert_str_eq(again, printed);
	ck_assert_str_eq(policy->file, "main.conf");
	ck_assert_str_eq(policy->services.items[policy->services.count - 1].at.file,
	                 "roles.d/b.conf");
	policy_free(policy);
	problems_done(&problems);
	free(again);
	free(printed);
	free(text);
}
END_TEST

START_TEST(one_that_is_cut_short_anywhere_is_refused)
{
	size_t length;
	char *printed, *text = take_snapshot(&length, &printed);
	for (size_t n = 0; n < length; n++) {
		struct problems problems = {};
		ck_assert_msg(!load_snapshot(text, n, &problems), "with %zu of %zu bytes", n,
		              length);
		problems_done(&problems);
	}
	free(printed);
	free(text);
}
END_TEST

/* The time alone is not held by the digest, nor what the paths are called. */
static bool is_free(const char *text, size_t at)
{
	const char *end = strstr(text, "\nend ");
	return end && at > (size_t)(end - text) + 5 + 64;
}

START_TEST(one_with_any_byte_changed_is_refused_or_the_same_policy)
{
	size_t length;
	char *printed, *text = take_snapshot(&length, &printed);
	for (size_t n = 0; n < length; n++) {
		struct problems problems = {};
		if (is_free(text, n))
			continue;
		text[n] ^= 1;
		struct policy *policy = load_snapshot(text, length, &problems);
		text[n] ^= 1;
		if (policy) {
			char *again = print(policy);
			ck_assert_str_eq(again, printed);
			free(again);
		}
		policy_free(policy);
		problems_done(&problems);
	}
	free(printed);
	free(text);
}
END_TEST

START_TEST(one_of_other_files_than_the_digest_says_is_refused_and_says_so)
{
	size_t length;
	char *printed, *text = take_snapshot(&length, &printed);
	struct problems problems = {};
	char *http = strstr(text, "http");
	ck_assert_ptr_nonnull(http);
	memcpy(http, "ping", 4);
	ck_assert_ptr_null(load_snapshot(text, length, &problems));
	char *found = problems_text(&problems);
	ck_assert_str_eq(found, "main.conf: what was kept of it is not what it was: the digest is "
	                        "another\n");
	free(found);
	problems_done(&problems);
	free(printed);
	free(text);
}
END_TEST

START_TEST(lengths_that_run_over_are_refused)
{
	static const char *const texts[] = {
	        "egressd configuration 1\nfile 18446744073709551615 1\n",
	        "egressd configuration 1\nfile 1 18446744073709551615\na\n",
	        "egressd configuration 1\nfile 0 0\n\n\n",
	        "egressd configuration 1\nfile 1 268435456\na\n",
	        "egressd configuration 1\nfile  1\n",
	        "egressd configuration 1\n",
	        "egressd configuration 2\n",
	        "",
	};
	for (size_t i = 0; i < ELEMENTS_OF(texts); i++) {
		struct problems problems = {};
		ck_assert_ptr_null(load_snapshot(texts[i], strlen(texts[i]), &problems));
		problems_done(&problems);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-snapshot");
	TCase *one = tcase_create("snapshot");
	tcase_add_checked_fixture(one, enter_folder, leave_folder);
	tcase_add_test(one, what_was_read_can_be_loaded_when_the_files_are_gone);
	tcase_add_test(one, one_that_is_cut_short_anywhere_is_refused);
	tcase_add_test(one, one_with_any_byte_changed_is_refused_or_the_same_policy);
	tcase_add_test(one, one_of_other_files_than_the_digest_says_is_refused_and_says_so);
	tcase_add_test(one, lengths_that_run_over_are_refused);
	tcase_set_timeout(one, 60);
	suite_add_tcase(suite, one);
	return run_suite(suite);
}
