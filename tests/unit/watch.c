/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "watch-fixture.h"

#include <check.h>
#include <stdio.h>

START_TEST(a_file_written_in_place_is_told)
{
	put("file", "one");
	watch_file("file");
	expect_nothing();
	put("file", "two");
	expect_content("two");
	put("file", "three");
	expect_content("three");
}
END_TEST

START_TEST(a_file_replaced_by_rename_is_told_every_time)
{
	put("file", "one");
	watch_file("file");
	put("new", "two");
	expect_nothing();
	move("new", "file");
	expect_content("two");
	put("new", "three");
	move("new", "file");
	expect_content("three");
	/* An editor that keeps a backup: the file goes away under another name first. */
	move("file", "file~");
	put("file", "four");
	expect_content("four");
}
END_TEST

START_TEST(a_link_turned_elsewhere_is_told_and_its_new_target_watched)
{
	make_directory("a");
	make_directory("b");
	put("a/file", "in a");
	put("b/file", "in b");
	make_link("a/file", "file");
	watch_file("file");

	/* ln -sf */
	drop("file");
	make_link("b/file", "file");
	expect_content("in b");
	put("b/file", "in b again");
	expect_content("in b again");
	put("a/file", "nobody's any more");
	expect_nothing();

	make_link("a/file", "new");
	move("new", "file");
	expect_content("nobody's any more");
	put("a/file", "in a");
	expect_content("in a");
}
END_TEST

START_TEST(a_link_in_the_middle_of_the_path_is_watched_too)
{
	make_directory("v1");
	make_directory("v2");
	put("v1/file", "one");
	put("v2/file", "two");
	make_link(at("v1"), "current");
	watch_file("current/file");
	make_link("v2", "new");
	move("new", "current");
	expect_content("two");
	put("v2/file", "three");
	expect_content("three");
}
END_TEST

static void turn_data(const char *version, const char *content)
{
	char name[64];
	make_directory(version);
	snprintf(name, sizeof(name), "%s/file", version);
	put(name, content);
	make_link(version, "..data_tmp");
	move("..data_tmp", "..data");
}

START_TEST(a_kubernetes_volume_swapped_twice_in_a_row_is_told)
{
	turn_data("..2024_1", "one");
	make_link("..data/file", "file");
	watch_file("file");

	turn_data("..2024_2", "two");
	drop("..2024_1/file");
	drop("..2024_1");
	turn_data("..2024_3", "three");
	drop("..2024_2/file");
	drop("..2024_2");
	expect_content("three");

	turn_data("..2024_4", "four");
	expect_content("four");
	turn_data("..2024_5", "five");
	expect_content("five");
	put("..2024_5/file", "five and a half");
	expect_content("five and a half");
	put("..2024_4/file", "old");
	expect_nothing();
}
END_TEST

START_TEST(a_file_deleted_and_made_again_is_told_both_times)
{
	put("file", "one");
	watch_file("file");
	drop("file");
	expect_content("");
	put("file", "two");
	expect_content("two");
	drop("file");
	put("file", "three");
	expect_content("three");
}
END_TEST

START_TEST(other_names_in_the_directory_are_nothing_to_tell)
{
	put("file", "one");
	watch_file("file");
	put(".file.swp", "swap");
	put("file~", "backup");
	put("4913", "");
	make_directory("file.d");
	drop(".file.swp");
	drop("4913");
	expect_nothing();
	put("file", "two");
	expect_content("two");
}
END_TEST

START_TEST(a_directory_that_appears_later_is_watched)
{
	watch_file("a/b/file");
	put("unrelated", "");
	expect_nothing();
	make_directory("a");
	ck_assert(is_told());
	settle();
	make_directory("a/b");
	ck_assert(is_told());
	settle();
	put("a/b/file", "here");
	expect_content("here");
	put("a/b/file", "changed");
	expect_content("changed");
}
END_TEST

START_TEST(a_directory_replaced_as_a_whole_is_watched)
{
	make_directory("etc");
	put("etc/file", "one");
	watch_file("etc/file");
	make_directory("new");
	put("new/file", "two");
	move("etc", "old");
	move("new", "etc");
	expect_content("two");
	put("etc/file", "three");
	expect_content("three");
	put("old/file", "nobody's");
	expect_nothing();
}
END_TEST

START_TEST(a_directory_deleted_with_its_file_is_watched_when_made_again)
{
	make_directory("etc");
	put("etc/file", "one");
	watch_file("etc/file");
	drop("etc/file");
	drop("etc");
	expect_content("");
	make_directory("etc");
	put("etc/file", "two");
	expect_content("two");
	put("etc/file", "three");
	expect_content("three");
}
END_TEST

START_TEST(any_name_in_a_pattern_directory_is_told)
{
	put("file", "one");
	make_directory("roles.d");
	const char *files[] = {at("file")}, *directories[] = {at("roles.d"), at("later.d")};
	scene.reads = "roles.d/a.conf";
	ck_assert_int_eq(watch_set(scene.watch, files, 1, directories, 2), 0);
	settle();
	put("roles.d/a.conf", "a");
	expect_content("a");
	put("roles.d/a.conf", "b");
	expect_content("b");
	drop("roles.d/a.conf");
	expect_content("");
	make_directory("later.d");
	ck_assert(is_told());
	settle();
	put("later.d/x.conf", "x");
	ck_assert(is_told());
}
END_TEST

START_TEST(links_in_a_circle_are_said_to_be_unwatchable)
{
	make_link("b", "a");
	make_link("a", "b");
	const char *files[] = {at("a")};
	scene.reads = "a";
	ck_assert_int_eq(watch_set(scene.watch, files, 1, NULL, 0), 1);
	settle();
	drop("a");
	put("a", "straight");
	expect_content("straight");
	ck_assert_int_eq(watch_set(scene.watch, files, 1, NULL, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *c = tcase_create("watch");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_file_written_in_place_is_told);
	tcase_add_test(c, a_file_replaced_by_rename_is_told_every_time);
	tcase_add_test(c, a_link_turned_elsewhere_is_told_and_its_new_target_watched);
	tcase_add_test(c, a_link_in_the_middle_of_the_path_is_watched_too);
	tcase_add_test(c, a_kubernetes_volume_swapped_twice_in_a_row_is_told);
	tcase_add_test(c, a_file_deleted_and_made_again_is_told_both_times);
	tcase_add_test(c, other_names_in_the_directory_are_nothing_to_tell);
	tcase_add_test(c, a_directory_that_appears_later_is_watched);
	tcase_add_test(c, a_directory_replaced_as_a_whole_is_watched);
	tcase_add_test(c, a_directory_deleted_with_its_file_is_watched_when_made_again);
	tcase_add_test(c, any_name_in_a_pattern_directory_is_told);
	tcase_add_test(c, links_in_a_circle_are_said_to_be_unwatchable);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
