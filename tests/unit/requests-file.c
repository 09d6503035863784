/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "requests_file.h"

#include "base/cleanup.h"
#include "policy/request_text.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW ((usec_t)1795356131 * USEC_PER_SEC) /* 2026-11-22 14:02:11 UTC */

/* A state directory, and what was read from it last. */
struct state {
	char directory[32];
	char file[64];
	struct requests requests;
	char *text;
};

static void set_up(struct state *state)
{
	*state = (struct state){.directory = "/tmp/egressd-test-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(state->directory));
	snprintf(state->file, sizeof(state->file), "%s/requests.json", state->directory);
}

static void tear_down(struct state *state)
{
	char path[PATH_MAX];
	requests_done(&state->requests);
	free(state->text);
	DIR *directory = opendir(state->directory);
	ck_assert_ptr_nonnull(directory);
	for (struct dirent *entry; (entry = readdir(directory));) {
		snprintf(path, sizeof(path), "%s/%s", state->directory, entry->d_name);
		(void)unlink(path); /* not "." and ".." */
	}
	closedir(directory);
	ck_assert_int_eq(rmdir(state->directory), 0);
}

static int read_again(struct state *state)
{
	requests_done(&state->requests);
	free(state->text);
	state->text = NULL;
	return requests_file_read(state->directory, NOW, &state->requests, &state->text);
}

static void write_text(const struct state *state, const char *text)
{
	FILE *out = fopen(state->file, "w");
	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_int_eq(chmod(state->file, 0600), 0);
}

static bool exists(const struct state *state, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", state->directory, name);
	return access(path, F_OK) == 0;
}

static char *copy(const char *text)
{
	char *copied = text ? strdup(text) : NULL;
	ck_assert(copied || !text);
	return copied;
}

static void add_assignment(struct requests *requests, const char *address, const char *why)
{
	struct request_entry entry = {
	        .kind = REQUEST_ASSIGN,
	        .since = NOW,
	        .uid = 1000,
	        .user = copy("alice"),
	        .role = copy("desk"),
	        .why = copy(why),
	};
	ck_assert_int_eq(address_parse(address, &entry.address), 0);
	ck_assert_int_eq(requests_add(requests, &entry), 0);
}

static void add_permit(struct requests *requests, const char *to)
{
	struct request_entry entry = {
	        .kind = REQUEST_PERMIT,
	        .since = NOW,
	        .until = NOW + 7200 * USEC_PER_SEC,
	        .user = copy("root"),
	        .host = copy("www1"),
	        .service = copy("tcp/8443"),
	        .to = copy(to),
	        .why = copy("B\xc3\xbcro \"quoted\" \\ back"),
	};
	ck_assert_int_eq(requests_add(requests, &entry), 0);
}

static void add_quarantine(struct requests *requests, const char *host, bool automatic)
{
	struct request_entry entry = {
	        .kind = REQUEST_QUARANTINE,
	        .since = NOW,
	        .until = automatic ? NOW + 3600 * USEC_PER_SEC : 0,
	        .user = copy("root"),
	        .host = copy(host),
	        .automatic = automatic,
	};
	ck_assert_int_eq(requests_add(requests, &entry), 0);
}

static void assert_text(const char *a, const char *b)
{
	ck_assert_int_eq(a == NULL, b == NULL);
	if (a)
		ck_assert_str_eq(a, b);
}

static void assert_same(const struct requests *a, const struct requests *b)
{
	ck_assert_uint_eq(a->next_id, b->next_id);
	ck_assert_uint_eq(a->list.count, b->list.count);
	for (size_t i = 0; i < a->list.count; i++) {
		const struct request_entry *x = &a->list.items[i], *y = &b->list.items[i];
		ck_assert_int_eq(x->kind, y->kind);
		ck_assert_uint_eq(x->id, y->id);
		ck_assert_uint_eq(x->since, y->since);
		ck_assert_uint_eq(x->until, y->until);
		ck_assert_uint_eq(x->uid, y->uid);
		ck_assert_int_eq(address_compare(&x->address, &y->address), 0);
		assert_text(x->user, y->user);
		assert_text(x->why, y->why);
		assert_text(x->role, y->role);
		assert_text(x->host, y->host);
		assert_text(x->service, y->service);
		assert_text(x->to, y->to);
		ck_assert_int_eq(x->automatic, y->automatic);
	}
}

START_TEST(what_was_written_is_read_again)
{
	struct state state;
	struct requests requests = {.next_id = 1};
	struct stat st;
	set_up(&state);
	add_assignment(&requests, "192.168.0.50", NULL);
	add_permit(&requests, NULL);
	add_assignment(&requests, "2001:db8::50", "moved");
	add_permit(&requests, "203.0.113.0/24");
	add_quarantine(&requests, "www1", false);
	add_quarantine(&requests, "2001:db8::50", true);
	requests_remove(&requests, 1);
	requests.as_of = NOW;

	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), 0);
	ck_assert_int_eq(read_again(&state), 0);
	assert_same(&requests, &state.requests);
	ck_assert_uint_eq(state.requests.as_of, NOW);
	ck_assert_int_eq(stat(state.file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert(!exists(&state, "requests.json.new"));
	requests_done(&requests);
	tear_down(&state);
}
END_TEST

START_TEST(a_text_has_no_characters_that_tell_a_terminal_what_to_do)
{
	ck_assert(request_text_fits("ticket 4711, für Ørsted: \xe2\x82\xac 5", 64));
	ck_assert(!request_text_fits("", 64));
	ck_assert(!request_text_fits("12345", 4));
	ck_assert(!request_text_fits("a\nb", 64));
	ck_assert(!request_text_fits("\x1b[31m", 64));
	ck_assert(!request_text_fits("\xc2\x9b"
	                             "31m",
	                             64)); /* CSI */
	ck_assert(!request_text_fits("x\xe2\x80\xae"
	                             "y",
	                             64));                  /* right to left override */
	ck_assert(!request_text_fits("x\xe2\x81\xa6", 64)); /* isolate */
	ck_assert(!request_text_fits("x\xd8\x9c", 64));     /* Arabic letter mark */
}
END_TEST

START_TEST(a_number_is_not_used_again_though_its_permit_is_gone)
{
	struct state state;
	struct requests requests = {.next_id = 1};
	set_up(&state);
	add_permit(&requests, NULL);
	requests_remove(&requests, 1);
	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), 0);
	ck_assert_int_eq(read_again(&state), 0);
	ck_assert_uint_eq(state.requests.list.count, 0);
	ck_assert_uint_eq(state.requests.next_id, 2);
	requests_done(&requests);
	tear_down(&state);
}
END_TEST

