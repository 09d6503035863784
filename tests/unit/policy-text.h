/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_POLICY_TEXT_H
#define EGRESSD_TESTS_POLICY_TEXT_H

#include "../runner.h"
#include "base/problems.h"
#include "policy/load.h"
#include "policy/print.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* For tests of the policy: loading a text, and the problems that come of it as one string. */

/* A complete policy on one line, so that what a test appends begins in line 2. */
#define GATEWAY "gateway = { inside = [ \"lan0\" ]; }; "
#define NOBODY  "roles = { }; hosts = ( );\n"
#define ROLE    "roles = { r = { }; }; "

/* The problems as problems_print() writes them; the caller frees it. */
static inline char *problems_text(const struct problems *problems)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(stream);
	problems_print(problems, stream);
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

/* Loads a text of that length that must be refused with just these problems. */
static inline void assert_refused_bytes(const char *text, size_t length, const char *expected)
{
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load_text("a.conf", text, length, &problems, &policy);
	char *found = problems_text(&problems);
	ck_assert_str_eq(found, expected);
	ck_assert_int_eq(r, POLICY_REJECTED);
	ck_assert_ptr_null(policy);
	free(found);
	problems_done(&problems);
}

static inline void assert_refused(const char *text, const char *expected)
{
	assert_refused_bytes(text, strlen(text), expected);
}

/* Loads a text that must be accepted; the caller frees the policy. */
static inline struct policy *assert_loads(const char *text)
{
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load_text("a.conf", text, strlen(text), &problems, &policy);
	char *found = problems_text(&problems);
	ck_assert_str_eq(found, "");
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_nonnull(policy);
	free(found);
	problems_done(&problems);
	return policy;
}

/* The policy as policy_print() writes it; the caller frees it. */
static inline char *policy_text(const struct policy *policy)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(policy_print(policy, stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

/* Runs one case of tests; what main() returns. */
static inline int run_tests(TCase *tests)
{
	Suite *suite = suite_create("policy");
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

#endif
