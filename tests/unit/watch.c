/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "watch.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define QUIET (20 * USEC_PER_MSEC)
#define CAP   (200 * USEC_PER_MSEC)
#define NEVER (3600 * USEC_PER_SEC)

/* A directory of its own, an event loop and a watch whose owner reads the file when it is told. */
struct scene {
	char root[64];
	sd_event *event;
	struct watch *watch;
	const char *reads; /* the path that it reads, within root */
	unsigned told;
	char content[64]; /* as last read; empty when there is no such file */
};

static struct scene scene;

static const char *at(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	snprintf(path, PATH_MAX, "%s/%s", scene.root, name);
	return path;
}

static void put(const char *name, const char *content)
{
	_cleanup_close_ int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, strlen(content)), (int)strlen(content));
}

static void make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(at(name), 0755), 0);
}

static void make_link(const char *target, const char *name)
{
	ck_assert_int_eq(symlink(target, at(name)), 0);
}

static void move(const char *from, const char *to)
{
	ck_assert_int_eq(rename(at(from), at(to)), 0);
}

static void drop(const char *name)
{
	ck_assert_int_eq(remove(at(name)), 0);
}

static void on_change(void *userdata)
{
	scene.told++;
	memset(scene.content, 0, sizeof(scene.content));
	_cleanup_close_ int fd = open(at(scene.reads), O_RDONLY);
	if (fd >= 0)
		ck_assert_int_ge(read(fd, scene.content, sizeof(scene.content) - 1), 0);
}

static usec_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

/* Returns how often something happened. */
static unsigned run_for(usec_t span)
{
	usec_t end = now() + span;
	unsigned happened = 0;
	for (usec_t t = now(); t < end; t = now()) {
		int r = sd_event_run(scene.event, end - t);
		ck_assert_int_ge(r, 0);
		happened += r > 0;
	}
	return happened;
}

/* Until the owner was told, or for a second. */
static bool is_told(void)
{
	usec_t end = now() + USEC_PER_SEC;
	for (usec_t t = now(); t < end && !scene.told; t = now())
		ck_assert_int_ge(sd_event_run(scene.event, end - t), 0);
	return scene.told;
}

/* Lets everything be told that waits, and starts counting. */
static void settle(void)
{
	while (run_for(4 * QUIET))
		;
	scene.told = 0;
}

static void expect_content(const char *content)
{
	ck_assert(is_told());
	run_for(3 * QUIET);
	ck_assert_str_eq(scene.content, content);
	scene.told = 0;
}

static void expect_nothing(void)
{
	run_for(4 * QUIET);
	ck_assert_uint_eq(scene.told, 0);
}

static void watch_file(const char *name)
{
	const char *path = at(name);
	scene.reads = name;
	ck_assert_int_eq(watch_set(scene.watch, &path, 1, NULL, 0), 0);
	settle();
}

static void setup(void)
{
	scene = (struct scene){.root = "/tmp/egressd-watch-XXXXXX", .reads = "none"};
	ck_assert_ptr_nonnull(mkdtemp(scene.root));
	ck_assert_int_ge(sd_event_new(&scene.event), 0);
	ck_assert_int_eq(watch_new(scene.event, on_change, NULL, &scene.watch), 0);
	ck_assert_int_eq(watch_pace(scene.watch, QUIET, CAP, NEVER), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void teardown(void)
{
	scene.watch = watch_free(scene.watch);
	scene.event = sd_event_unref(scene.event);
	nftw(scene.root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

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
	tcase_add_test(c, a_burst_is_told_once_and_after_its_last_change);
	tcase_add_test(c, changes_that_never_pause_are_told_by_the_cap);
	tcase_add_test(c, an_overflown_queue_counts_as_a_change);
	tcase_add_test(c, what_inotify_does_not_tell_the_poll_finds);
	tcase_add_test(c, setting_new_files_is_told_once_and_the_same_again_not);
	tcase_add_test(c, new_files_that_are_as_they_were_read_are_not_told);
	tcase_add_test(c, new_files_that_were_changed_before_they_were_watched_are_told);
	tcase_add_test(c, a_new_file_that_could_not_be_read_or_a_directory_is_told);
	tcase_add_test(c, a_change_that_was_seen_is_told_though_new_files_are_as_they_were_read);
	tcase_add_test(c, an_owner_that_sets_the_files_when_told_is_not_told_for_ever);
	tcase_add_test(c, links_in_a_circle_are_said_to_be_unwatchable);
	tcase_add_test(
	        c, what_happened_before_it_is_read_unasked_is_not_told_and_what_happens_then_is);
	tcase_add_test(c, a_poll_sees_what_changed_since_it_was_read_unasked);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