START_TEST(no_file_and_no_directory_are_no_requests)
{
	struct state state;
	set_up(&state);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_NONE);
	ck_assert_uint_eq(state.requests.list.count, 0);
	ck_assert_uint_eq(state.requests.next_id, 1);
	ck_assert_int_eq(
	        requests_file_read("/nonexistent/egressd", NOW, &state.requests, &state.text),
	        REQUESTS_FILE_NONE);
	ck_assert_ptr_null(state.text);
	tear_down(&state);
}
END_TEST

/* A request with one field in place of another; the rest of it is good. */
#define GOOD_ASSIGN                                                                                \
	"\"id\": 1, \"since\": 1, \"until\": 0, \"uid\": 0, \"user\": \"root\", \"why\": null"
#define FILE_OF(entries) "{\"version\": 1, \"next_id\": 9, \"requests\": [" entries "]}"
#define ASSIGN(fields, address, role)                                                              \
	"{" fields ", \"kind\": \"assign\", \"address\": \"" address "\", \"role\": \"" role "\"}"
#define PERMIT(until, why)                                                                         \
	"{\"id\": 2, \"since\": 1, \"until\": " until                                              \
	", \"uid\": 0, \"user\": \"root\", \"why\": " why                                          \
	", \"kind\": \"permit\", \"host\": \"www1\", \"service\": \"http\", \"to\": null}"

#define QUARANTINE(id, host)                                                                       \
	"{\"id\": " id ", \"since\": 1, \"until\": 0, \"uid\": 0, \"user\": \"root\", "            \
	"\"kind\": \"quarantine\", \"host\": " host "}"

