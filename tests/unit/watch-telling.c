/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "watch-fixture.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

START_TEST(a_burst_is_told_once_and_after_its_last_change)
{
	put("file", "one");
	watch_file("file");
	char text[16];
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "%u", i);
		put("file", text);
		run_for(QUIET / 10);
	}
	expect_content("19");
	put("file", "a");
	put("file", "b");
	ck_assert(is_told());
	run_for(3 * QUIET);
	ck_assert_uint_eq(scene.told, 1);
}
END_TEST

START_TEST(changes_that_never_pause_are_told_by_the_cap)
{
	put("file", "one");
	watch_file("file");
	ck_assert_int_eq(watch_pace(scene.watch, 10 * QUIET, 20 * QUIET, NEVER), 0);
	usec_t start = now();
	while (!scene.told && now() - start < 2 * USEC_PER_SEC) {
		put("file", "more");
		run_for(QUIET);
	}
	usec_t took = now() - start;
	ck_assert_uint_eq(scene.told, 1);
	ck_assert_uint_ge(took, 9 * QUIET);
	ck_assert_uint_le(took, 40 * QUIET);
}
END_TEST

START_TEST(an_overflown_queue_counts_as_a_change)
{
	put("file", "one");
	make_directory("elsewhere");
	watch_file("file");

	unsigned limit = 0;
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%u", &limit), 1);
	ck_assert_uint_le(limit, 1000000);

	/* Neighbours' events fill the queue; what happens to the file itself is lost. */
	put("a", "");
	const char *a = at("a"), *b = at("b");
	for (unsigned i = 0; i <= limit / 2; i++) {
		ck_assert_int_eq(rename(a, b), 0);
		ck_assert_int_eq(rename(b, a), 0);
	}
	put("elsewhere/file", "two");
	drop("file");
	make_link("elsewhere/file", "file");
	expect_content("two");
	put("elsewhere/file", "three");
	expect_content("three");
}
END_TEST

START_TEST(what_inotify_does_not_tell_the_poll_finds)
{
	make_directory("etc");
	put("etc/file", "one");
	watch_file("etc/file");
	/* A write through a hard link in another directory is no event of this one. */
	ck_assert_int_eq(link(at("etc/file"), at("other")), 0);
	settle();
	put("other", "two");
	expect_nothing();
	ck_assert_int_eq(watch_pace(scene.watch, QUIET, CAP, QUIET), 0);
	expect_content("two");
	run_for(USEC_PER_SEC / 2);
	ck_assert_uint_eq(scene.told, 0);
}
END_TEST

START_TEST(setting_new_files_is_told_once_and_the_same_again_not)
{
	put("a", "1");
	put("b", "2");
	const char *files[] = {at("a"), at("b")};
	scene.reads = "b";
	ck_assert_int_eq(watch_set(scene.watch, files, 1, NULL, 0), 0);
	ck_assert(is_told());
	settle();
	ck_assert_int_eq(watch_set(scene.watch, files, 1, NULL, 0), 0);
	expect_nothing();
	/* What was read before it was watched may have changed in between. */
	ck_assert_int_eq(watch_set(scene.watch, files, 2, NULL, 0), 0);
	expect_content("2");
	run_for(4 * QUIET);
	ck_assert_uint_eq(scene.told, 0);
	ck_assert_int_eq(watch_set(scene.watch, files + 1, 1, NULL, 0), 0);
	expect_nothing();
	put("a", "no more");
	expect_nothing();
}
END_TEST

START_TEST(new_files_that_are_as_they_were_read_are_not_told)
{
	put("a", "1");
	put("b", "2");
	const char *files[] = {at("a"), at("b")};
	struct stat states[2];
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(stat(files[i], &states[i]), 0);
	scene.reads = "b";
	ck_assert_int_eq(watch_set(scene.watch, files, 2, NULL, 0), 0);
	watch_were_read(scene.watch, files, states, 2);
	expect_nothing();
	put("b", "three");
	expect_content("three");
}
END_TEST

START_TEST(new_files_that_were_changed_before_they_were_watched_are_told)
{
	put("a", "1");
	put("b", "2");
	const char *files[] = {at("a"), at("b")};
	struct stat states[2];
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(stat(files[i], &states[i]), 0);
	put("b", "three");
	scene.reads = "b";
	ck_assert_int_eq(watch_set(scene.watch, files, 2, NULL, 0), 0);
	watch_were_read(scene.watch, files, states, 2);
	expect_content("three");
}
END_TEST

