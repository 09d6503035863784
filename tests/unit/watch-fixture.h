/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_UNIT_WATCH_FIXTURE_H
#define EGRESSD_TESTS_UNIT_WATCH_FIXTURE_H

#include "watch.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

static inline const char *at(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	snprintf(path, PATH_MAX, "%s/%s", scene.root, name);
	return path;
}

static inline void put(const char *name, const char *content)
{
	_cleanup_close_ int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, strlen(content)), (int)strlen(content));
}

static inline void make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(at(name), 0755), 0);
}

static inline void make_link(const char *target, const char *name)
{
	ck_assert_int_eq(symlink(target, at(name)), 0);
}

static inline void move(const char *from, const char *to)
{
	ck_assert_int_eq(rename(at(from), at(to)), 0);
}

static inline void drop(const char *name)
{
	ck_assert_int_eq(remove(at(name)), 0);
}

static inline void on_change(void *userdata)
{
	scene.told++;
	memset(scene.content, 0, sizeof(scene.content));
	_cleanup_close_ int fd = open(at(scene.reads), O_RDONLY);
	if (fd >= 0)
		ck_assert_int_ge(read(fd, scene.content, sizeof(scene.content) - 1), 0);
}

static inline usec_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

/* Returns how often something happened. */
static inline unsigned run_for(usec_t span)
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
static inline bool is_told(void)
{
	usec_t end = now() + USEC_PER_SEC;
	for (usec_t t = now(); t < end && !scene.told; t = now())
		ck_assert_int_ge(sd_event_run(scene.event, end - t), 0);
	return scene.told;
}

/* Lets everything be told that waits, and starts counting. */
static inline void settle(void)
{
	while (run_for(4 * QUIET))
		;
	scene.told = 0;
}

static inline void expect_content(const char *content)
{
	ck_assert(is_told());
	run_for(3 * QUIET);
	ck_assert_str_eq(scene.content, content);
	scene.told = 0;
}

static inline void expect_nothing(void)
{
	run_for(4 * QUIET);
	ck_assert_uint_eq(scene.told, 0);
}

static inline void watch_file(const char *name)
{
	const char *path = at(name);
	scene.reads = name;
	ck_assert_int_eq(watch_set(scene.watch, &path, 1, NULL, 0), 0);
	settle();
}

static inline void setup(void)
{
	scene = (struct scene){.root = "/tmp/egressd-watch-XXXXXX", .reads = "none"};
	ck_assert_ptr_nonnull(mkdtemp(scene.root));
	ck_assert_int_ge(sd_event_new(&scene.event), 0);
	ck_assert_int_eq(watch_new(scene.event, on_change, NULL, &scene.watch), 0);
	ck_assert_int_eq(watch_pace(scene.watch, QUIET, CAP, NEVER), 0);
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline void teardown(void)
{
	scene.watch = watch_free(scene.watch);
	scene.event = sd_event_unref(scene.event);
	nftw(scene.root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