START_TEST(a_file_by_hand_is_read)
{
	struct state state;
	set_up(&state);
	write_text(&state,
	           FILE_OF(ASSIGN(GOOD_ASSIGN, "192.0.2.1", "desk") ", " PERMIT("2", "\"x\"")));
	ck_assert_int_eq(read_again(&state), 0);
	ck_assert_uint_eq(state.requests.list.count, 2);
	ck_assert_uint_eq(state.requests.next_id, 9);
	tear_down(&state);
}
END_TEST

static const char *const broken[] = {
        "",
        "{",
        "[]",
        "7",
        "not json at all",
        "{\"version\": 1}",
        "{\"version\": 2, \"next_id\": 1, \"requests\": []}",
        "{\"version\": 1, \"next_id\": 0, \"requests\": []}",
        "{\"version\": 1, \"next_id\": -4, \"requests\": []}",
        "{\"version\": 1, \"next_id\": 1, \"requests\": [], \"requests\": []}",
        FILE_OF("{}"),
        FILE_OF("null"),
        FILE_OF(ASSIGN(GOOD_ASSIGN, "192.0.2.300", "desk")),
        FILE_OF(ASSIGN(GOOD_ASSIGN, "192.0.2.1", "")),
        FILE_OF(ASSIGN(GOOD_ASSIGN, "192.0.2.1", "a\\nb")),
        FILE_OF(ASSIGN(GOOD_ASSIGN, "192.0.2.1",
                       "a-role-whose-name-has-more-than-the-63-bytes-that-a-name-can-have")),
        FILE_OF(ASSIGN("\"id\": 0, \"since\": 1, \"until\": 0, \"uid\": 0, \"user\": \"root\"",
                       "192.0.2.1", "desk")),
        FILE_OF(ASSIGN("\"id\": 1, \"since\": 5, \"until\": 5, \"uid\": 0, \"user\": \"root\"",
                       "192.0.2.1", "desk")),
        FILE_OF(ASSIGN("\"id\": 1, \"since\": 1, \"until\": 0, \"uid\": 4294967296, \"user\": "
                       "\"root\"",
                       "192.0.2.1", "desk")),
        FILE_OF(ASSIGN("\"id\": 1, \"since\": 1, \"until\": 0, \"uid\": 0", "192.0.2.1", "desk")),
        FILE_OF(ASSIGN(GOOD_ASSIGN, "192.0.2.1", "desk") ", " ASSIGN(
                "\"id\": 2, \"since\": 1, \"until\": 0, \"uid\": 0, \"user\": \"root\"",
                "192.0.2.1", "web")),
        FILE_OF(PERMIT("2", "\"x\"") ", " PERMIT("3", "\"y\"")),
        FILE_OF(PERMIT("0", "\"x\"")),
        FILE_OF(PERMIT("2", "null")),
        FILE_OF(PERMIT("2.5", "\"x\"")),
        FILE_OF(QUARANTINE("1", "null")),
        FILE_OF(QUARANTINE("1", "\"a b\\n\"")),
        FILE_OF(QUARANTINE("1", "\"www1\"") ", " QUARANTINE("2", "\"www1\"")),
};

START_TEST(a_torn_or_foreign_file_is_set_aside_and_said)
{
	struct state state;
	set_up(&state);
	write_text(&state, broken[_i]);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	ck_assert_uint_eq(state.requests.list.count, 0);
	ck_assert_uint_eq(state.requests.next_id, 1);
	ck_assert(!exists(&state, "requests.json"));
	ck_assert(exists(&state, "requests.json.broken-20261122T140211Z"));
	ck_assert_ptr_nonnull(strstr(state.text, state.file));
	ck_assert_ptr_nonnull(strstr(state.text, "requests.json.broken-20261122T140211Z"));
	tear_down(&state);
}
END_TEST

START_TEST(a_second_broken_file_does_not_take_the_place_of_the_first)
{
	struct state state;
	set_up(&state);
	write_text(&state, "one");
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	write_text(&state, "two");
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	ck_assert(exists(&state, "requests.json.broken-20261122T140211Z"));
	ck_assert(exists(&state, "requests.json.broken-20261122T140212Z"));
	tear_down(&state);
}
END_TEST

