/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"

#include "guard.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* When the table is looked at, with a clock that the test moves on and the kernel's own events. */

static int64_t ahead; /* seconds */

/* It takes the place of the C library's, for libsystemd as well. */
int clock_gettime(clockid_t id, struct timespec *now)
{
	static int (*next)(clockid_t, struct timespec *);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
	int r = next(id, now);
	if (r == 0)
		now->tv_sec += ahead;
	return r;
}

static struct kernel *kernel;
static struct guard *guard;
static sd_event *event;

/* The last look, how many there were, and what the next one finds. */
static struct suspicion seen;
static unsigned looks, calms;
static enum guard_result found;

static enum guard_result look(const struct suspicion *suspicion, void *userdata)
{
	seen = *suspicion;
	looks++;
	return found;
}

static void calm(void *userdata)
{
	calms++;
}

static void setup(void)
{
	namespace_enter();
	ahead = 0;
	looks = calms = 0;
	found = GUARD_CALM_TABLE;
	ck_assert_int_eq(kernel_open(&kernel), 0);
	ck_assert_int_ge(sd_event_default(&event), 0);
	ck_assert_int_eq(guard_new(event, kernel, look, calm, NULL, &guard), 0);
}

static void teardown(void)
{
	guard = guard_free(guard);
	event = sd_event_unref(event);
	kernel = kernel_free(kernel);
}

/* So much time passes; how often the table was looked at then. */
static unsigned pass(usec_t span)
{
	unsigned before = looks;
	ahead += (int64_t)(span / USEC_PER_SEC);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_ge(sd_event_run(event, 1), 0);
	return looks - before;
}

/* Until somebody's commit was looked at, or for a second. */
static void commit_by_others(void)
{
	unsigned before = looks;
	ck_assert_int_eq(namespace_run("nft -f -", "add table inet foreign\n"
	                                           "delete table inet foreign\n"),
	                 0);
	for (unsigned i = 0; i < 100 && looks == before; i++)
		ck_assert_int_ge(sd_event_run(event, 10 * USEC_PER_MSEC), 0);
}

START_TEST(each_minute_it_is_looked_at_and_each_hour_as_a_whole)
{
	ck_assert_uint_eq(pass(0), 0);
	ck_assert_uint_eq(pass(GUARD_EVERY - 10 * USEC_PER_SEC), 0);
	ck_assert_uint_eq(pass(10 * USEC_PER_SEC), 1);
	for (unsigned hours = 0, minutes = 1; hours < 2;) {
		ck_assert(seen.routine);
		ck_assert_uint_eq(seen.pid, 0);
		ck_assert_str_eq(seen.process, "");
		ck_assert_int_eq(seen.whole, minutes % GUARD_WHOLE == 0);
		hours += seen.whole;
		ck_assert_uint_eq(pass(GUARD_EVERY), 1);
		minutes++;
	}
	ahead = 0; /* check counts what tests take, and not in hours */
}
END_TEST

START_TEST(a_machine_that_slept_for_hours_looks_once_and_not_once_for_each_minute)
{
	ck_assert_uint_eq(pass(100 * GUARD_EVERY), 1);
	ck_assert_uint_eq(pass(GUARD_EVERY - 2 * USEC_PER_SEC), 0);
	ck_assert_uint_eq(pass(2 * USEC_PER_SEC), 1);
	ahead = 0;
}
END_TEST

START_TEST(a_commit_by_others_is_looked_at_at_once_and_is_no_routine)
{
	commit_by_others();
	ck_assert_uint_eq(looks, 1);
	ck_assert(!seen.routine && !seen.whole);
	ck_assert_str_eq(seen.process, "nft");
	ck_assert_uint_ne(seen.pid, 0);
	ck_assert_uint_eq(pass(GUARD_EVERY), 1);
	ck_assert(seen.routine);
}
END_TEST

START_TEST(what_a_routine_look_could_not_put_right_is_tried_again_and_is_no_routine_then)
{
	found = GUARD_FAILED;
	ck_assert_uint_eq(pass(GUARD_EVERY), 1);
	ck_assert(seen.routine);
	ck_assert_uint_ge(pass(1 * USEC_PER_SEC), 1);
	ck_assert(!seen.routine);
	found = GUARD_REPAIRED;
	ck_assert_uint_eq(pass(GUARD_RETRY_MAX), 1);
	ck_assert_uint_eq(pass(GUARD_CALM), 0);
	ck_assert_uint_eq(calms, 1);
}
END_TEST

START_TEST(whoever_fights_back_is_answered_more_slowly_until_there_is_peace)
{
	found = GUARD_REPAIRED;
	for (unsigned i = 0; i < 12; i++) {
		commit_by_others();
		ck_assert_uint_eq(looks, i + 1);
		ck_assert_uint_eq(seen.before, i);
		ck_assert_uint_eq(pass(GUARD_WAIT_MAX), 0);
	}
	/* Right after a repair the next is not before its time, by a clock that stands still here.
	 */
	commit_by_others();
	unsigned before = looks;
	ck_assert_int_eq(namespace_run("nft add table inet foreign", NULL), 0);
	ck_assert_uint_eq(pass(0), 0);
	ck_assert_uint_eq(pass(GUARD_WAIT_MAX), 1);
	ck_assert_uint_eq(looks, before + 1);
	ck_assert_uint_eq(calms, 0);
	ck_assert_uint_eq(pass(GUARD_CALM), 0);
	ck_assert_uint_eq(calms, 1);
	commit_by_others();
	ck_assert_uint_eq(seen.before, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guard");
	TCase *c = tcase_create("guard");
	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, each_minute_it_is_looked_at_and_each_hour_as_a_whole);
	tcase_add_test(c, a_machine_that_slept_for_hours_looks_once_and_not_once_for_each_minute);
	tcase_add_test(c, a_commit_by_others_is_looked_at_at_once_and_is_no_routine);
	tcase_add_test(
	        c, what_a_routine_look_could_not_put_right_is_tried_again_and_is_no_routine_then);
	tcase_add_test(c, whoever_fights_back_is_answered_more_slowly_until_there_is_peace);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