START_TEST(a_new_file_that_could_not_be_read_or_a_directory_is_told)
{
	put("a", "1");
	make_directory("roles.d");
	const char *files[] = {at("a"), at("none")}, *directories[] = {at("roles.d")};
	struct stat states[2] = {};
	ck_assert_int_eq(stat(files[0], &states[0]), 0);
	scene.reads = "a";
	ck_assert_int_eq(watch_set(scene.watch, files, 2, NULL, 0), 0);
	watch_were_read(scene.watch, files, states, 2);
	ck_assert(is_told());
	settle();
	ck_assert_int_eq(watch_set(scene.watch, files, 1, directories, 1), 0);
	watch_were_read(scene.watch, files, states, 1);
	ck_assert(is_told());
}
END_TEST

START_TEST(a_change_that_was_seen_is_told_though_new_files_are_as_they_were_read)
{
	put("a", "1");
	put("b", "2");
	const char *files[] = {at("a"), at("b")};
	struct stat states[2];
	watch_file("a");
	put("a", "changed");
	sd_event_run(scene.event, USEC_PER_SEC);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(stat(files[i], &states[i]), 0);
	ck_assert_int_eq(watch_set(scene.watch, files, 2, NULL, 0), 0);
	watch_were_read(scene.watch, files, states, 2);
	expect_content("changed");
}
END_TEST

static void watch_both(const char *file, const char *directory)
{
	const char *files[] = {at(file)}, *directories[] = {at(directory)};
	scene.reads = file;
	ck_assert_int_eq(watch_set(scene.watch, files, 1, directories, 1), 0);
}

/* Nothing was told of it yet, or it waits to be told. */
START_TEST(what_happened_before_it_is_read_unasked_is_not_told_and_what_happens_then_is)
{
	make_directory("roles.d");
	put("a", "1");
	watch_both("a", "roles.d");
	settle();
	for (unsigned noted = 0; noted < 2; noted++) {
		put("a", "2");
		put("roles.d/b.conf", "");
		move("a", "c");
		put("a", "3");
		if (noted)
			sd_event_run(scene.event, USEC_PER_SEC);
		watch_is_read(scene.watch);
		watch_both("a", "roles.d");
		expect_nothing();
		put("a", "four");
		expect_content("four");
		drop("roles.d/b.conf");
		ck_assert(is_told());
		settle();
	}
}
END_TEST

START_TEST(a_poll_sees_what_changed_since_it_was_read_unasked)
{
	put("a", "1");
	watch_file("a");
	ck_assert_int_eq(watch_pace(scene.watch, QUIET, CAP, 4 * QUIET), 0);
	put("a", "2");
	watch_is_read(scene.watch);
	run_for(10 * QUIET);
	ck_assert_uint_eq(scene.told, 0);
	put("a", "three");
	expect_content("three");
}
END_TEST

static void set_again(void *userdata)
{
	const char *files[] = {at("file"), at("roles.d/a.conf")}, *directories[] = {at("roles.d")};
	scene.told++;
	ck_assert_int_eq(watch_set(*(struct watch **)userdata, files, 2, directories, 1), 0);
}

START_TEST(an_owner_that_sets_the_files_when_told_is_not_told_for_ever)
{
	_cleanup_(watch_freep) struct watch *watch = NULL;
	ck_assert_int_eq(watch_new(scene.event, set_again, &watch, &watch), 0);
	ck_assert_int_eq(watch_pace(watch, QUIET, CAP, NEVER), 0);
	put("file", "one");
	set_again(&watch);
	settle();
	expect_nothing();
	make_directory("roles.d");
	put("roles.d/a.conf", "");
	ck_assert(is_told());
	settle();
	expect_nothing();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch-telling");
	TCase *c = tcase_create("watch-telling");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_burst_is_told_once_and_after_its_last_change);
	tcase_add_test(c, changes_that_never_pause_are_told_by_the_cap);
	tcase_add_test(c, an_overflown_queue_counts_as_a_change);
	tcase_add_test(c, what_inotify_does_not_tell_the_poll_finds);
	tcase_add_test(c, setting_new_files_is_told_once_and_the_same_again_not);
	tcase_add_test(c, new_files_that_are_as_they_were_read_are_not_told);
	tcase_add_test(c, new_files_that_were_changed_before_they_were_watched_are_told);
	tcase_add_test(c, a_new_file_that_could_not_be_read_or_a_directory_is_told);
	tcase_add_test(c, a_change_that_was_seen_is_told_though_new_files_are_as_they_were_read);
	tcase_add_test(
	        c, what_happened_before_it_is_read_unasked_is_not_told_and_what_happens_then_is);
	tcase_add_test(c, a_poll_sees_what_changed_since_it_was_read_unasked);
	tcase_add_test(c, an_owner_that_sets_the_files_when_told_is_not_told_for_ever);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