START_TEST(a_file_cut_off_anywhere_is_never_taken_for_whole)
{
	struct state state;
	struct requests requests = {.next_id = 1};
	char whole[4096];
	set_up(&state);
	add_assignment(&requests, "192.168.0.50", "moved");
	add_permit(&requests, "mirror");
	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), 0);
	FILE *in = fopen(state.file, "r");
	ck_assert_ptr_nonnull(in);
	size_t length = fread(whole, 1, sizeof(whole) - 1, in);
	ck_assert_int_eq(fclose(in), 0);
	ck_assert_uint_lt(length, sizeof(whole) - 1);

	for (size_t n = 0; n < length; n++) {
		char cut[sizeof(whole)];
		memcpy(cut, whole, n);
		cut[n] = '\0';
		write_text(&state, cut);
		ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
		char aside[PATH_MAX];
		snprintf(aside, sizeof(aside), "%s.broken-20261122T140211Z", state.file);
		ck_assert_int_eq(unlink(aside), 0);
	}
	requests_done(&requests);
	tear_down(&state);
}
END_TEST

START_TEST(a_file_that_is_too_large_is_not_read)
{
	struct state state;
	set_up(&state);
	write_text(&state, FILE_OF(""));
	ck_assert_int_eq(truncate(state.file, (off_t)REQUESTS_FILE_MAX + 1), 0);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	ck_assert_ptr_nonnull(strstr(state.text, "larger than 64 MiB"));
	tear_down(&state);
}
END_TEST

START_TEST(a_file_that_others_may_write_to_is_not_believed)
{
	struct state state;
	set_up(&state);
	write_text(&state, FILE_OF(""));
	ck_assert_int_eq(chmod(state.file, 0620), 0);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	ck_assert_ptr_nonnull(strstr(state.text, "others than egressd may write to it"));
	tear_down(&state);
}
END_TEST

START_TEST(what_is_no_regular_file_is_not_read)
{
	struct state state;
	set_up(&state);
	ck_assert_int_eq(mkfifo(state.file, 0600), 0);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	ck_assert_ptr_nonnull(strstr(state.text, "no regular file"));
	ck_assert_int_eq(symlink("/etc/passwd", state.file), 0);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	ck_assert_ptr_nonnull(strstr(state.text, "symbolic link"));
	tear_down(&state);
}
END_TEST

START_TEST(a_directory_that_is_not_there_cannot_be_written)
{
	struct requests requests = {.next_id = 1};
	ck_assert_int_eq(requests_file_write("/nonexistent/egressd", &requests, true), -ENOENT);
	ck_assert_int_eq(requests_file_write("/proc/self", &requests, true), -ENOENT);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file)
{
	struct state state;
	struct requests requests = {.next_id = 5};
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	set_up(&state);
	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), 0);
	add_permit(&requests, NULL);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), -EFBIG);
	ck_assert(!exists(&state, "requests.json.new"));
	ck_assert_int_eq(read_again(&state), 0);
	ck_assert_uint_eq(state.requests.next_id, 5);
	requests_done(&requests);
	tear_down(&state);
}
END_TEST

START_TEST(a_temporary_file_that_was_left_behind_is_in_nobodys_way)
{
	struct state state;
	struct requests requests = {.next_id = 7};
	char left[80];
	set_up(&state);
	snprintf(left, sizeof(left), "%s.new", state.file);
	ck_assert_int_eq(symlink("/tmp/egressd-test-nowhere", left), 0);
	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), 0);
	ck_assert_int_eq(read_again(&state), 0);
	ck_assert_uint_eq(state.requests.next_id, 7);
	ck_assert_int_ne(access("/tmp/egressd-test-nowhere", F_OK), 0);
	tear_down(&state);
}
END_TEST

START_TEST(what_cannot_be_opened_now_stays_where_it_is)
{
	struct state state;
	const struct rlimit few = {.rlim_cur = 3, .rlim_max = 1024};
	set_up(&state);
	write_text(&state, FILE_OF(""));
	ck_assert_int_eq(requests_file_read(state.file, NOW, &state.requests, &state.text),
	                 -ENOTDIR);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_int_eq(read_again(&state), -EMFILE);
	ck_assert_uint_eq(state.requests.list.count, 0);
	ck_assert_uint_eq(state.requests.next_id, 1);
	ck_assert_ptr_null(state.text);
	const struct rlimit more = {.rlim_cur = 64, .rlim_max = 1024};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &more), 0);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_WHOLE);
	ck_assert_uint_eq(state.requests.next_id, 9);
	tear_down(&state);
}
END_TEST

/* The second name stays until the next version is on the disk. */
START_TEST(the_last_version_on_the_disk_is_read_when_a_later_one_was_torn)
{
	struct state state;
	struct requests requests = {.next_id = 1};
	set_up(&state);
	add_permit(&requests, NULL);
	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), 0);
	ck_assert(!requests_file_is_soft(state.directory));
	for (unsigned i = 0; i < 3; i++) {
		add_permit(&requests, NULL);
		ck_assert_int_eq(requests_file_write(state.directory, &requests, false), 0);
		ck_assert(requests_file_is_soft(state.directory));
	}
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_WHOLE);
	ck_assert_uint_eq(state.requests.list.count, 4);

	ck_assert_int_eq(truncate(state.file, 0), 0);
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_SPARE);
	ck_assert_uint_eq(state.requests.list.count, 1);
	ck_assert_ptr_nonnull(strstr(state.text, "requests.json.broken-20261122T140211Z"));
	ck_assert_ptr_nonnull(strstr(state.text, "the one of a moment before is in force"));

	ck_assert(!exists(&state, "requests.json"));

	/* Killed before the next one is written. */
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_SPARE);
	ck_assert_uint_eq(state.requests.list.count, 1);
	ck_assert_ptr_nonnull(strstr(state.text, "requests.json is missing, and the one"));

	ck_assert_int_eq(requests_file_write(state.directory, &requests, true), 0);
	ck_assert(!requests_file_is_soft(state.directory));
	ck_assert(!exists(&state, "requests.json~"));
	requests_done(&requests);
	tear_down(&state);
}
END_TEST

START_TEST(the_first_version_is_on_the_disk_at_once_and_one_torn_without_another_is_none)
{
	struct state state;
	struct requests requests = {.next_id = 1};
	set_up(&state);
	ck_assert_int_eq(requests_file_write(state.directory, &requests, false), 0);
	ck_assert(!requests_file_is_soft(state.directory));
	write_text(&state, "{");
	ck_assert_int_eq(requests_file_write(state.directory, &requests, false), 0);
	write_text(&state, "}");
	ck_assert_int_eq(read_again(&state), REQUESTS_FILE_BROKEN);
	ck_assert(!exists(&state, "requests.json"));
	tear_down(&state);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("requests-file");
	TCase *tests = tcase_create("requests-file");
	tcase_add_test(tests, what_was_written_is_read_again);
	tcase_add_test(tests, a_text_has_no_characters_that_tell_a_terminal_what_to_do);
	tcase_add_test(tests, a_number_is_not_used_again_though_its_permit_is_gone);
	tcase_add_test(tests, no_file_and_no_directory_are_no_requests);
	tcase_add_test(tests, a_file_by_hand_is_read);
	tcase_add_loop_test(tests, a_torn_or_foreign_file_is_set_aside_and_said, 0,
	                    (int)ELEMENTS_OF(broken));
	tcase_add_test(tests, a_second_broken_file_does_not_take_the_place_of_the_first);
	tcase_add_test(tests, a_file_cut_off_anywhere_is_never_taken_for_whole);
	tcase_add_test(tests, a_file_that_is_too_large_is_not_read);
	tcase_add_test(tests, a_file_that_others_may_write_to_is_not_believed);
	tcase_add_test(tests, what_is_no_regular_file_is_not_read);
	tcase_add_test(tests, a_directory_that_is_not_there_cannot_be_written);
	tcase_add_test(tests, a_full_disk_leaves_the_old_file);
	tcase_add_test(tests, a_temporary_file_that_was_left_behind_is_in_nobodys_way);
	tcase_add_test(tests, what_cannot_be_opened_now_stays_where_it_is);
	tcase_add_test(tests, the_last_version_on_the_disk_is_read_when_a_later_one_was_torn);
	tcase_add_test(
	        tests,
	        the_first_version_is_on_the_disk_at_once_and_one_torn_without_another_is_none);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
